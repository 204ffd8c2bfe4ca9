"""Gemini CLI: an extension in the user's folder, which edits no file of the user's."""

from pathlib import Path

from ltmc import __version__
from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, OwnFile, Piece, json_file
from ltmc.agents.places import Places

NAME = "gemini"
EVENTS = {
    "SessionStart": ("start", None),
    "BeforeAgent": ("prompt", None),
    "AfterAgent": ("end", None),  # has the answer, which the end of the session has not
    "AfterTool": ("tool", "write_file|replace|run_shell_command"),
    "PreCompress": ("before-compact", None),
    "SessionEnd": ("end", None),
}


def _folder(places: Places) -> Path:
    return places.moved("GEMINI_CLI_HOME") / ".gemini"


def _user(places: Places) -> list[Piece]:
    extension = _folder(places) / "extensions" / "ltmc"
    manifest = {
        "name": "ltmc",
        "version": __version__,
        "description": "Long-term memory and context: recalled and kept by hooks.",
        "mcpServers": {SERVER: hooks.server_entry()},
    }
    events = {
        event: [hooks.group(hooks.command_hook(ours, NAME) | {"timeout": hooks.SECONDS * 1000}, matcher)]
        for event, (ours, matcher) in EVENTS.items()
    }
    return [
        json_file(extension / "gemini-extension.json", manifest, ("mcpServers", SERVER)),
        json_file(extension / "hooks" / "hooks.json", {"hooks": events}),
        OwnFile(extension / "skills" / "ltmc" / "SKILL.md", guidance.skill()),
    ]


def _project(root: Path) -> list[Piece]:
    return [
        JsonServer(root / ".gemini" / "settings.json", ("mcpServers", SERVER), hooks.server_entry()),
        Block(root / "GEMINI.md", guidance.BLOCK),
    ]


CLIENT = Client(
    NAME,
    "Gemini CLI",
    lambda places: [_folder(places)],
    _user,
    _project,
    "It starts servers only in folders that you trust.",
)
