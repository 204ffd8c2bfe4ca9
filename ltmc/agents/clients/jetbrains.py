"""The agents in JetBrains editors: AI Assistant and Junie."""

from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, Piece
from ltmc.agents.places import Places, is_here


def _server(folder: Path) -> Piece:
    return JsonServer(folder / "mcp" / "mcp.json", ("mcpServers", SERVER), hooks.server_entry())


def _assistant(places: Places) -> Path:
    return places.home / ".ai"


def _junie(places: Places) -> Path:
    return places.home / ".junie"


def _user(places: Places) -> list[Piece]:
    return [_server(folder) for folder in (_assistant(places), _junie(places)) if is_here(folder)]


def _project(root: Path) -> list[Piece]:
    return [_server(root / ".ai"), _server(root / ".junie"), Block(root / "AGENTS.md", guidance.BLOCK)]


CLIENT = Client(
    "jetbrains",
    "JetBrains AI Assistant and Junie",
    lambda places: [_assistant(places), _junie(places)],
    _user,
    _project,
)
