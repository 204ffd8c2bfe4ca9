"""Rows as named tuples or dataclasses, and the one place that turns values into what a column holds and back.

The type of a field says how its column is read: a list or a dict (or a TypedDict) from JSON text, a bool from
0 or 1, anything else as it is. NULL is None whatever the type.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from ltmc.storage.engine import Transaction

R = TypeVar("R")


def stored(value: Any) -> Any:
    """Return a value as its column holds it: a list, a tuple or a dict as JSON text, else as it is."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else value


async def insert_row(tx: Transaction, table: str, row: R) -> R:
    """Store a row of a table that numbers its rows, and return it as it is stored, with its ``id``."""
    kind = type(row)
    names = [name for name in fields(kind) if name != "id"]
    marks = ", ".join("?" * len(names))
    inserted = await tx.one(
        kind,
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) RETURNING {', '.join(fields(kind))}",
        [getattr(row, name) for name in names],
    )
    assert inserted is not None  # noqa: S101 - it was inserted or raised
    return inserted


def fields(row: type) -> list[str]:
    """Return the names of the fields of a row class."""
    return [*_readers(row)]


@cache
def columns(row: type) -> str:
    """Return the columns of a row class, for SQL."""
    return ", ".join(fields(row))


def loader(row: type[R], names: Sequence[str]) -> Callable[[Sequence[Any]], R]:
    """Return a function that makes a `row` of the values of the columns `names`.

    Columns that the row class does not have are left out.
    """
    readers = _readers(cast("Any", row))
    fields_read = [(name, place, readers[name]) for place, name in enumerate(names) if name in readers]

    def load(values: Sequence[Any]) -> R:
        return row(
            **{
                name: values[place] if read is None or values[place] is None else read(values[place])
                for name, place, read in fields_read
            }
        )

    return load


@cache
def _readers(row: Any) -> dict[str, Callable[[Any], Any] | None]:
    return {name: _reader(hint) for name, hint in get_type_hints(row).items()}


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    """Return what reads a column of the type `hint`, ``X`` or ``X | None``; None for what is read as it is."""
    if NoneType in get_args(hint):
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    kind = get_origin(hint) or hint
    if not isinstance(kind, type):
        return None
    if issubclass(kind, list | dict):
        return json.loads
    return bool if kind is bool else None
