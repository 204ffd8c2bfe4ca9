"""Sessions of Codex: a line of JSON for each event."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import head, objects
from ltmc.importing.texts import mapping, string, text_of

NAME = "codex"

_CONTEXT = (
    "<environment_context",
    "<user_instructions",
    "<permissions",
    "<turn_aborted",
    "# AGENTS.md instructions",
)
"""How messages begin that the program made."""


def detect(path: Path) -> bool:
    """Return whether a file is a session of Codex."""
    first = head(path)[:1]
    return path.suffix == ".jsonl" and bool(first) and _session(first[0]) is not None


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said, and the summaries of what was compacted."""
    about = head(path)[0]
    session, about = str(_session(about)), mapping(about.get("payload")) or about
    folder, branch = string(about.get("cwd")), string(mapping(about.get("git")).get("branch"))
    for _, record in objects(path, position):
        kind, payload = record.get("type"), mapping(record.get("payload")) or record
        folder = (kind == "turn_context" and string(payload.get("cwd"))) or folder
        role, text = "system", ""
        if kind == "compacted":
            text = string(payload.get("message")) or ""
        elif payload.get("type") == "message" and kind in ("response_item", "message"):
            role, text = str(payload.get("role")), text_of(payload.get("content"))
        else:
            position.skip("records that are no messages")
            continue
        if not text.strip():
            position.skip("messages without text (calls of tools and what these answered)")
        elif kind != "compacted" and (
            role not in ("user", "assistant") or text.lstrip().startswith(_CONTEXT)
        ):
            position.skip("records that the program made for itself")
        else:
            at = record.get("timestamp") or about.get("timestamp")
            yield Said(
                key="\n".join((session, str(at), role, text)),
                conversation=session,
                role=role,
                text=text,
                at=at,
                folder=folder,
                metadata={"branch": branch} if branch else {},
            )


def _session(first: dict[str, Any]) -> str | None:
    """Return the id of a session, which its first line tells; older versions wrote it without a type."""
    if first.get("type") == "session_meta":
        payload = mapping(first.get("payload"))
        return string(payload.get("id")) or string(payload.get("session_id"))
    return string(first.get("id")) if "instructions" in first and "type" not in first else None
