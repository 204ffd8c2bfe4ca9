"""What can be forgotten, and the filters that choose it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.sources import Condition, Filter, Where, among, conjunction, forms_of, tagged_any


@dataclass(frozen=True, slots=True)
class Forgettable:
    """A kind of thing.

    Attributes:
        table: where it is stored, as t.
        key: its id.
        title: what is shown of it.
        project: the column of its project.
        names: what else it can be named by.
        filters: what it can be chosen by, besides its id, project and age.
        condition: what all of the kind meet.
    """

    table: str
    key: str
    title: str
    project: str = "t.project_id"
    names: Sequence[str] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    condition: str = "TRUE"


def _before(values: Sequence[Any]) -> Condition:
    return Condition("t.created_at < ?", values)


def _begins(column: str) -> Filter:
    return lambda values: Condition(f"substr({column}, 1, length(?)) = ?", [*values] * 2)


def _named_like(chosen: Filter) -> Filter:
    """Leave every version of the memories of which one meets a filter on n."""

    def condition(values: Sequence[Any]) -> Condition:
        found = chosen(values)
        names = f"SELECT n.file_name FROM resources n WHERE n.project_id = t.project_id AND {found.sql}"
        return Condition(f"t.file_name IN ({names})", found.parameters)

    return condition


def _label(node: str) -> str:
    """Return what a node is called: a stored memory by its file name."""
    known = "SELECT n.label FROM graph_nodes n WHERE n.project_id = t.project_id"
    return f"coalesce(({known} AND n.node_id = {node}), {node})"


SOURCE, TARGET = _label("t.source_id"), _label("t.target_id")

KINDS = {
    "link": Forgettable(
        "graph_edges t",
        "t.id",
        f"{SOURCE} || ' ' || t.relation || ' ' || {TARGET}",
        names=("t.source_id", "t.target_id", SOURCE, TARGET),
        condition="t.auto = 0 OR t.relation = 'similar_to'",
    ),
    "dependency": Forgettable(
        "blueprint_dependencies t JOIN blueprints b ON b.blueprint_id = t.dependent_blueprint_id",
        "t.dependent_blueprint_id || '>' || t.prerequisite_blueprint_id",
        "b.title || ' waits for ' || (SELECT p.title FROM blueprints p "
        "WHERE p.blueprint_id = t.prerequisite_blueprint_id)",
        project="b.project_id",
        names=("t.dependent_blueprint_id", "t.prerequisite_blueprint_id"),
    ),
    "memory": Forgettable(
        "resources t",
        "t.id",
        "t.file_name || ' (version ' || t.version || ')'",
        names=("t.file_name",),
        filters={"tag": _named_like(tagged_any("resources", "n.id")), "prefix": _begins("t.file_name")},
    ),
    "chat": Forgettable(
        "chat_messages t",
        "t.id",
        "t.role || ': ' || substr(t.content, 1, 200)",
        filters={"conversation_id": among("t.conversation_id")},
    ),
    "todo": Forgettable("todos t", "t.id", "t.title"),
    "pattern": Forgettable(
        "code_patterns t",
        "t.id",
        "substr(t.input_prompt, 1, 200)",
        filters={"tag": tagged_any("code_patterns", "t.id"), "prefix": _begins("t.file_name")},
    ),
}
"""What can be forgotten. Of the links that LTMC makes it keeps those up to date that show what is stored elsewhere."""

_ID = re.compile(r"[0-9]{1,18}")

COMMON = ("ids", "before")
"""The filters of every kind."""


class Thing(NamedTuple):
    """A thing that filters choose; `total`: how many of its kind they do."""

    id: int | str
    title: str
    total: int


def offers(kind: str, names: Sequence[str]) -> bool:
    """Return whether a kind has every filter of these names."""
    return set(names) <= {*COMMON, *KINDS[kind].filters}


async def chosen(tx: Transaction, kind: str, project_id: str, where: Where, limit: int) -> list[Thing]:
    """Return the oldest things of a kind that meet every filter."""
    of = KINDS[kind]
    filters = {**of.filters, "before": _before, "ids": _named(of)}
    found = [Condition(f"{of.project} = ?", [project_id]), Condition(of.condition)]
    sql, parameters = conjunction([*found, *(filters[name](values) for name, values in where.items())])
    return await tx.all(
        Thing,
        f"SELECT {of.key} AS id, {of.title} AS title, count(*) OVER () AS total FROM {of.table} "
        f"WHERE {sql} ORDER BY t.created_at, {of.key} LIMIT ?",
        [*parameters, limit],
    )


async def unknown(tx: Transaction, kind: str, project_id: str, ids: Sequence[int | str]) -> Any:
    """Return the first of these ids that names nothing of a kind; None where each does."""
    of = KINDS[kind]
    known: set[str] = set()
    for name in _names(of):
        named, inside = (
            _one_of(name, ids),
            [Condition(f"{of.project} = ?", [project_id]), Condition(of.condition)],
        )
        sql, parameters = conjunction([*inside, named])
        known |= {
            str(one)
            for one in await tx.column(f"SELECT DISTINCT {name} FROM {of.table} WHERE {sql}", parameters)
        }
    return next((one for one in ids if known.isdisjoint(map(str, forms_of(one)))), None)


def _names(of: Forgettable) -> tuple[str, ...]:
    return (of.key, *of.names)


def _one_of(column: str, ids: Sequence[Any]) -> Condition:
    """Leave what has one of the values, in either form, in a column; a number is an id alone."""
    if column == "t.id":
        return among(column)([int(one) for one in ids if _ID.fullmatch(str(one))])
    return among(column)(
        [*dict.fromkeys(form for one in ids if isinstance(one, str) for form in forms_of(one))]
    )


def _named(of: Forgettable) -> Filter:
    def condition(values: Sequence[Any]) -> Condition:
        each = [_one_of(column, values) for column in _names(of)]
        return Condition(" OR ".join(f"({one.sql})" for one in each), [one.parameters[0] for one in each])

    return condition
