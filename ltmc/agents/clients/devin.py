"""Devin Desktop, once Windsurf: its agents Devin Local and Cascade. Cascade takes 100 tools of all servers together."""

import sys
from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, Piece
from ltmc.agents.places import Places, is_here


def _local(places: Places) -> Path:
    return (places.roaming if sys.platform == "win32" else places.config) / "devin"


def _cascade(places: Places) -> Path:
    return places.home / ".codeium" / "windsurf"


def _server(folder: Path) -> Piece:
    return JsonServer(folder / "mcp_config.json", ("mcpServers", SERVER), hooks.server_entry(profile="core"))


def _user(places: Places) -> list[Piece]:
    pieces: list[Piece] = []
    if is_here(_local(places)):
        pieces += [_server(_local(places)), Block(_local(places) / "AGENTS.md", guidance.BLOCK)]
    if is_here(_cascade(places)):
        rules = _cascade(places) / "memories" / "global_rules.md"
        pieces += [_server(_cascade(places)), Block(rules, guidance.BLOCK)]
    return pieces


def _project(root: Path) -> list[Piece]:
    return [_server(root / ".devin"), Block(root / "AGENTS.md", guidance.BLOCK)]


CLIENT = Client(
    "devin", "Devin (Windsurf)", lambda places: [_local(places), _cascade(places)], _user, _project
)
