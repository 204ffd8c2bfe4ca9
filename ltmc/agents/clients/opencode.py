"""OpenCode. Its hooks are JavaScript, so it gets guidance."""

from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, Piece
from ltmc.agents.places import Places


def _folder(places: Places) -> Path:
    return places.config / "opencode"


def _server(folder: Path) -> Piece:
    with_comments = folder / "opencode.jsonc"
    file = with_comments if with_comments.exists() else folder / "opencode.json"
    entry = {"type": "local", "command": hooks.server_command(), "enabled": True}
    return JsonServer(file, ("mcp", SERVER), entry)


def _user(places: Places) -> list[Piece]:
    return [_server(_folder(places)), Block(_folder(places) / "AGENTS.md", guidance.BLOCK)]


def _project(root: Path) -> list[Piece]:
    return [_server(root), Block(root / "AGENTS.md", guidance.BLOCK)]


CLIENT = Client("opencode", "OpenCode", lambda places: [_folder(places)], _user, _project)
