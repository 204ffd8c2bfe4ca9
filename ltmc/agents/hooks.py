"""The hooks by which agents call LTMC: ``ltmc hook EVENT --agent NAME``, or the server's tool for hooks.

A call of the tool goes to the server that runs already; a command is a process of its own.
"""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ltmc.distribution.form import own_command
from ltmc.errors import LtmcError
from ltmc.settings import load
from ltmc.tools import selection

TOOL = "hook_event"
"""The server's tool for hooks."""

SECONDS = 10
"""After which an agent goes on without an answer."""

_FIELDS = {
    "prompt": ["prompt"],
    "tool": ["tool_name", "tool_input", "tool_response"],
    "before-compact": [],
    "after-compact": ["compact_summary"],
    "end": ["last_assistant_message"],
}
"""What the payload of an event has besides what all have; Codex refuses to fill in what there is not."""


def server_command(*, profile: str | None = None) -> list[str]:
    """Return what starts the server in the form that is running.

    Args:
        profile: of the tools to offer, for agents that take only so many.
    """
    return [*own_command(), "serve", *(["--profile", profile] if profile else [])]


def server_entry(*, profile: str | None = None) -> dict[str, Any]:
    """Return the server as most agents write it."""
    command, *args = server_command(profile=profile)
    return {"command": command, "args": args}


def call(event: str, agent: str) -> list[str]:
    """Return the command that tells LTMC of an event."""
    return [*own_command(), "hook", event, "--agent", agent]


def shell(arguments: list[str]) -> str:
    """Return a command for the shell that agents of this system use."""
    return subprocess.list2cmdline(arguments) if sys.platform == "win32" else shlex.join(arguments)


def powershell(arguments: list[str]) -> str:
    """Return a command for PowerShell."""
    return "& " + " ".join("'" + part.replace("'", "''") + "'" for part in arguments)


def command_hook(event: str, agent: str) -> dict[str, Any]:
    """Return a hook that runs a command, as most agents write it."""
    return {"type": "command", "command": shell(call(event, agent)), "timeout": SECONDS}


def tool_hook(server: str, event: str, agent: str, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Return a hook that calls the running server's tool, as Claude Code and Codex write it.

    Args:
        fields: of the payload, where they are not the event's usual ones.
    """
    fields = ["hook_event_name", "session_id", "cwd", *(fields or _FIELDS[event])]
    given = {name: f"${{{name}}}" for name in fields}
    return {
        "type": "mcp_tool",
        "server": server,
        "tool": TOOL,
        "input": {"event": event, "agent": agent} | given,
        "timeout": SECONDS,
    }


def unanswered(command: Sequence[str]) -> str:
    """Say so if the server that a command starts does not offer the tool that hooks call."""
    words = [part for word in command for part in word.split("=", 1)]
    try:
        found, _ = load(profile=dict(pairwise(words)).get("--profile"))
        offered = selection.select(found.profile, read_only=found.read_only)
    except (LtmcError, ValueError):
        return ""
    if any(tool.name == TOOL for tool in offered):
        return ""
    why = "read_only" if found.read_only else f"profile ({found.profile}; {found.profile},hooks has it)"
    return f"its hooks are not answered: the tool {TOOL} is left out by the setting {why}"


def group(hook: dict[str, Any], matcher: str | None = None) -> dict[str, Any]:
    """Return a group of one hook for what a matcher names."""
    return ({"matcher": matcher} if matcher else {}) | {"hooks": [hook]}
