"""Claude Code: a plugin in the user's folder of skills, which edits no file of the user's."""

import json
from collections.abc import Sequence
from pathlib import Path

from ltmc import __version__
from ltmc.agents import files, guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, Block, JsonServer, OwnFile, Piece, json_file
from ltmc.agents.places import Places
from ltmc.agents.text import EditError

NAME = "claude-code"
EDITS = "Edit|Write|MultiEdit|NotebookEdit|Bash"


def _folder(places: Places) -> Path:
    return places.moved("CLAUDE_CONFIG_DIR", ".claude")


def _server() -> list[str]:
    # Of servers that are started by the same words Claude Code leaves out the plugin's, which the hooks call.
    return [*hooks.server_command(), "--transport", "stdio"]


def _user(places: Places) -> list[Piece]:
    plugin = _folder(places) / "skills" / "ltmc"
    command, *arguments = _server()
    server = {"command": command, "args": arguments}
    return [
        json_file(plugin / ".mcp.json", {"mcpServers": {SERVER: server}}, ("mcpServers", SERVER)),
        json_file(
            plugin / ".claude-plugin" / "plugin.json",
            {
                "name": "ltmc",
                "version": __version__,
                "description": "Long-term memory and context: recalled and kept by hooks.",
                "author": {"name": "LTMC"},
                "license": "MIT",
            },
        ),
        json_file(plugin / "hooks" / "hooks.json", {"hooks": _hooks()}),
        OwnFile(plugin / "skills" / SERVER / "SKILL.md", guidance.skill()),
    ]


def _hooks() -> dict[str, object]:
    def command(event: str, matcher: str | None = None) -> list[object]:
        program, *arguments = hooks.call(event, NAME)  # run as they are, without a shell
        hook = {"type": "command", "command": program, "args": arguments, "timeout": hooks.SECONDS}
        return [hooks.group(hook, matcher)]

    def tool(event: str, matcher: str | None = None, fields: Sequence[str] = ()) -> list[object]:
        return [hooks.group(hooks.tool_hook(f"plugin:{SERVER}:{SERVER}", event, NAME, fields), matcher)]

    return {
        # The server is not connected yet when a session starts.
        "SessionStart": [
            *command("start", "startup|resume|clear|fork"),
            *command("after-compact", "compact"),
        ],
        "UserPromptSubmit": tool("prompt"),
        "PostToolUse": tool("tool", EDITS),
        "PostToolUseFailure": tool("tool", EDITS, ["tool_name", "tool_input", "error"]),
        "PreCompact": tool("before-compact"),
        "PostCompact": tool("after-compact"),
        "Stop": tool("end"),  # has the last answer, which the end of the session has not
    }


def _project(root: Path) -> list[Piece]:
    return [
        JsonServer(root / ".mcp.json", ("mcpServers", SERVER), hooks.server_entry()),
        Block(root / "CLAUDE.md", guidance.BLOCK),
    ]


def _twice(places: Places) -> str:
    """Say so if settings of the user's name a server of that name too."""
    file = places.moved("CLAUDE_CONFIG_DIR") / ".claude.json"
    try:
        known = json.loads(files.decode(files.read(file)) or "{}")
    except (EditError, OSError, ValueError, RecursionError):
        return ""
    projects = known.get("projects") if isinstance(known, dict) else None
    scopes = [known, *(projects.values() if isinstance(projects, dict) else ())]
    if not any(SERVER in (one.get("mcpServers") or ()) for one in scopes if isinstance(one, dict)):
        return ""
    return f"its tools are there twice, since {file} names a server {SERVER} too: claude mcp remove {SERVER}"


CLIENT = Client(
    NAME,
    "Claude Code",
    lambda places: [_folder(places)],
    _user,
    _project,
    "Sessions that run take it up with /reload-plugins.",
    lambda places: "; ".join(filter(None, [hooks.unanswered(_server()), _twice(places)])),
)
