"""Goose: its settings know the server, and a plugin has the hooks."""

import os
import sys
from pathlib import Path

from ltmc import __version__
from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, Piece, YamlServer, json_file
from ltmc.agents.places import Places

NAME = "goose"
EVENTS = {
    "SessionStart": "start",
    "UserPromptSubmit": "prompt",
    "PostToolUse": "tool",
    "PostToolUseFailure": "tool",
    "SessionEnd": "end",
}


def _folder(places: Places) -> Path:
    if named := os.environ.get("GOOSE_PATH_ROOT"):
        return Path(named) / "config"
    if sys.platform == "win32":
        return places.roaming / "Block" / "goose" / "config"
    return places.config / "goose"


def _user(places: Places) -> list[Piece]:
    plugin = places.home / ".agents" / "plugins" / "ltmc"
    command, *arguments = hooks.server_command()
    entry = {
        "enabled": True,
        "type": "stdio",
        "name": SERVER,
        "description": "Long-term memory and context",
        "cmd": command,
        "args": arguments,
        "envs": {},
        "timeout": 300,
    }
    events = {event: [hooks.group(hooks.command_hook(ours, NAME), ".*")] for event, ours in EVENTS.items()}
    return [
        YamlServer(_folder(places) / "config.yaml", "extensions", entry),
        json_file(plugin / "plugin.json", {"name": "ltmc", "version": __version__}),
        json_file(plugin / "hooks" / "hooks.json", {"hooks": events}),
    ]


def _project(root: Path) -> list[Piece]:
    return [Block(root / ".goosehints", guidance.BLOCK)]


CLIENT = Client(NAME, "Goose", lambda places: [_folder(places)], _user, _project)
