"""Every value of a row survives the way into a column and back, for each type that a field can have."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltmc.storage.rows import columns, loader, stored
from ltmc.storage.sqlite import migrations
from ltmc.storage.tables import resources

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


class Factors(TypedDict):
    """JSON of a known shape."""

    size: int
    words: list[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A field of each type."""

    id: int
    text: str
    maybe_text: str | None
    number: float
    done: bool
    maybe_done: bool | None
    data: bytes
    status: Literal["pending", "completed"]
    tags: list[str]
    maybe_list: list[Any] | None
    metadata: dict[str, Any]
    maybe_metadata: dict[str, Any] | None
    factors: Factors
    either: int | str | None
    anything: Any = None


SAMPLES = st.builds(
    Sample,
    id=INTEGERS,
    text=st.text(),
    maybe_text=st.none() | st.text(),
    number=st.floats(allow_nan=False),
    done=st.booleans(),
    maybe_done=st.none() | st.booleans(),
    data=st.binary(),
    status=st.sampled_from(["pending", "completed"]),
    tags=st.lists(st.text()),
    maybe_list=st.none() | st.lists(JSON),
    metadata=st.dictionaries(st.text(), JSON),
    maybe_metadata=st.none() | st.dictionaries(st.text(), JSON),
    factors=st.builds(dict, size=st.integers(), words=st.lists(st.text())),
    either=st.none() | INTEGERS | st.text(),
    anything=st.none() | INTEGERS | st.text() | st.binary(),
)


def read_back(row: Sample, select: str) -> Sample:
    names = [field.name for field in fields(row)]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute(f"CREATE TABLE samples (not_a_field, {', '.join(reversed(names))})")
        marks = ", ".join("?" * len(names))
        connection.execute(
            f"INSERT INTO samples ({', '.join(names)}) VALUES ({marks})",
            [stored(getattr(row, name)) for name in names],
        )
        (found,) = connection.execute(f"SELECT {select} FROM samples").fetchall()
    return loader(Sample, found.keys())(found)


@given(SAMPLES, st.sampled_from(["*", columns(Sample)]))
def test_every_value_survives(row: Sample, select: str) -> None:
    found = read_back(row, select)
    assert found == row
    assert [type(getattr(found, field.name)) for field in fields(row)] == [
        type(getattr(row, field.name)) for field in fields(row)
    ]


@given(st.lists(JSON))
def test_a_tuple_is_stored_as_the_list_of_its_values(values: list[Any]) -> None:
    assert stored(tuple(values)) == stored(values)


def test_a_default_stands_for_a_column_that_was_not_read_and_no_other_may_be_missing() -> None:
    names = [field.name for field in fields(Sample) if field.name != "anything"]
    values: list[Any] = [1, "a", None, 1.5, 1, 0, b"", "pending", "[]", None, "{}", "{}", "{}", None]
    row = loader(Sample, names)(values)
    assert (row.anything, row.done, row.maybe_done) == (None, True, False)
    with pytest.raises(TypeError, match="factors"):
        loader(Sample, names[:12])(values)


def test_what_is_not_current_has_an_index_of_its_own() -> None:
    """Each search looks for it: it may not read every memory of a project."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for name in migrations.FILES:
            for statement in migrations.statements(migrations.script(name)):
                connection.execute(statement)
        source = resources.SOURCE
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e "
            f"WHERE {source.project} = ? AND {source.visible} AND {source.bounded} "
            f"AND NOT ({resources.CURRENT}) AND e.kind = ? AND e.owner_id = {source.key}",
            ["a"] * 6,
        ).fetchall()
    assert "resources_bounded" in plan[0][3]
