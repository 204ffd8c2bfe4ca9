"""Storing the rows of an export of LTMC's own again, under ids that are free here."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from ltmc.features.memory.service import hash_of
from ltmc.features.memory.timeline import settle
from ltmc.importing.items import Item, Position, Row
from ltmc.importing.texts import key_of, storable
from ltmc.search.chunking import TextChunk, chunk
from ltmc.search.reindexing import expect
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.guarded import let_through
from ltmc.storage.tables import agreements, imports, projects, resources, transfer
from ltmc.storage.tables.imports import ImportSource
from ltmc.storage.tables.transfer import AGREEING, HEIRS, INFORMED, TABLES
from ltmc.timestamps import now
from ltmc.tools.arguments import PROJECT_ID, FileName, json_value

_FILE_NAME = TypeAdapter(FileName)
_NODE = re.compile(r"resource:([0-9]{1,18})")
_COUNTED_AS = {"resources": "memories", "chat_messages": "messages", "graph_edges": "links"}
_FILE = {"name": str, "mtime_ns": int, "size": int, "hash": str}


@dataclass(frozen=True, slots=True)
class Ready:
    """A row that is ready to be stored; `chunks`: of a memory."""

    table: str
    values: dict[str, Any]
    origin: str
    chunks: list[TextChunk]

    @property
    def own_key(self) -> str | None:
        """What is remembered of the row, if it is known by its id."""
        return (
            self.key(self.table, self.values["id"])
            if self.table in TABLES and TABLES[self.table].numbered
            else None
        )

    def key(self, table: str, row_id: int) -> str:
        """Return what is remembered of a row that this one speaks of."""
        return key_of("ltmc", self.origin, table, str(row_id))

    def ends(self) -> dict[str, tuple[str, int]]:
        """Return the rows that it speaks of: a column to a table and an id."""
        if self.table == HEIRS:
            return {name: ("resources", self.values[name]) for name in ("id", HEIRS)}
        if self.table == AGREEING:
            others = {str(other): ("resources", other) for other in self.values["agrees_with"]}
            return {"id": ("resources", self.values["id"]), **others}
        if self.table == INFORMED:
            of = {"message_id": "chat_messages", "resource_id": "resources"}
            return {name: (table, self.values[name]) for name, table in of.items()}
        found = {name: _NODE.fullmatch(self.values[name]) for name in TABLES[self.table].nodes}
        return {name: ("resources", int(match[1])) for name, match in found.items() if match}


class Restorer:
    """Stores rows; see `ltmc.importing.writing.Writer`.

    Args:
        mask: returns a value without secrets.
    """

    def __init__(
        self, engine: Engine | None, mask: Callable[[Any], Any], project: str | None, *, dry_run: bool
    ) -> None:
        self._engine, self._mask, self._project, self._dry_run = engine, mask, project, dry_run
        self._columns: dict[str, dict[str, tuple[str, bool, Any]]] = {}

    async def write(
        self, _form: str, items: Sequence[Item], source: ImportSource, position: Position
    ) -> Counter[str]:
        """Store rows and how far their source was read; return how many of each kind are new."""
        if self._engine is None:
            return Counter(_COUNTED_AS.get(item.table, "others") for item in items if isinstance(item, Row))
        if not self._columns:
            async with self._engine.read() as tx:
                self._columns = {table: await transfer.columns(tx, table) for table in TABLES}
        rows = await asyncio.to_thread(self._ready, items, position)
        texts = {value for row in rows for value in row.values.values() if isinstance(value, str)}
        let_through.set(texts | {part.text for row in rows for part in row.chunks})
        if self._dry_run:
            async with self._engine.read() as tx:
                return await self._counted(tx, rows)
        async with self._engine.write() as tx:
            await expect(tx)
            ids = await imports.known(tx, list(_keys(rows)))
            new: Counter[str] = Counter()
            for row in rows:
                new += await _stored(tx, row, ids, position)
            await imports.put_keys(tx, {key: owner for key, owner in ids.items() if owner is not None})
            await imports.put_source(tx, source)
        return new

    async def _counted(self, tx: Transaction, rows: Sequence[Ready]) -> Counter[str]:
        known = await imports.known(tx, list(_keys(rows)))
        new: Counter[str] = Counter()
        for row in rows:
            if row.own_key is None or not (row.own_key in known or await _is_here(tx, row)):
                new[_COUNTED_AS.get(row.table, "others")] += row.own_key is not None
        return +new

    def _ready(self, items: Sequence[Item], position: Position) -> list[Ready]:
        found = []
        for item in items:
            ready = self._row(item) if isinstance(item, Row) else None
            if ready is None:
                position.skip("rows of the wrong shape")
            else:
                found.append(ready)
        return found

    def _row(self, item: Row) -> Ready | None:
        values = item.values
        if item.table not in TABLES:
            return Ready(item.table, values, item.origin, []) if _are_ids(values, item.table) else None
        fitting = transfer.fitting(self._columns[item.table], item.table, values)
        if fitting is None or (TABLES[item.table].numbered and not _is_id(fitting.get("id"))):
            return None
        if "project_id" in fitting:
            fitting["project_id"] = self._project or fitting["project_id"]
            if not PROJECT_ID.fullmatch(fitting["project_id"]):
                return None
        if not _is_name(fitting.get("file_name", "a")) or not _is_json([*fitting.values()]):
            return None
        fitting = {
            name: self._mask(storable(value) if isinstance(value, str) else value)
            for name, value in fitting.items()
        }
        if item.table != "resources":
            return Ready(item.table, fitting, item.origin, [])
        if not fitting["content"].strip() or not all(map(_is_file, fitting.get("files", []))):
            return None
        fitting["content_hash"] = hash_of(fitting["content"])
        return Ready(item.table, fitting, item.origin, chunk(fitting["content"]))


def _keys(rows: Iterable[Ready]) -> Iterable[str]:
    for row in rows:
        if row.own_key is not None:
            yield row.own_key
        yield from (row.key(table, row_id) for table, row_id in row.ends().values())


async def _stored(
    tx: Transaction, row: Ready, ids: dict[str, int | None], position: Position
) -> Counter[str]:
    """Store a row and note its id; return what it counts as, if it is new."""
    nothing: Counter[str] = Counter()
    ends = {name: ids.get(row.key(table, row_id)) for name, (table, row_id) in row.ends().items()}
    if None in ends.values():
        position.skip("rows that speak of what is not there")
        return nothing
    here = {name: owner for name, owner in ends.items() if owner is not None}
    if row.table == HEIRS:
        await transfer.put_heir(tx, here["id"], here[HEIRS])
        return nothing
    if row.table == AGREEING:
        one = here.pop("id")
        if others := {*here.values()} - {one}:
            await agreements.put(tx, one, sorted(others))
        return nothing
    if row.table == INFORMED:
        score = row.values.get("score")
        rest = (row.values["ordinal"], row.values["rank"], score, row.values["created_at"])
        await transfer.link_chunk(tx, here["message_id"], here["resource_id"], *rest)
        return nothing
    key = row.own_key
    if key is not None and (key in ids or await _is_here(tx, row)):
        ids.setdefault(key, row.values["id"])
        position.skip("things that came in before")
        return nothing
    values = row.values | {name: f"resource:{owner}" for name, owner in here.items()}
    if row.table == "graph_nodes" and "node_id" in here:
        values["ref_id"] = str(here["node_id"])
    if "project_id" in values and row.table != "projects":
        await projects.make(tx, values["project_id"], now())
    stored = await transfer.insert(tx, row.table, values)
    if stored is None:
        position.skip("rows that are here, or do not fit to what is here")
        return nothing
    if key is not None:
        ids[key] = stored
    if row.table == "resources":
        parts = [(part.start, part.end, part.text, part.tokens) for part in row.chunks]
        await resources.insert_chunks(tx, stored, parts)
        name = values["file_name"]
        if await resources.others_hold(tx, values["project_id"], name, stored, values["version"]):
            await settle(tx, values["project_id"], name, now())
    return Counter({_COUNTED_AS.get(row.table, "others"): 1})


async def _is_here(tx: Transaction, row: Ready) -> bool:
    """Return whether a row is what this database has under its id."""
    made = row.values.get("created_at") or row.values.get("changed_at")
    return await transfer.same(tx, row.table, row.values["id"], made)


def _are_ids(values: dict[str, Any], table: str) -> bool:
    if table == HEIRS:
        return all(_is_id(values.get(name)) for name in ("id", HEIRS))
    if table == AGREEING:
        others = values.get("agrees_with")
        return _is_id(values.get("id")) and isinstance(others, list) and all(map(_is_id, others))
    numbers = all(_is_id(values.get(name)) for name in ("message_id", "resource_id", "rank"))
    ordinal, score = values.get("ordinal"), values.get("score")
    return (
        numbers
        and (ordinal == 0 or _is_id(ordinal))
        and (score is None or (isinstance(score, int | float) and abs(score) < 2**62))
        and transfer.is_moment(values.get("created_at"))
    )


def _is_json(value: Any) -> bool:
    """Return whether values can be stored as JSON."""
    try:
        json_value([storable(one) if isinstance(one, str) else one for one in value])
    except PydanticCustomError:
        return False
    return True


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**62


def _is_name(name: str) -> bool:
    try:
        _FILE_NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in _FILE.items())
