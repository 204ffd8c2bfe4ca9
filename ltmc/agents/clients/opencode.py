"""OpenCode. Its hooks are JavaScript: a plugin runs the commands."""

import json
from importlib import resources
from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, OwnFile, Piece
from ltmc.agents.places import Places
from ltmc.distribution.form import own_command


def _folder(places: Places) -> Path:
    return places.config / "opencode"


def _server(folder: Path) -> Piece:
    with_comments = folder / "opencode.jsonc"
    file = with_comments if with_comments.exists() else folder / "opencode.json"
    entry = {"type": "local", "command": hooks.server_command(), "enabled": True}
    return JsonServer(file, ("mcp", SERVER), entry)


def _user(places: Places) -> list[Piece]:
    source = resources.files("ltmc.agents").joinpath("opencode.js").read_text("utf-8")
    plugin = source.replace("const COMMAND = []", f"const COMMAND = {json.dumps(own_command())}")
    return [
        _server(_folder(places)),
        OwnFile(_folder(places) / "plugins" / "ltmc.js", plugin),
        Block(_folder(places) / "AGENTS.md", guidance.BLOCK),
    ]


def _project(root: Path) -> list[Piece]:
    return [_server(root), Block(root / "AGENTS.md", guidance.BLOCK)]


CLIENT = Client("opencode", "OpenCode", lambda places: [_folder(places)], _user, _project)
