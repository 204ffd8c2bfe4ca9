"""Rows as dataclasses, and the one place that turns values into what a column holds and back.

A column of a row class whose type is a list or a dict is stored as JSON text, a bool as 0 or 1.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ltmc.storage.engine import Transaction

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R")
D = TypeVar("D", bound="DataclassInstance")


def stored(value: Any) -> Any:
    """A value as its column holds it."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value


async def insert_row(tx: Transaction, table: str, row: D) -> D:
    """Store a row of a table that numbers its rows; it comes back with its ``id``."""
    names = [field.name for field in fields(row) if field.name != "id"]
    marks = ", ".join("?" * len(names))
    row_id = await tx.value(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) RETURNING id",
        [getattr(row, name) for name in names],
    )
    return replace(row, id=int(row_id))


@cache
def columns(row: type) -> str:
    """The columns of a row class, for SQL."""
    return ", ".join(field.name for field in fields(row))


def loader(row: type[R], names: Sequence[str]) -> Callable[[Sequence[Any]], R]:
    """What makes a `row` of the values of the columns `names`; columns that it does not have are left out."""
    readers = _readers(cast("Any", row))
    places = [(name, place, readers[name]) for place, name in enumerate(names) if name in readers]

    def load(values: Sequence[Any]) -> R:
        return row(
            **{
                name: values[place] if read is None or values[place] is None else read(values[place])
                for name, place, read in places
            }
        )

    return load


@cache
def _readers(row: Any) -> dict[str, Callable[[Any], Any] | None]:
    hints = get_type_hints(row)
    return {field.name: _reader(hints[field.name]) for field in fields(row)}


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if hint is bool:
        return bool
    return json.loads if (get_origin(hint) or hint) in (list, dict) else None
