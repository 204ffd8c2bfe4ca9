"""Where agents and other memories keep what can be imported, under the home folder and where their variables say."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_EDITORS = ("Code", "Code - Insiders", "Cursor", "VSCodium", "Windsurf")
_TASKS = ("saoudrizwan.claude-dev", "rooveterinaryinc.roo-cline")


def known(home: Path) -> Iterator[tuple[str, Path]]:
    """Yield the places to look at, each with whose it is."""
    claude, codex = _variable("CLAUDE_CONFIG_DIR", home / ".claude"), _variable("CODEX_HOME", home / ".codex")
    gemini = _variable("GEMINI_CLI_HOME", home) / ".gemini"
    data = _variable("XDG_DATA_HOME", home / ".local/share")
    yield "Claude Code", claude / "projects"
    yield "Claude Code", claude / "CLAUDE.md"
    yield "Codex", codex / "sessions"
    yield "Codex", codex / "archived_sessions"
    yield "Codex", codex / "AGENTS.md"
    yield "Gemini CLI", gemini / "tmp"
    yield "Gemini CLI", gemini / "GEMINI.md"
    yield "Cursor", _variable("CURSOR_CONFIG_DIR", home / ".cursor") / "projects"
    yield "Copilot CLI", _variable("COPILOT_HOME", home / ".copilot") / "session-state"
    yield "OpenCode", data / "opencode/opencode.db"
    yield "Goose", data / "goose/sessions"
    if root := os.environ.get("GOOSE_PATH_ROOT"):
        yield "Goose", Path(root) / "data/sessions"
    yield "Cline", _variable("CLINE_DATA_DIR", _variable("CLINE_DIR", home / ".cline") / "data") / "sessions"
    for editor in _EDITORS:
        storage = _settings(home) / editor / "User/globalStorage"
        yield "Cursor", storage / "state.vscdb"
        for name in _TASKS:
            yield "Cline", storage / name / "tasks"
    yield "claude-mem", home / ".claude-mem/claude-mem.db"
    yield "engram", home / ".engram/engram.db"
    yield "basic-memory", home / "basic-memory"
    for folder in (data / "mcp-memory", home / "Library/Application Support/mcp-memory"):
        yield "mcp-memory-service", folder / "sqlite_vec.db"
    if memory := os.environ.get("MEMORY_FILE_PATH"):
        yield "server-memory", Path(memory)


def found(home: Path) -> list[tuple[str, Path]]:
    """Return the places where something is."""
    return [(whose, path) for whose, path in known(home) if _is_there(path)]


def has_notes(whose: str) -> bool:
    """Return whether all Markdown in the folder of a memory is notes."""
    return whose == "basic-memory"


def _is_there(path: Path) -> bool:
    try:
        return path.is_file() or (path.is_dir() and any(path.iterdir()))
    except OSError:
        return False


def _variable(name: str, other: Path) -> Path:
    value = os.environ.get(name)
    return Path(value).expanduser() if value else other


def _settings(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library/Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", home / "AppData/Roaming"))
    return _variable("XDG_CONFIG_HOME", home / ".config")
