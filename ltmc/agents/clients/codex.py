"""Codex CLI and its extension for editors."""

from collections.abc import Sequence
from pathlib import Path

from ltmc.agents import files, guidance, hooks, toml_text
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonHooks, Piece, TomlServer, command_of
from ltmc.agents.places import Places
from ltmc.agents.text import EditError

NAME = "codex"
EDITS = "Bash|apply_patch"


def _folder(places: Places) -> Path:
    return places.moved("CODEX_HOME", ".codex")


def _user(places: Places) -> list[Piece]:
    def command(event: str, matcher: str | None = None) -> dict[str, object]:
        return hooks.group(hooks.command_hook(event, NAME), matcher)

    def tool(event: str, matcher: str | None = None, fields: Sequence[str] = ()) -> dict[str, object]:
        return hooks.group(hooks.tool_hook(SERVER, event, NAME, fields), matcher)

    events = {
        # The server is not connected yet when a session starts.
        "SessionStart": [command("start", "startup|resume|clear"), command("after-compact", "compact")],
        "UserPromptSubmit": [tool("prompt")],
        # Whether a command failed stands in the transcript alone.
        "PostToolUse": [
            tool(
                "tool", EDITS, ["tool_name", "tool_input", "tool_response", "tool_use_id", "transcript_path"]
            )
        ],
        "PreCompact": [tool("before-compact")],
        "Stop": [tool("end")],
    }
    file = _folder(places) / "hooks.json"
    return [
        TomlServer(_folder(places) / "config.toml", ("mcp_servers", SERVER), hooks.server_entry()),
        *(JsonHooks(file, ("hooks", event), groups) for event, groups in events.items()),
    ]


def _project(root: Path) -> list[Piece]:
    return [
        TomlServer(root / ".codex" / "config.toml", ("mcp_servers", SERVER), hooks.server_entry()),
        Block(root / "AGENTS.md", guidance.BLOCK),
    ]


def _remark(places: Places) -> str:
    """Say so if Codex was not told yet that it may run the hooks, or if nothing answers them."""
    file = _folder(places) / "hooks.json"
    try:
        text = files.decode(files.read(_folder(places) / "config.toml"))
        states = toml_text.read(text, ("hooks", "state"))
        command = command_of(toml_text.read(text, ("mcp_servers", SERVER))) or []
    except (EditError, OSError):
        states, command = None, []
    approved = isinstance(states, dict) and any(name.startswith(f"{file}:") for name in states)
    unapproved = (
        "" if approved or not file.exists() else "its hooks are not approved yet: type /hooks in Codex"
    )
    return "; ".join(filter(None, [unapproved, hooks.unanswered(command)]))


CLIENT = Client(
    NAME,
    "Codex",
    lambda places: [_folder(places)],
    _user,
    _project,
    remark=_remark,
)
