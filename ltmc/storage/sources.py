"""What search can find in the tables, and the named filters that narrow it.

Each table family declares its `Source`. Callers above storage name filters (`Where`) and never write SQL.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ltmc.storage.engine import Transaction

Where = Mapping[str, Sequence[Any]]
"""Filters by name, each with its values: all filters must hold, of one filter's values any may."""


class Original(Protocol):
    """A row that search can find."""

    @property
    def id(self) -> int:
        """Its number, unique among its kind."""

    @property
    def created_at(self) -> str:
        """When it was made."""


R = TypeVar("R", bound=Original)


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition and its parameters."""

    sql: str
    parameters: Sequence[Any] = ()


Filter = Callable[[Sequence[Any]], Condition]
"""What makes a condition of a filter's values."""


@dataclass(frozen=True, slots=True)
class Source(Generic[R]):
    """The originals of one kind.

    Attributes:
        kind: the name of the kind in the index.
        row: the class of an original.
        columns: SQL for the fields of `row`.
        owner: the tables that hold the originals, with aliases.
        key: the column of the original's id.
        project: the column of its project.
        created: the column of the time of its making.
        text: an expression for its text, for phrases.
        filters: what it can be narrowed by, by name.
        group: the column whose equal values count as one thing, such as the chunks of a memory.
        visible: a condition that every original in the index meets.
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
    visible: str = "TRUE"


def among(column: str) -> Filter:
    """`column` has one of the values."""
    return lambda values: Condition(f"{column} IN (SELECT value FROM json_each(?))", [list(values)])


def like(column: str) -> Filter:
    """`column` matches one of the globs."""
    return lambda values: Condition(" OR ".join(f"{column} GLOB ?" for _ in values), values)


def least(column: str) -> Filter:
    """`column` is at least the one value."""
    return lambda values: Condition(f"{column} >= ?", values)


def most(column: str) -> Filter:
    """`column` is at most the one value."""
    return lambda values: Condition(f"{column} <= ?", values)


def any_of(column: str) -> Filter:
    """The JSON list in `column` holds one of the values."""
    return lambda values: _holds(column, values, 1)


def all_of(column: str) -> Filter:
    """The JSON list in `column` holds every value."""
    return lambda values: _holds(column, values, len(set(values)))


def _holds(column: str, values: Sequence[Any], least_count: int) -> Condition:
    marks = ", ".join("?" * len(values))
    found = f"SELECT count(DISTINCT value) FROM json_each({column}) WHERE value IN ({marks})"
    return Condition(f"({found}) >= ?", [*values, least_count])


def member_of(column: str) -> Filter:
    """The JSON object in `column` has, under the first value as a key, one of the other values."""

    def condition(values: Sequence[Any]) -> Condition:
        key, *wanted = values
        marks = ", ".join("?" * len(wanted))
        return Condition(f"json_extract({column}, ?) IN ({marks})", [f'$."{key}"', *wanted])

    return condition


def matching(kind: str, key: str) -> Filter:
    """The index holds the original under terms that match the one value, an expression of FTS5."""
    found = "SELECT rowid FROM search_terms WHERE search_terms MATCH ?"
    owners = f"SELECT owner_id FROM search_entries WHERE kind = '{kind}' AND seq IN ({found})"
    return lambda values: Condition(f"{key} IN ({owners})", values)


def conditions(source: Source[Any], where: Where) -> list[Condition]:
    """The conditions of named filters; ``name.key`` is the filter `name` with `key` before its values.

    Raises:
        KeyError: the source has no filter of that name.
    """
    found = []
    for name, values in where.items():
        base, _, key = name.partition(".")
        found.append(source.filters[base]([key, *values] if key else values))
    return found


def offers(source: Source[Any], names: Iterable[str]) -> bool:
    """Whether the source has a filter of each name."""
    return all(name.partition(".")[0] in source.filters for name in names)


def conjunction(found: Iterable[Condition]) -> tuple[str, list[Any]]:
    """All conditions as one SQL text with its parameters."""
    found = list(found)
    sql = " AND ".join(f"({condition.sql})" for condition in found) or "TRUE"
    return sql, [value for condition in found for value in condition.parameters]


async def by_id(tx: Transaction, source: Source[R], ids: Sequence[int]) -> dict[int, R]:
    """Originals by their ids."""
    if not ids:
        return {}
    chosen = among(source.key)(ids)
    sql = f"SELECT {source.columns} FROM {source.owner} WHERE {chosen.sql}"
    return {row.id: row for row in await tx.all(source.row, sql, chosen.parameters)}


async def count(tx: Transaction, source: Source[Any], where: Where) -> int:
    """How many originals the filters leave."""
    sql, parameters = conjunction([Condition(source.visible), *conditions(source, where)])
    return int(await tx.value(f"SELECT count(*) FROM {source.owner} WHERE {sql}", parameters))


@dataclass(frozen=True, slots=True)
class Newest:
    """An original of a listing. `total`: how many there are in all."""

    id: int
    total: int


async def newest(
    tx: Transaction, source: Source[Any], where: Where, *, per_group: int, limit: int, offset: int
) -> list[Newest]:
    """The newest originals that the filters leave, of each group at most `per_group`."""
    condition, parameters = conjunction([Condition(source.visible), *conditions(source, where)])
    sql = f"""
        WITH ranked AS (
            SELECT {source.key} AS id, {source.group} AS grp,
                   row_number() OVER (PARTITION BY {source.group} ORDER BY {source.key}) AS nth
            FROM {source.owner} WHERE {condition}
        )
        SELECT id, count(*) OVER () AS total FROM ranked WHERE nth <= ?
        ORDER BY grp DESC, id LIMIT ? OFFSET ?"""
    return await tx.all(Newest, sql, [*parameters, per_group, limit, offset])
