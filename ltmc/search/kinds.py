"""The kinds of things that can be found, each declared once: where it is stored, what the index takes of it,
how its parts are weighed, and how a result shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, NotRequired, TypedDict, cast

from ltmc.search import code_fields
from ltmc.search.analysis import split_words
from ltmc.search.by_words import message_fields
from ltmc.search.profiles import CHAT, CODE, PROSE, TODO_PROFILE, Profile
from ltmc.storage.sources import R, Source
from ltmc.storage.tables import blueprints, chats, patterns, resources, todos
from ltmc.storage.tables.blueprints import Blueprint
from ltmc.storage.tables.chats import Message
from ltmc.storage.tables.patterns import Pattern
from ltmc.storage.tables.resources import Chunk, Period
from ltmc.storage.tables.todos import Todo
from ltmc.timestamps import now

CONTENT, DESCRIPTION = 800, 400
"""How many characters lists show of a message or code, and of a description or prompt, that is half as long again."""

CODE_HEAD = 800
"""How many characters of code count for its meaning: the head says what it does. CoSQA MRR: all of it .003 less."""

PRIORITIES = {1: "low", 2: "medium", 3: "high"}


Content = tuple[str, ...]
"""What makes two entries of a kind the same but for whose they are: their texts."""


class Entry(NamedTuple):
    """A thing to be found, under the id of its owner.

    Attributes:
        fields: texts by the names that the kind's profile weighs (`ltmc.search.profiles`).
        meaning: the text whose vector the index holds.
        group: the conversation or document that it is a part of.
    """

    id: int
    project_id: str
    fields: Mapping[str, str]
    meaning: str
    group: str | None = None

    @property
    def content(self) -> Content:
        """Its texts."""
        return (self.meaning, *self.fields.values())


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """A kind of thing that can be found.

    Attributes:
        source: where its rows are stored.
        profile: how the parts of an entry are weighed.
        entry: what the index takes of a row.
        view: a row as search results show it.
        prose: the text that results show a passage of, where it is long.
    """

    source: Source[R]
    profile: Profile
    entry: Callable[[R], Entry]
    view: Callable[[R], Any]
    prose: Callable[[R], str] | None = None

    @property
    def name(self) -> str:
        """Its name in the index."""
        return self.source.kind


class Preview(TypedDict):
    """A text cut to a preview; `characters`: its whole length, where it was cut."""

    content: str
    truncated: NotRequired[bool]
    characters: NotRequired[int]


def preview(text: str, shown: int = CONTENT) -> Preview:
    """Cut a long text to its beginning, and say so."""
    if _is_short(text, shown):
        return {"content": text}
    return {"content": text[:shown], "truncated": True, "characters": len(text)}


def _is_short(text: str, shown: int) -> bool:
    return len(text) <= shown + shown // 2


class Described(TypedDict):
    """A description, cut to a preview where it is long; `characters`: its whole length then."""

    description: str
    truncated: NotRequired[bool]
    characters: NotRequired[int]


def described(text: str) -> Described:
    """Return a description as lists show it."""
    short = preview(text, DESCRIPTION)
    found: Described = {"description": short["content"]}
    if "characters" in short:
        found |= {"truncated": True, "characters": short["characters"]}
    return found


def head(text: str) -> str:
    """Return the beginning of a long prompt, as lists show it beside its code."""
    return text if _is_short(text, DESCRIPTION) else f"{text[:DESCRIPTION]}…"


def tail(text: str | None) -> str | None:
    """Return the end of a long error message: its last lines say what is wrong."""
    return text if text is None or _is_short(text, DESCRIPTION) else f"…{text[-DESCRIPTION:]}"


class MessageView(Preview):
    """A chat message as tools show it."""

    message_id: int
    conversation_id: str
    role: str
    agent_name: str | None
    source_tool: str | None
    timestamp: str
    metadata: dict[str, Any]


def message_view(row: Message) -> MessageView:
    """Return a chat message as tools show it, a long one as a preview."""
    return {
        **preview(row.content),
        "message_id": row.id,
        "conversation_id": row.conversation_id,
        "role": row.role,
        "agent_name": row.agent_name,
        "source_tool": row.source_tool,
        "timestamp": row.created_at,
        "metadata": row.metadata,
    }


class TodoView(Described):
    """A todo as tools show it; `due_at` where one was given, `overdue` where that is past and it is open."""

    todo_id: int
    title: str
    priority: str
    status: str
    created_at: str
    completed_at: str | None
    due_at: NotRequired[str]
    overdue: NotRequired[bool]
    project_id: NotRequired[str]


def todo_view(row: Todo) -> TodoView:
    """Return a todo as tools show it."""
    shown = {
        "todo_id": row.id,
        "title": row.title,
        **described(row.description),
        "priority": PRIORITIES[row.priority],
        "status": row.status,
        "created_at": row.created_at,
        "completed_at": row.completed_at,
    }
    view = cast("TodoView", shown)
    if row.due_at is not None:
        view["due_at"] = row.due_at
        if row.status == "pending" and row.due_at < now():
            view["overdue"] = True
    return view


class Heir(TypedDict):
    """The memory that holds in the place of another one."""

    resource_id: int
    file_name: str


class Held(TypedDict):
    """When a version of a memory held, and what took its place."""

    valid_from: NotRequired[str]
    valid_until: NotRequired[str]
    superseded_at: NotRequired[str]
    superseded_by: NotRequired[Heir]


def held(row: Chunk | Period, heir_name: str | None) -> Held:
    """Return when a version held, without what is not said of it.

    Args:
        heir_name: the name of the memory that superseded it.
    """
    shown: Held = {}
    if row.valid_from is not None:
        shown["valid_from"] = row.valid_from
    if row.valid_until is not None:
        shown["valid_until"] = row.valid_until
    if row.superseded_at is not None:
        shown["superseded_at"] = row.superseded_at
    if row.superseded_by is not None and heir_name is not None:
        shown["superseded_by"] = {"resource_id": row.superseded_by, "file_name": heir_name}
    return shown


class ChunkView(TypedDict):
    """A part of a memory as search results show it.

    It holds from `valid_from` on, or else since it was stored, until `valid_until` or another one superseded it.
    """

    resource_id: int
    chunk_id: int
    file_name: str
    resource_type: str
    version: int
    content: str
    tags: list[str]
    created_at: str
    valid_from: NotRequired[str]
    valid_until: NotRequired[str]
    superseded_at: NotRequired[str]
    superseded_by: NotRequired[Heir]
    project_id: NotRequired[str]


def chunk_view(row: Chunk) -> ChunkView:
    """Return a part of a memory as search results show it."""
    shown: ChunkView = {
        "resource_id": row.resource_id,
        "chunk_id": row.id,
        "file_name": row.file_name,
        "resource_type": row.type,
        "version": row.version,
        "content": row.text,
        "tags": row.tags,
        "created_at": row.created_at,
    }
    return {**shown, **held(row, row.heir_name)}


def _message_result(row: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {**message_view(row)}
    created = shown.pop("timestamp")
    return {**shown, "created_at": created}


class PatternResult(Preview):
    """A code attempt as search results show it."""

    pattern_id: int
    input_prompt: str
    result: str
    function_name: str | None
    file_name: str | None
    language: str | None
    tags: list[str]
    created_at: str


def _pattern_result(row: Pattern) -> PatternResult:
    return {
        "pattern_id": row.id,
        "input_prompt": head(row.input_prompt),
        **preview(row.generated_code),
        "result": row.result,
        "function_name": row.function_name,
        "file_name": row.file_name,
        "language": row.language,
        "tags": row.tags,
        "created_at": row.created_at,
    }


class BlueprintResult(Preview):
    """A blueprint as search results show it."""

    blueprint_id: str
    title: str
    kind: str
    status: str
    complexity: str
    tags: list[str]
    created_at: str


def _blueprint_result(row: Blueprint) -> BlueprintResult:
    return {
        "blueprint_id": row.blueprint_id,
        "title": row.title,
        **preview(row.description, DESCRIPTION),
        "kind": row.kind,
        "status": row.status,
        "complexity": row.complexity,
        "tags": row.tags,
        "created_at": row.created_at,
    }


def _chunk_entry(row: Chunk) -> Entry:
    """Return a chunk's entry; file name and tags say what it is about: recall@5 of notes .72 without, .76 with."""
    fields = {"title": row.file_name, "text": row.text, "context": " ".join(row.tags)}
    subject = split_words(row.file_name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return Entry(
        row.id, row.project_id, fields, f"{subject}. {row.text} {fields['context']}", str(row.resource_id)
    )


def _message_entry(row: Message) -> Entry:
    """Return a message's entry: who spoke, and the texts of the metadata (a date, a place), can be found too."""
    fields = message_fields(row.content, row.agent_name, row.metadata)
    meaning = f"{row.agent_name}: {row.content}" if row.agent_name else row.content
    return Entry(row.id, row.project_id, fields, meaning, row.conversation_id)


def _todo_entry(row: Todo) -> Entry:
    fields = {"title": row.title, "text": row.description}
    return Entry(row.id, row.project_id, fields, f"{row.title}. {row.description}")


def _pattern_entry(row: Pattern) -> Entry:
    fields = code_fields.fields(row.generated_code, row.input_prompt, row.language)
    names = [name for name in (row.function_name, row.file_name, row.module_name) if name]
    if row.function_name == fields["name"] and row.function_name in names:
        names.remove(row.function_name)
    fields["context"] = " ".join([fields["context"], *names, *row.tags]).strip()
    return Entry(row.id, row.project_id, fields, f"{row.input_prompt}\n{row.generated_code[:CODE_HEAD]}")


def _blueprint_entry(row: Blueprint) -> Entry:
    fields = {"title": row.title, "text": row.description, "context": " ".join(row.tags)}
    return Entry(row.id, row.project_id, fields, f"{row.title}. {row.description}")


CHUNK = Kind(resources.SOURCE, PROSE, _chunk_entry, chunk_view)
PAST = Kind(resources.PAST, PROSE, _chunk_entry, chunk_view)
MESSAGE = Kind(chats.SOURCE, CHAT, _message_entry, _message_result, lambda row: row.content)
TODO = Kind(todos.SOURCE, TODO_PROFILE, _todo_entry, todo_view, lambda row: row.description)
PATTERN = Kind(patterns.SOURCE, CODE, _pattern_entry, _pattern_result)
BLUEPRINT = Kind(blueprints.SOURCE, PROSE, _blueprint_entry, _blueprint_result, lambda row: row.description)
KINDS: tuple[Kind[Any], ...] = (CHUNK, PAST, MESSAGE, TODO, PATTERN, BLUEPRINT)
"""Every kind."""
