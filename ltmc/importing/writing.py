"""Writing what was read into the memory: looked at and analysed first, then stored in one transaction."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltmc.app.secret_guard import SecretGuard
from ltmc.errors import LtmcError
from ltmc.features.graph.references import ensure, node_of
from ltmc.features.hooks.marked_parts import PRIVATE, without
from ltmc.features.memory import bulk
from ltmc.importing.items import Item, Linked, Noted, Position, Said
from ltmc.importing.texts import (
    LONGEST_TEXT,
    key_of,
    metadata_of,
    moment_of,
    name_of,
    storable,
    tags_of,
)
from ltmc.search import index
from ltmc.search.kinds import MESSAGE
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.guarded import let_through
from ltmc.storage.rows import fields
from ltmc.storage.sqlite.hook_store import SOURCE as BY_HOOKS
from ltmc.storage.sqlite.hook_store import HookStore
from ltmc.storage.tables import chats, graph, imports, projects
from ltmc.storage.tables.chats import Message
from ltmc.storage.tables.imports import ImportSource
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now
from ltmc.tools.project_scope import DEFAULT_PROJECT

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_NO_RELATION = re.compile(r"[^a-z0-9]+")


@dataclass(slots=True)
class Batch:
    """What is ready to be stored, by the keys of each."""

    messages: dict[str, Message] = field(default_factory=dict)
    notes: dict[str, Resource] = field(default_factory=dict)
    links: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """Every key."""
        return [*self.messages, *self.notes, *self.links]

    @property
    def rows(self) -> list[Message | Resource]:
        """Every message and note."""
        return [*self.messages.values(), *self.notes.values()]

    def without(self, keys: Container[str]) -> "Batch":
        """Return it without what came in before."""
        return Batch(
            {key: one for key, one in self.messages.items() if key not in keys},
            {key: one for key, one in self.notes.items() if key not in keys},
            {key: one for key, one in self.links.items() if key not in keys},
        )


class Writer:
    """Stores items of one format after the other.

    Args:
        engine: None where nothing is to be written, and there is no database to compare with.
        guard: masks secrets.
        project_of: names the project of a folder.
        clone_of: names the repository of a folder; it is noted for the project, as hooks and servers do.
        project: what all goes to; None: to the project of each.
    """

    def __init__(
        self,
        engine: Engine | None,
        guard: SecretGuard,
        project_of: Callable[[Path], str],
        clone_of: Callable[[Path], str | None],
        project: str | None,
        *,
        dry_run: bool,
    ) -> None:
        self._engine, self._guard, self._project_of, self._project = engine, guard, project_of, project
        self._clone_of, self._dry_run = clone_of, dry_run
        self._projects: dict[str, str] = {}
        self._clones: dict[str, set[str]] = {}
        self.projects: dict[str, None] = {}
        """The projects that something came into."""

    async def write(
        self, form: str, items: Sequence[Item], source: ImportSource, position: Position
    ) -> Counter[str]:
        """Store items and how far their source was read; return how many of each kind are new.

        What is left out is counted in the position.
        """
        batch = await asyncio.to_thread(self._batch, form, items, position)
        given = len(batch.keys)
        if self._engine is not None:
            async with self._engine.read() as tx:
                batch = batch.without(await imports.known(tx, batch.keys))
                talks = dict.fromkeys(
                    (one.project_id, one.conversation_id) for one in batch.messages.values()
                )
                kept = await chats.from_source(tx, talks, BY_HOOKS)  # a transcript has them again
            said = {
                key
                for key, one in batch.messages.items()
                if (one.conversation_id, one.role, one.content) in kept
            }
            batch = batch.without(said)
        self.projects |= dict.fromkeys(row.project_id for row in batch.rows)
        new = Counter(messages=len(batch.messages), memories=len(batch.notes), links=len(batch.links))
        if self._engine is not None and not self._dry_run:
            new = await self._store(self._engine, batch, source, position)
        if known := given - sum(new.values()):
            position.skip("things that came in before", known)
        return +new

    async def _store(
        self, engine: Engine, batch: Batch, source: ImportSource, position: Position
    ) -> Counter[str]:
        messages, notes = [*batch.messages.values()], batch.notes
        entries, prepared = await asyncio.to_thread(
            lambda: (
                index.prepared(MESSAGE, messages, -1),
                {key: bulk.prepare(note) for key, note in notes.items()},
            )
        )
        seen = {text for row in batch.rows for text in _texts(row)}
        let_through.set(seen | {part.text for note in prepared.values() for part in note.chunks})
        new: Counter[str] = Counter()
        async with engine.write() as tx:
            known = await imports.known(tx, batch.keys)  # another import may have been faster
            for project in dict.fromkeys(row.project_id for row in batch.rows):
                await projects.make(tx, project, now())
                for clone in self._clones.get(project, ()):
                    await _note_clone(tx, project, clone)
            fresh = [message for key, message in batch.messages.items() if key not in known]
            rows = [await chats.insert(tx, message) for message in fresh]
            await index.add(tx, MESSAGE, rows, entries)
            new["messages"] = len(rows)
            new["memories"] = await bulk.put(tx, [one for key, one in prepared.items() if key not in known])
            for key, link in batch.links.items():
                if key not in known:
                    new["links"] += await _link(tx, link, position)
            await imports.put_keys(tx, dict.fromkeys(batch.keys))
            await imports.put_source(tx, source)
        return new

    def _batch(self, form: str, items: Sequence[Item], position: Position) -> Batch:
        """Make rows of items, without secrets and what is private."""
        batch = Batch()
        for item in items:
            if isinstance(item, Said):
                if (message := self._message(form, item, position)) is not None:
                    batch.messages[key_of(form, item.key)] = message
            elif isinstance(item, Noted):
                if (note := self._note(form, item, position)) is not None:
                    batch.notes[key_of(form, note.project_id, item.origin or item.name, item.text)] = note
            elif isinstance(item, Linked):
                link = self._link(item)
                batch.links[key_of(form, *link)] = link
        return batch

    def _message(self, form: str, item: Said, position: Position) -> Message | None:
        text = self._text(item.text, position)
        if not text:
            return None
        assistant = item.role == "assistant"
        return Message(
            id=0,
            project_id=self._project_named(item),
            conversation_id=name_of(self._masked(item.conversation)) or form,
            role=item.role,
            content=text,
            agent_name=form if assistant else None,
            source_tool=form,
            metadata=metadata_of(self._masked(item.metadata)),  # before it is cut
            created_at=moment_of(item.at) or now(),
        )

    def _note(self, form: str, item: Noted, position: Position) -> Resource | None:
        text, name = self._text(item.text, position), name_of(self._masked(item.name))
        if not text or not name:
            return None
        made = moment_of(item.at) or now()
        made = min(made, now())
        return Resource(
            id=0,
            project_id=self._project_named(item),
            file_name=name,
            type=item.kind,
            content=text,
            content_hash="",
            version=1,
            tags=tags_of([*map(self._masked, item.tags), form]),
            metadata=metadata_of(self._masked(item.metadata)),  # before it is cut
            language=None,
            complexity=None,
            archived=False,
            created_at=made,
            updated_at=made,
        )

    def _link(self, item: Linked) -> tuple[str, str, str, str]:
        relation = _NO_RELATION.sub("_", item.relation.lower()).strip("_")[:60] or "related_to"
        if not relation[0].isalpha():
            relation = f"r_{relation}"
        source, target = (name_of(self._masked(name)) for name in (item.source, item.target))
        return self._project_named(item), source, relation, target

    def _text(self, text: str, position: Position) -> str:
        """Return a text as it is stored, empty where nothing is left of it."""
        shown = without(text, PRIVATE)
        if shown != text:
            position.skip("private parts")
        if len(shown) > LONGEST_TEXT:
            position.skip("ends of texts that are too long")
            shown = shown[:LONGEST_TEXT]
        clean = storable(shown)
        masked: str = self._masked(clean)
        if masked != clean:
            position.skip("texts with secrets, which are masked")
        if not masked.strip():
            position.skip("texts of which nothing is left")
        return masked if masked.strip() else ""

    def _masked(self, value: Any) -> Any:
        return masked_by(self._guard, without(storable(value), PRIVATE) if isinstance(value, str) else value)

    def _project_named(self, item: Said | Noted | Linked) -> str:
        if self._project is not None:
            return self._project
        given = item.folder or item.project or ""
        if given not in self._projects:
            folder = Path(item.folder) if item.folder and "\0" not in item.folder else None
            name = self._project_of(folder) if folder else given
            name = _NO_NAME.sub("-", self._masked(name)).strip("-")[:100]
            project = self._projects[given] = name or DEFAULT_PROJECT
            if folder and (clone := self._clone_of(folder)):
                self._clones.setdefault(project, set()).add(clone)
        return self._projects[given]


def masked_by(guard: SecretGuard, value: Any) -> Any:
    """Return a value without secrets."""
    return next(iter(guard.stored([value])))


async def _note_clone(tx: Transaction, project: str, clone: str) -> None:
    await tx.call(lambda rows: HookStore(rows).note_clone(project, clone))


async def _link(tx: Transaction, link: tuple[str, str, str, str], position: Position) -> int:
    project, source, relation, target = link
    moment = now()
    try:
        ends = [await node_of(tx, project, "link", name) for name in (source, target)]
    except LtmcError:  # a name that looks like an id and is none
        position.skip("links of things that are called like an id")
        return 0
    if not all(ends) or ends[0].lower() == ends[1].lower():
        position.skip("links of a thing with itself")
        return 0
    for end in ends:
        await ensure(tx, project, end, moment)
    _, created = await graph.upsert_edge(tx, project, ends[0], ends[1], relation, auto=False, moment=moment)
    return int(created)


def _texts(row: Message | Resource) -> list[str]:
    """Return the texts of a row, which were looked at."""
    return [value for name in fields(type(row)) if isinstance(value := getattr(row, name), str)]


def with_position(source: ImportSource, position: Position, *, finished: bool) -> ImportSource:
    """Return how far a source was read as it is remembered."""
    return source._replace(
        position=position.offset,
        prefix_hash=position.hash.hexdigest(),
        finished=finished,
        imported_at=now(),
    )
