"""The database of claude-mem."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltmc.importing.items import Item, Noted, Position, Said
from ltmc.importing.streams import parsed
from ltmc.importing.texts import name_of, string, strings
from ltmc.storage.sqlite.foreign import ForeignDatabase, has_tables, opened

NAME = "claude-mem"

_SUMMARY = ("request", "investigated", "learned", "completed", "next_steps", "notes")


def detect(path: Path) -> bool:
    """Return whether a file is a database of claude-mem."""
    return path.suffix == ".db" and has_tables(path, observations="memory_session_id", sdk_sessions="project")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield observations and summaries as notes, prompts as messages."""
    with opened(path) as database:
        for row in database.rows("observations"):
            if (note := _observation(row)) is not None:
                yield note
            else:
                position.skip("observations without text")
        for row in database.rows("session_summaries"):
            parts = [
                f"{part.replace('_', ' ').capitalize()}: {text}"
                for part in _SUMMARY
                if (text := string(row.get(part)))
            ]
            if not parts:
                position.skip("summaries without text")
                continue
            yield Noted(
                name=f"claude-mem/session-{row.get('id')}.md",
                text="\n\n".join(parts),
                origin=f"{row.get('memory_session_id')}\n{row.get('created_at_epoch')}",
                tags=("session-summary",),
                at=row.get("created_at_epoch") or row.get("created_at"),
                project=string(row.get("project")),
            )
        yield from _prompts(database, position)


def _observation(row: dict[str, Any]) -> Noted | None:
    title, narrative = string(row.get("title")), string(row.get("narrative")) or string(row.get("text"))
    facts, files = (strings(parsed(str(row.get(column)))) for column in ("facts", "files_modified"))
    parts = [title, string(row.get("subtitle")), narrative, "\n".join(f"- {fact}" for fact in facts)]
    if not any(parts):
        return None
    if files:
        parts.append("Files: " + ", ".join(files))
    return Noted(
        name=f"claude-mem/{row.get('id')}-{name_of((title or 'observation').replace('/', ' '), 60)}.md",
        text="\n\n".join(part for part in parts if part),
        origin=f"{row.get('memory_session_id')}\n{row.get('created_at_epoch')}\n{title}",
        tags=(str(row.get("type")), *strings(parsed(str(row.get("concepts"))))),
        at=row.get("created_at_epoch") or row.get("created_at"),
        project=string(row.get("project")),
    )


def _prompts(database: ForeignDatabase, position: Position) -> Iterator[Item]:
    projects = {
        row.get("content_session_id"): string(row.get("project")) for row in database.rows("sdk_sessions")
    }
    for row in database.rows("user_prompts"):
        session, text = string(row.get("content_session_id")), string(row.get("prompt_text"))
        if session is None or text is None:
            position.skip("prompts without text")
            continue
        yield Said(
            key=f"{session}\n{row.get('prompt_number')}\n{text}",
            conversation=session,
            role="user",
            text=text,
            at=row.get("created_at_epoch") or row.get("created_at"),
            project=projects.get(session),
        )
