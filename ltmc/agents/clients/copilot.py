"""GitHub Copilot CLI."""

from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, Piece, json_file
from ltmc.agents.places import Places

NAME = "copilot"
EVENTS = {
    "sessionStart": "start",
    "userPromptSubmitted": "prompt",
    "postToolUse": "tool",
    "postToolUseFailure": "tool",
    "preCompact": "before-compact",
    "sessionEnd": "end",
}


def _folder(places: Places) -> Path:
    return places.moved("COPILOT_HOME", ".copilot")


def _server(file: Path) -> Piece:
    return JsonServer(file, ("mcpServers", SERVER), {"type": "local", **hooks.server_entry(), "tools": ["*"]})


def _hook(event: str) -> dict[str, object]:
    arguments = hooks.call(event, NAME)
    return {
        "type": "command",
        "bash": hooks.shell(arguments),
        "powershell": hooks.powershell(arguments),
        "timeoutSec": hooks.SECONDS,
    }


def _user(places: Places) -> list[Piece]:
    events = {event: [_hook(ours)] for event, ours in EVENTS.items()}
    return [
        _server(_folder(places) / "mcp-config.json"),
        json_file(_folder(places) / "hooks" / "ltmc.json", {"version": 1, "hooks": events}),
    ]


def _project(root: Path) -> list[Piece]:
    return [
        _server(root / ".github" / "mcp.json"),
        Block(root / ".github" / "copilot-instructions.md", guidance.BLOCK),
    ]


CLIENT = Client(NAME, "Copilot CLI", lambda places: [_folder(places)], _user, _project)
