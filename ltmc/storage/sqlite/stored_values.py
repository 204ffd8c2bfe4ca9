"""What the rows of a database must hold before it is taken for a sound one.

Pages that are whole may yet hold a row that refers to none, or a text where a tool reads JSON: then not the restoring
fails, but some later call.
"""

import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from itertools import islice
from types import UnionType
from typing import Any, Literal, TypedDict, cast, get_args, get_origin, get_type_hints, is_typeddict

from ltmc.storage.search_index import SearchIndex
from ltmc.storage.tables.resources import NamedFile
from ltmc.timestamps import format_utc, parse


class _Parameter(TypedDict):
    name: str
    kind: str
    default: str | None
    annotation: str | None


class _Signature(TypedDict):
    parameters: list[_Parameter]
    returns: str | None
    is_async: bool
    markers: list[str]


class _Symbol(TypedDict):
    qualname: str
    kind: str
    signature: _Signature
    bases: list[str]
    public: bool
    line_start: int
    body_hash: str
    docstring_hash: str | None


_JSON: dict[tuple[str, str], Any] = {
    ("assignments", "score_breakdown"): dict[str, float],
    ("blueprint_files", "metrics"): dict[str, Any],
    ("blueprint_history", "new_value"): Any,
    ("blueprint_history", "old_value"): Any,
    ("blueprint_symbols", "signature"): _Signature,
    ("cache_entries", "value"): Any,
    ("file_snapshots", "symbols"): list[_Symbol],
    ("forgettings", "kinds"): dict[str, int],
    ("resources", "files"): list[NamedFile],
    ("routing_log", "alternatives"): list[dict[str, Any]],
    ("routing_log", "features"): dict[str, Any],
    ("sync_events", "symbols"): list[dict[str, Any]],
    ("sync_sessions", "paths"): list[str],
    ("team_members", "days_off"): list[date],
    ("team_members", "working_days"): tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
    ("trash", "content"): dict[str, Any],
}
"""What the columns hold as JSON whose default does not tell: a list is one of texts, an object holds anything.
A tuple is a list that holds something."""

_TYPES: dict[str, tuple[type, ...]] = {
    "": (str,),  # a name in a table of SQLite's own
    "TEXT": (str,),
    "INTEGER": (int,),
    "REAL": (int, float),
    "BLOB": (bytes,),
}
_TIMES = ("_at", "valid_from", "valid_until", "since", "estimated_completion")
"""How the names of columns end that hold a time."""

FAULTS_SHOWN, SOON_SECONDS = 20, 20.0

_LARGEST_ID = 2**62
"""An id beyond it would soon leave none for new rows."""

_IDS, _LAST_IDS = ("id", "seq"), "sqlite_sequence"
"""The columns that hold the number of a row, and the table of the last ones, which new rows follow."""

_ABOVE_ZERO = {("team_members", "capacity")}
_DERIVED = ("search_", "sqlite_")
"""How the names of tables begin that are made of others."""

Check = Callable[[Any], str | None]
"""Tells why a value cannot stand in a column."""


def first_faults(connection: sqlite3.Connection, seconds: float = math.inf) -> list[str]:
    """Return the first rows that refer to none, or hold a value of another kind than their column's, and why.

    Args:
        seconds: how long it is looked for them.
    """
    return [*islice(_faults(connection, time.monotonic() + seconds), FAULTS_SHOWN)]


def faults_found_soon(stored: SearchIndex) -> list[str]:
    """Return what `first_faults` finds in `SOON_SECONDS`."""
    return first_faults(cast("sqlite3.Cursor", stored.cursor).connection, SOON_SECONDS)


def _faults(connection: sqlite3.Connection, until: float) -> Iterator[str]:
    tables = {
        table: "row_number() OVER ()" if "WITHOUT ROWID" in sql else "rowid"
        for table, sql in connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
        if table == _LAST_IDS or not table.startswith(_DERIVED)
    }
    checks = {table: _checks_of(connection, table) for table in tables}
    for table, number in tables.items():
        yield from _faults_in(connection, table, number, checks, until)
    if time.monotonic() > until:
        return
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"table {table}, row {row}: it belongs to a row of {parent} that is not there"


def _faults_in(
    connection: sqlite3.Connection,
    table: str,
    number: str,
    checks: dict[str, dict[str, Check]],
    until: float,
) -> Iterator[str]:
    columns = checks[table]
    row: Any = (0,)
    try:
        for row in connection.execute(f"SELECT {number}, {', '.join(columns)} FROM {table} ORDER BY 1"):
            if time.monotonic() > until:
                return
            values = dict(zip(columns, row[1:], strict=True))
            why = _why_not(values, columns)
            if why is None and table == "trash":  # a row of another table, which may come back
                why = _why_not(json.loads(values["content"]), checks.get(values["place"], {}))
            if why is not None:
                yield f"table {table}, row {row[0]}: {why}"
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorcode"):
            raise
        # a text that is not UTF-8, which SQLite does not mind
        yield f"table {table}, row after {row[0]}: {error}"


def _why_not(values: dict[str, Any], checks: dict[str, Check]) -> str | None:
    for name, check in checks.items():
        if values.get(name) is not None and (why := check(values[name])):
            return f"its {name} is {why}"
    return None


def _checks_of(connection: sqlite3.Connection, table: str) -> dict[str, Check]:
    columns = connection.execute(f"SELECT name, type, dflt_value FROM pragma_table_info('{table}')")
    return {name: _check_of(table, name, kind, default) for name, kind, default in columns.fetchall()}


def _check_of(table: str, name: str, kind: str, default: str | None) -> Check:
    hint = _JSON.get((table, name), {"'[": list[str], "'{": dict[str, Any]}.get((default or "")[:2]))
    if hint is not None:
        return partial(_why_no_json, hint)
    if name in _IDS:
        return _why_no_id
    if kind == "TEXT" and name.endswith(_TIMES):
        return _why_no_time
    least = 0 if (table, name) in _ABOVE_ZERO else -math.inf

    def check(value: Any) -> str | None:
        is_fit = isinstance(value, _TYPES[kind]) and not (
            isinstance(value, float) and not (math.isfinite(value) and value > least)
        )
        return None if is_fit else f"no {kind}"

    return check


def _why_no_id(value: Any) -> str | None:
    return None if isinstance(value, int) and value < _LARGEST_ID else "no id, or leaves none for new rows"


def _why_no_time(value: Any) -> str | None:
    try:
        format_utc(parse(value))
    except (TypeError, ValueError, OverflowError):
        return "no time"
    return None


def _why_no_json(hint: Any, value: Any) -> str | None:
    if not isinstance(value, str):
        return "no TEXT"
    try:
        found = json.loads(value, parse_constant=_refuse, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        return "no JSON"
    if _fits(found, hint):
        return None
    name, kind = ("list", list) if get_origin(hint) in (list, tuple) else ("object", dict)
    return f"no JSON {name} of the right form" if isinstance(found, kind) else f"no JSON {name}"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits} is too large")
    return number


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value of JSON is of a type."""
    outer, arguments = get_origin(hint) or hint, get_args(hint)
    if is_typeddict(hint):
        parts = get_type_hints(hint)
        return (
            isinstance(value, dict)
            and value.keys() == parts.keys()
            and all(_fits(value[name], part) for name, part in parts.items())
        )
    if outer in (list, tuple):
        return (
            isinstance(value, list)
            and len(value) >= (outer is tuple)
            and all(_fits(one, arguments[0]) for one in value)
        )
    if outer is dict:
        return isinstance(value, dict) and all(_fits(one, arguments[1]) for one in value.values())
    if outer is UnionType:
        return any(_fits(value, one) for one in arguments)
    if outer is Literal:
        return value in arguments
    if outer is date:
        return isinstance(value, str) and _is_date(value)
    if isinstance(value, bool):
        return hint in (bool, Any)
    return hint is Any or isinstance(value, (int, float) if hint is float else hint)


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
