"""What the index takes of each kind of thing: the one place that says so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.search import code_fields
from ltmc.storage.engine import Row


@dataclass(frozen=True, slots=True)
class Entry:
    """A thing to be found, under the id of its owner.

    Attributes:
        fields: texts by the names that the kind's profile weighs (`ltmc.search.profiles`).
        group: the conversation or document in which neighbours count.
    """

    id: int
    project_id: str
    fields: Mapping[str, str]
    group: str | None = None


def chunk(row: Row) -> Entry:
    """A part of a memory: id, project_id, resource_id, text, file_name, tags."""
    fields = {"title": row["file_name"], "text": row["text"], "context": " ".join(_list(row["tags"]))}
    return Entry(row["id"], row["project_id"], fields, str(row["resource_id"]))


def message(row: Row) -> Entry:
    """A chat message; who spoke, and the texts of its metadata (a date, a place), can be searched for too."""
    speaker = row["agent_name"] or ""
    metadata = json.loads(row["metadata"])
    said = " ".join([speaker, *(value for value in metadata.values() if isinstance(value, str))])
    fields = {"text": row["content"], "speaker": speaker, "context": said}
    return Entry(row["id"], row["project_id"], fields, row["conversation_id"])


def todo(row: Row) -> Entry:
    """A todo."""
    return Entry(row["id"], row["project_id"], {"title": row["title"], "text": row["description"]})


def pattern(row: Row) -> Entry:
    """A code attempt."""
    fields = code_fields.fields(row["generated_code"], row["input_prompt"], row["language"])
    names = [row[name] for name in ("function_name", "file_name", "module_name") if row[name]]
    if row["function_name"] == fields["name"]:
        names.remove(row["function_name"])
    fields["context"] = " ".join([fields["context"], *names, *_list(row["tags"])]).strip()
    return Entry(row["id"], row["project_id"], fields)


def blueprint(row: Row) -> Entry:
    """A blueprint."""
    tags = " ".join(_list(row["tags"]))
    fields = {"title": row["title"], "text": row["description"], "context": tags}
    return Entry(row["id"], row["project_id"], fields)


KINDS = {"chunk": chunk, "message": message, "todo": todo, "pattern": pattern, "blueprint": blueprint}
"""Kind to what makes its entry from a row; the kinds are those of `ltmc.storage.search.SOURCES`."""


def _list(value: Any) -> Sequence[str]:
    found = json.loads(value) if isinstance(value, str) else value
    return [str(item) for item in found]
