"""Cline: in VS Code and as a program of its own. Its hooks are programs that are named as the event."""

import os
import sys
from pathlib import Path

from ltmc.agents import files, guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, JsonServer, OwnFile, Piece
from ltmc.agents.places import Places, is_here
from ltmc.agents.text import EditError

NAME = "cline"
EVENTS = {
    "TaskStart": "start",
    "UserPromptSubmit": "prompt",
    "PostToolUse": "tool",
    "PreCompact": "before-compact",
    "TaskComplete": "end",
}


def _program(places: Places) -> Path:
    return places.moved("CLINE_DIR", ".cline")


def _extension(places: Places) -> Path:
    return places.application / "Code" / "User" / "globalStorage" / "saoudrizwan.claude-dev"


def _server(file: Path) -> Piece:
    return JsonServer(file, ("mcpServers", SERVER), {**hooks.server_entry(), "disabled": False})


def _user(places: Places) -> list[Piece]:
    pieces: list[Piece] = []
    if is_here(_program(places)):
        data = Path(os.environ.get("CLINE_DATA_DIR") or _program(places) / "data")
        named = os.environ.get("CLINE_MCP_SETTINGS_PATH")
        pieces.append(_server(Path(named or data / "settings" / "cline_mcp_settings.json")))
    if is_here(_extension(places)):
        pieces.append(_server(_extension(places) / "settings" / "cline_mcp_settings.json"))
    # Both read the folder in the documents; the program reads its own besides, and would run hooks twice.
    documents, own = places.home / "Documents" / "Cline", _program(places)
    rule = documents / "Rules" / "ltmc.md"
    if (own / "rules" / "ltmc.md").exists() or not is_here(documents):
        documents, rule = own, own / "rules" / "ltmc.md"
    if pieces and is_here(documents):
        pieces.append(OwnFile(rule, guidance.BLOCK))
        if sys.platform != "win32":
            pieces += _hooks(own / "hooks" if documents == own else documents / "Hooks")
    return pieces


def _hooks(folder: Path) -> list[Piece]:
    """Return the programs for the events that have none of a person's."""
    scripts = {
        folder / event: f"#!/bin/sh\nexec {hooks.shell(hooks.call(ours, NAME))}\n"
        for event, ours in EVENTS.items()
    }
    return [
        OwnFile(file, script, executable=True) for file, script in scripts.items() if not _is_theirs(file)
    ]


def _is_theirs(file: Path) -> bool:
    try:
        return f"--agent {NAME}".encode() not in (files.read(file) or f"--agent {NAME}".encode())
    except (EditError, OSError):
        return True


def _project(root: Path) -> list[Piece]:
    return [OwnFile(root / ".clinerules" / "ltmc.md", guidance.BLOCK)]


CLIENT = Client(
    NAME,
    "Cline",
    lambda places: [_program(places), _extension(places)],
    _user,
    _project,
    "Its hooks run where its settings allow hooks.",
)
