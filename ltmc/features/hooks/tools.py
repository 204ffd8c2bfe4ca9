"""Hooks."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ltmc.features.hooks.service import HookAnswer, HookService
from ltmc.tools.declaration import tool
from ltmc.tools.manifest import UNLISTED

Said = Annotated[Any, WithJsonSchema({"type": "string", UNLISTED: True})]
Given = Annotated[
    Any,
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array"}], UNLISTED: True}),
]
"""Fields of the client's payload, as it fills them in: anything is taken, and what has no meaning is left out."""


@tool("Hook", category="hooks", admin=True)
async def hook_event(
    hooks: HookService,
    /,
    event: Annotated[
        Literal["start", "prompt", "tool", "before-compact", "after-compact", "end"],
        Field(json_schema_extra={UNLISTED: True}),
    ],
    agent: Annotated[
        Literal["claude-code", "codex"], Field(json_schema_extra={UNLISTED: True})
    ] = "claude-code",
    hook_event_name: Said = None,
    session_id: Said = None,
    cwd: Said = None,
    prompt: Said = None,
    tool_name: Said = None,
    tool_input: Given = None,
    tool_response: Given = None,
    tool_use_id: Said = None,
    transcript_path: Said = None,
    error: Said = None,
    compact_summary: Said = None,
    last_assistant_message: Said = None,
) -> HookAnswer:
    """For hooks, not for models."""
    payload = {
        "hook_event_name": hook_event_name,
        "session_id": session_id,
        "cwd": cwd,
        "prompt": prompt,
        "tool_name": tool_name,
        "tool_input": tool_input,
        "tool_response": tool_response,
        "tool_use_id": tool_use_id,
        "transcript_path": transcript_path,
        "error": error,
        "compact_summary": compact_summary,
        "last_assistant_message": last_assistant_message,
    }
    return await hooks.take(event, agent, payload)
