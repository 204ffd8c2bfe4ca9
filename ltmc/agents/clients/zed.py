"""Zed: it has no hooks, and reads skills."""

import sys
from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, OwnFile, Piece
from ltmc.agents.places import Places


def _folder(places: Places) -> Path:
    return places.roaming / "Zed" if sys.platform == "win32" else places.config / "zed"


def _server(folder: Path) -> Piece:
    entry = {"source": "custom", **hooks.server_entry(), "env": {}}  # older releases want the source
    return JsonServer(folder / "settings.json", ("context_servers", SERVER), entry)


def _user(places: Places) -> list[Piece]:
    skill = places.home / ".agents" / "skills" / "ltmc" / "SKILL.md"
    return [_server(_folder(places)), OwnFile(skill, guidance.skill())]


def _project(root: Path) -> list[Piece]:
    return [_server(root / ".zed"), Block(root / "AGENTS.md", guidance.BLOCK)]


CLIENT = Client("zed", "Zed", lambda places: [_folder(places)], _user, _project)
