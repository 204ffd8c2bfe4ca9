"""What a client is told, in its own form: text that goes into the context of its model, or nothing."""

import json
from typing import Any

from ltmc.features.hooks.payloads import Event

_INJECTED = {
    "claude-code": {"SessionStart", "UserPromptSubmit"},
    "codex": {"SessionStart", "UserPromptSubmit"},
    "gemini": {"SessionStart", "BeforeAgent"},
    "cursor": {"sessionStart"},
    "copilot": {"sessionStart", "userPromptSubmitted", "SessionStart", "UserPromptSubmit"},
    "goose": {"SessionStart", "UserPromptSubmit"},
    "opencode": {"SessionStart", "UserPromptSubmit"},
}
"""The events, by their own names, whose answers clients put into the context."""

_USUAL = {
    ("gemini", "prompt"): "BeforeAgent",
    ("cursor", "start"): "sessionStart",
    ("cursor", "prompt"): "beforeSubmitPrompt",
    ("copilot", "start"): "sessionStart",
    ("copilot", "prompt"): "userPromptSubmitted",
}
"""What an event is called where the payload does not say it; else as in Claude Code."""

_ALWAYS_JSON = {"gemini", "cursor", "copilot", "cline"}
"""The clients that read an empty answer as a broken one."""


_STOPS = {"Stop", "SubagentStop", "Interrupt"}
"""The events of Codex of which the same is true."""


def native_of(event: Event) -> str:
    """Return the client's name of an event."""
    usual = {"start": "SessionStart", "after-compact": "SessionStart", "prompt": "UserPromptSubmit"}
    return event.native or _USUAL.get((event.agent, event.name)) or usual.get(event.name, "")


def can_inject(event: Event) -> bool:
    """Return whether the client puts an answer to the event into the context."""
    return native_of(event) in _INJECTED.get(event.agent, ())


def answer(event: Event, text: str) -> str:
    """Return the answer that puts a text into the context; of no text one that changes nothing."""
    native = native_of(event)
    if event.agent == "cursor" and event.name == "prompt":
        return _json({"continue": True})
    if not text or not can_inject(event):
        told = event.agent in _ALWAYS_JSON or (event.agent == "codex" and native in _STOPS)
        return "{}" if told else ""
    if event.agent == "cursor":
        return _json({"additional_context": text})
    if event.agent == "copilot" and event.plain:
        return _json({"additionalContext": text})
    return _json({"hookSpecificOutput": {"hookEventName": native, "additionalContext": text}})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value)
