"""What search can find in the tables, and the named filters that narrow it.

Each table family declares its `Source`. Callers above storage name filters (`Where`) and never write SQL.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ltmc.storage.engine import Transaction

NEWLINE = "'\n'"
"""A line break, in SQL."""

Where = Mapping[str, Sequence[Any]]
"""Filters by name, each with its values: all filters must hold, of one filter's values any may."""


class Searchable(Protocol):
    """A row that search can find."""

    @property
    def id(self) -> int:
        """Its number, unique among its kind."""

    @property
    def project_id(self) -> str:
        """The project that it is of."""

    @property
    def created_at(self) -> str:
        """When it was made."""


R = TypeVar("R", bound=Searchable)


class Condition(NamedTuple):
    """An SQL condition and its parameters."""

    sql: str
    parameters: Sequence[Any] = ()


Filter = Callable[[Sequence[Any]], Condition]
"""A function that makes a condition of a filter's values."""


@dataclass(frozen=True, slots=True)
class Source(Generic[R]):
    """The rows of one kind.

    Attributes:
        kind: the name of the kind in the index.
        row: the class of a row.
        columns: SQL for the fields of `row`.
        owner: the tables that hold the rows, with aliases.
        key: the column of the row's id.
        project: the column of its project.
        created: the column of the time at which it was made.
        text: an expression for its text, for phrases.
        filters: what it can be narrowed by, by name.
        group: the column whose equal values count as one thing, such as the chunks of a memory. Filters leave all
            rows of a group, or none.
        place: the place of a row in its group, from 0.
        visible: a condition that every row in the index meets.
        current: which of these hold at the moment that is its one value; all, if it is None.
        bounded: a condition that all others of them meet; an index finds these few.
        shadowed: which of these something of another project goes before; the values are a moment, and projects.
    """

    kind: str
    row: type[R]
    columns: str
    owner: str
    key: str
    project: str
    created: str
    text: str
    filters: Mapping[str, Filter]
    group: str
    place: str = "0"
    visible: str = "TRUE"
    current: Filter | None = None
    bounded: str = "TRUE"
    shadowed: Filter | None = None

    def present(self, moment: str | None, projects: Sequence[str] = ()) -> Where:
        """Return the filter that leaves what is current at a moment; none for what always is, or for any time.

        Args:
            projects: those that are looked in together, what goes before first.
        """
        return {} if self.current is None or moment is None else {"current": [moment, *ahead(projects)]}


def ahead(projects: Sequence[str]) -> Sequence[str]:
    """Return projects that are looked in together; none for one alone, in which nothing is shadowed."""
    return projects if len(projects) > 1 else ()


def among(column: str) -> Filter:
    """Leave what has one of the values in `column`."""

    def condition(values: Sequence[Any]) -> Condition:
        if len(values) == 1 and isinstance(values[0], str):  # then the rest of an index is in order
            return Condition(f"{column} = ?", values)
        return Condition(f"{column} IN (SELECT value FROM json_each(?))", [list(values)])

    return condition


def forms_of(name: Any) -> tuple[Any, Any]:
    """Return both forms in which Unicode writes a name: é is one character (NFC), or an e and an accent (NFD)."""
    if not isinstance(name, str):
        return name, name
    return unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def ascii_lower(text: str) -> str:
    """Return a text as the database's lower() does."""
    return text.translate(_ASCII_LOWER)


def same_name(column: str, name: str) -> Condition:
    """Leave what is `name` but for its letters' case; the index is on ``lower(column)``."""
    # The database lowers ASCII alone; of other letters the usual forms are looked for.
    forms = [ascii_lower(form) for form in (name, name.lower(), name.upper(), name.title())]
    return Condition(f"lower({column}) IN (?, ?, ?, ?)", forms)


def like(column: str) -> Filter:
    """Leave what matches one of the globs in `column`."""

    def condition(values: Sequence[Any]) -> Condition:
        if len(values) == 1:  # an index finds what begins as it does
            return Condition(f"{column} GLOB ?", values)
        found = f"SELECT 1 FROM json_each(?) globs WHERE {column} GLOB globs.value"
        return Condition(f"EXISTS ({found})", [list(values)])

    return condition


def least(column: str) -> Filter:
    """Leave what has the one value or more in `column`."""
    return lambda values: Condition(f"{column} >= ?", values)


def most(column: str) -> Filter:
    """Leave what has the one value or less in `column`."""
    return lambda values: Condition(f"{column} <= ?", values)


def tagged_any(place: str, key: str) -> Filter:
    """Leave the rows of a table, with their id in `key`, that bear one of the values as a tag."""
    return lambda values: _tagged(place, key, values, 1)


def tagged_all(place: str, key: str) -> Filter:
    """Leave the rows of a table, with their id in `key`, that bear every value as a tag."""
    return lambda values: _tagged(place, key, values, len(set(values)))


def _tagged(place: str, key: str, values: Sequence[Any], least_count: int) -> Condition:
    chosen = among("tag")(values)
    owners = f"SELECT owner_id FROM tags WHERE place = '{place}' AND {chosen.sql}"
    if least_count == 1:
        return Condition(f"{key} IN ({owners})", chosen.parameters)
    grouped = f"{owners} GROUP BY owner_id HAVING count(*) >= ?"
    return Condition(f"{key} IN ({grouped})", [*chosen.parameters, least_count])


def any_of(column: str) -> Filter:
    """Leave what has one of the values in the JSON list in `column`."""

    def condition(values: Sequence[Any]) -> Condition:
        chosen = among("value")(values)
        return Condition(f"EXISTS (SELECT 1 FROM json_each({column}) WHERE {chosen.sql})", chosen.parameters)

    return condition


def member_of(column: str) -> Filter:
    """Leave what has, under the first value as a key, one of the other values in the JSON object in `column`."""

    def condition(values: Sequence[Any]) -> Condition:
        inside = f"json_extract({column}, ?) IN (SELECT value FROM json_each(?))"
        return Condition(inside, [f'$."{values[0]}"', list(values[1:])])

    return condition


def matching(kind: str, key: str) -> Filter:
    """Leave what the index holds under terms that match the one value, an expression of FTS5."""
    found = "SELECT rowid FROM search_terms WHERE search_terms MATCH ?"
    owners = f"SELECT owner_id FROM search_entries WHERE kind = '{kind}' AND seq IN ({found})"
    return lambda values: Condition(f"{key} IN ({owners})", values)


def conditions(source: Source[Any], where: Where) -> list[Condition]:
    """Return the conditions of named filters; ``name.key`` is the filter `name` with `key` before its values.

    The filter ``current`` is the source's own.

    Raises:
        KeyError: the source has no filter of that name.
    """
    filters = {**source.filters, **({"current": source.current} if source.current else {})}
    parted = [(*name.partition("."), values) for name, values in where.items()]
    return [filters[name]([key, *values] if key else values) for name, _, key, values in parted]


def offers(source: Source[Any], names: Iterable[str]) -> bool:
    """Return whether the source has a filter of each name."""
    return all(name.partition(".")[0] in source.filters for name in names)


def conjunction(required: Sequence[Condition]) -> tuple[str, list[Any]]:
    """Join conditions, all of which must hold, to one SQL text with its parameters."""
    sql = " AND ".join(f"({condition.sql})" for condition in required) or "TRUE"
    return sql, [value for condition in required for value in condition.parameters]


async def by_id(
    tx: Transaction, source: Source[R], ids: Sequence[int], *, visible: bool = False
) -> dict[int, R]:
    """Return rows by their ids; with `visible` only those that belong in the index."""
    if not ids:
        return {}
    chosen = [among(source.key)(ids), *([Condition(source.visible)] if visible else [])]
    condition, parameters = conjunction(chosen)
    sql = f"SELECT {source.columns} FROM {source.owner} WHERE {condition}"
    return {row.id: row for row in await tx.all(source.row, sql, parameters)}


async def count(tx: Transaction, source: Source[Any], where: Where) -> int:
    """Count the rows that the filters leave."""
    sql, parameters = conjunction([Condition(source.visible), *conditions(source, where)])
    return int(await tx.value(f"SELECT count(*) FROM {source.owner} WHERE {sql}", parameters))


COUNTED = 10_000
"""Rows of a listing are counted up to so many: whoever reads pages of a hundred needs to know no more, and to count a
million takes half a second."""


class Counts(NamedTuple):
    """How many rows filters leave, and how many of these can be shown, of each group only some; `COUNTED` at most."""

    rows: int
    shown: int

    @property
    def exact(self) -> bool:
        """Whether there are no more."""
        return self.rows < COUNTED


async def count_page(tx: Transaction, rows: str, parameters: Sequence[Any]) -> tuple[int, bool]:
    """Count the rows of ``FROM … WHERE …``, up to `COUNTED`; return the number and whether there are no more."""
    counted = await tx.value(f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT {COUNTED}) found", parameters)
    return int(counted), counted < COUNTED


async def counts(tx: Transaction, source: Source[Any], where: Where, *, per_group: int) -> Counts:
    """Count the rows that the filters leave, and of each group at most `per_group`; 0: any number."""
    sql, parameters = conjunction([Condition(source.visible), *conditions(source, where)])
    shown = f"count(*) FILTER (WHERE place < {per_group:d})" if per_group else "count(*)"
    (found,) = await tx.all(
        Counts,
        f"SELECT count(*) AS rows, {shown} AS shown "
        f"FROM (SELECT {source.place} AS place FROM {source.owner} WHERE {sql} LIMIT {COUNTED}) found",
        parameters,
    )
    return found


async def newest(
    tx: Transaction, source: Source[Any], where: Where, *, per_group: int, limit: int, offset: int
) -> list[int]:
    """Return the ids of the newest rows that the filters leave, of each group the first `per_group`."""
    chosen = [Condition(source.visible), _first(source, per_group), *conditions(source, where)]
    sql, parameters = conjunction(chosen)
    # An index that is in this order, where the filters allow for one, ends the search with the last row asked for.
    return await tx.column(
        f"SELECT {source.key} FROM {source.owner} WHERE {sql} "
        f"ORDER BY {source.group} DESC, {source.key} LIMIT ? OFFSET ?",
        [*parameters, limit, offset],
    )


def _first(source: Source[Any], per_group: int) -> Condition:
    """Leave of each group the first so many rows."""
    return Condition(f"{source.place} < ?", [per_group])
