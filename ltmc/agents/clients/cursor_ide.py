"""Cursor. It takes about 40 tools of all servers together."""

from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, JsonDefault, JsonHooks, JsonServer, OwnFile, Piece
from ltmc.agents.places import Places

NAME = "cursor"
EVENTS = {
    "sessionStart": "start",
    "beforeSubmitPrompt": "prompt",
    "afterFileEdit": "tool",
    "afterShellExecution": "tool",
    "afterAgentResponse": "end",  # has the answer, which the end of the session has not
    "preCompact": "before-compact",
    "sessionEnd": "end",
}


def _folder(places: Places) -> Path:
    return places.moved("CURSOR_CONFIG_DIR", ".cursor")


def _server(folder: Path) -> Piece:
    return JsonServer(folder / "mcp.json", ("mcpServers", SERVER), hooks.server_entry(profile="core"))


def _user(places: Places) -> list[Piece]:
    file = _folder(places) / "hooks.json"
    return [
        _server(_folder(places)),
        JsonDefault(file, "version", 1),
        *(
            JsonHooks(
                file,
                ("hooks", event),
                [{"command": hooks.shell(hooks.call(ours, NAME)), "timeout": hooks.SECONDS}],
            )
            for event, ours in EVENTS.items()
        ),
    ]


def _project(root: Path) -> list[Piece]:
    front = "description: Long-term memory with LTMC\nalwaysApply: true"
    return [
        _server(root / ".cursor"),
        OwnFile(root / ".cursor" / "rules" / "ltmc.mdc", guidance.rule(front)),
    ]


CLIENT = Client(NAME, "Cursor", lambda places: [_folder(places)], _user, _project)
