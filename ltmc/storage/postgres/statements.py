"""The SQL of the tables as PostgreSQL takes it.

The tables write what SQLite takes; most of it is common to both, and functions of the schema stand in for what SQLite
alone has (`schema.sql`). What is left, placeholders and a few phrases that one helper each writes, is translated here,
once for each statement.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.engine import Parameters
from ltmc.storage.rows import stored

_MARK = r"(\?\d*|:[a-z_]+)"
_PHRASES = (
    # the helper `member_of`: what is of JSON stays so
    (
        re.compile(rf"json_extract\(([\w.]+), {_MARK}\) IN \(SELECT value FROM json_each\({_MARK}\)\)"),
        r"json_holds(\1, \2, \3)",
    ),
    # the helper `among`
    (re.compile(rf"NOT IN \(SELECT value FROM json_each\({_MARK}\)\)"), r"<> ALL(@list\1)"),
    (re.compile(rf"IN \(SELECT value FROM json_each\({_MARK}\)\)"), r"= ANY(@list\1)"),
    # the helper `matching`
    (
        re.compile(rf"SELECT rowid FROM search_terms WHERE search_terms MATCH {_MARK}"),
        r"SELECT t.seq FROM search_entries t WHERE t.terms @@ CAST(@terms\1 AS tsquery)",
    ),
    # the helper `like`
    (re.compile(rf"(?<![\w.])([\w.]+) GLOB ({_MARK}|globs\.value)"), r"\1 ~ glob_expression(\2)"),
    (re.compile(r"\bx''"), r"'\\x'::bytea"),
    (re.compile(r"\bjson_object\("), "json_build_object("),
)
_TOKEN = re.compile(rf"'(?:[^']|'')*'|\"[^\"]*\"|::\w+|(?P<how>@list|@terms)?(?P<mark>{_MARK})|%")

_PART = re.compile(r'"((?:[^"]|"")*)"( \*)?|AND|OR')
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Statement(NamedTuple):
    """A statement as psycopg takes it: its text, and for each placeholder the name or place of its value, and how
    that is written."""

    text: str
    values: Sequence[tuple[str | int, Callable[[Any], Any]]]

    def bound(self, parameters: Parameters) -> list[Any]:
        """Return the values for its placeholders.

        Raises:
            LtmcError: INVALID_ARGUMENT for a text with a NUL.
        """
        given: Any = parameters
        if isinstance(parameters, Mapping):
            return [write(given[name]) for name, write in self.values]
        return [write(given[place]) for place, write in self.values]


@lru_cache(maxsize=2_000)
def translated(sql: str) -> Statement:
    """Return a statement of the tables as PostgreSQL takes it."""
    for phrase, written in _PHRASES:
        sql = phrase.sub(written, sql)
    values: list[tuple[str | int, Callable[[Any], Any]]] = []
    following = iter(range(sql.count("?")))

    def place(found: re.Match[str]) -> str:
        if found[0] == "%":
            return "%%"
        mark = found["mark"]
        if mark is None:
            return found[0].replace("%", "%%")
        if mark == "?":
            name: str | int = next(following)
        else:
            name = int(mark[1:]) - 1 if mark[0] == "?" else mark[1:]
        values.append((name, _WRITERS[found["how"]]))
        return "%s"

    return Statement(_TOKEN.sub(place, sql), values)


def _value(value: Any) -> Any:
    written = stored(value)
    if isinstance(written, str) and (
        "\0" in written or (written is not value and _NUL_IN_JSON.search(written))
    ):
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT, "A text holds a NUL character, which PostgreSQL cannot keep."
        )
    return int(written) if isinstance(written, bool) else written


def _list(value: Any) -> list[Any]:
    found = json.loads(value) if isinstance(value, str) else list(value)
    return [_value(one) for one in found]


def tsquery(expression: str) -> str:
    """Return an expression for entries (`ltmc.storage.index_entries.IndexEntries`) in the language of tsquery."""

    def part(found: re.Match[str]) -> str:
        if found[1] is None:
            return "&" if found[0] == "AND" else "|"
        term = _value(found[1].replace('""', '"')).replace("\\", "\\\\").replace("'", "''")
        return f"'{term}'{':*' if found[2] else ''}" if term else ""

    return _PART.sub(part, expression)


_WRITERS: dict[str | None, Callable[[Any], Any]] = {None: _value, "@list": _list, "@terms": tsquery}
