"""Transcripts of Claude Code: a line of JSON for each event of a session."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltmc.features.hooks.marked_parts import without
from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import head, objects
from ltmc.importing.texts import mapping, string, text_of

NAME = "claude-code"

_REMINDER = re.compile("<(?P<end>/)?system-reminder>")
_COMMANDS = ("<command-name>", "<command-message>", "<local-command-", "<bash-", "<task-notification>")
"""How texts begin that a person did not write."""


def detect(path: Path) -> bool:
    """Return whether a file is a transcript of Claude Code."""
    return path.suffix == ".jsonl" and any("sessionId" in one and "uuid" in one for one in head(path))


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said by the person, the agent and its helpers, and the summaries of what was compacted."""
    for _, record in objects(path, position):
        key, session = string(record.get("uuid")), string(record.get("sessionId"))
        if record.get("type") not in ("user", "assistant") or key is None or session is None:
            position.skip("records that are no messages")
        elif record.get("isMeta"):
            position.skip("records that the program made for itself")
        elif text := _text(record):
            helper = string(record.get("agentId"))
            branch = string(record.get("gitBranch"))
            yield Said(
                key=key,
                conversation=f"{session}/agent-{helper}" if helper and record.get("isSidechain") else session,
                role="system" if record.get("isCompactSummary") else str(record["type"]),
                text=text,
                at=record.get("timestamp"),
                folder=string(record.get("cwd")),
                metadata={"branch": branch} if branch else {},
            )
        else:
            position.skip("messages without text (calls of tools and what these answered)")


def _text(record: dict[str, Any]) -> str:
    text = without(text_of(mapping(record.get("message")).get("content")), _REMINDER).strip()
    return "" if record["type"] == "user" and text.startswith(_COMMANDS) else text
