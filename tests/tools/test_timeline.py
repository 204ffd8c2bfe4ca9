"""The versions of a name on one timeline, compared with a simple model after any order of changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ltmc.timestamps import format_utc, now
from tests.client import Session

BASE = datetime.now(UTC)
DAYS = st.sampled_from([-40, -30, -20, -10, 10, 20, 30, 40])
NUMBERS = count(1)


def at(day: int) -> str:
    return format_utc(BASE + timedelta(days=day))


@dataclass
class Told:
    """A version: the newest that began last holds; `cut`: what took its place then was deleted."""

    id: int
    version: int
    text: str
    start: str
    until: str | None = None
    cut: str | None = None

    @property
    def place(self) -> tuple[str, int]:
        return self.start, self.version


class Timeline(RuleBasedStateMachine):
    """One name of a project of its own."""

    client: Session

    def __init__(self) -> None:
        super().__init__()
        self.project = f"t{next(NUMBERS)}"
        self.told: list[Told] = []

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.client.ok(tool, project_id=self.project, **arguments)

    def heir(self, one: Told) -> Told | None:
        """What takes the place of a version."""
        later = [
            other
            for other in self.told
            if other.place > one.place and (other.cut is None or other.cut > other.start)
        ]
        first = min((other.start for other in later), default="")
        return max(
            (other for other in later if other.start == first), key=lambda other: other.version, default=None
        )

    def end(self, one: Told) -> str | None:
        heir = self.heir(one)
        return min((end for end in (heir and heir.start, one.cut) if end), default=None)

    def truth(self, moment: str) -> set[str]:
        began = [one for one in self.told if one.start <= moment]
        last = max(began, key=lambda one: one.place, default=None)
        if last is None or (last.until or moment) < moment or (last.cut or "9") <= moment:
            return set()
        return {last.text}

    def insert(self, stored: dict[str, Any], text: str, start: str | None, until: str | None) -> None:
        self.told.append(
            Told(stored["resource_id"], stored["version"], text, start or stored["created_at"], until)
        )
        self.heal()

    def heal(self) -> None:
        """What begins before a deleted version did takes the place that the deleted one took."""
        for one in self.told:
            heir = self.heir(one)
            if heir and one.cut and heir.start <= one.cut:
                one.cut = None

    def is_past(self, one: Told) -> bool:
        return (self.end(one) or "9") <= now()

    @rule(start=st.none() | DAYS, lasts=st.none() | st.sampled_from([5, 15]))
    def store(self, start: int | None, lasts: int | None) -> None:
        text = f"The shop has {next(NUMBERS)} doors."
        period = {} if start is None else {"valid_from": at(start)}
        if lasts is not None:
            period["valid_until"] = at((start or 0) + lasts)
        stored = self.call("store_memory", file_name="a.md", content=text, **period)
        self.insert(stored, text, period.get("valid_from"), period.get("valid_until"))

    @precondition(lambda self: self.told)
    @rule(data=st.data(), start=st.none() | DAYS, edit=st.booleans())
    def update(self, data: st.DataObject, start: int | None, edit: bool) -> None:
        one = data.draw(st.sampled_from(self.told))
        arguments: dict[str, Any] = {"resource_id": one.id, "tags": ["door"]}
        text = f"The shop has {next(NUMBERS)} doors."
        if edit:
            arguments["content"] = text
        if start is not None:
            arguments["valid_from"] = at(start)
        if self.is_past(one):
            self.client.bad("update_memory", "CONFLICT", project_id=self.project, **arguments)
            return
        moment = now()
        planned = one.start > moment
        begins = arguments.get("valid_from") or (one.start if planned or not edit else None)
        is_history = edit and not planned and begins is not None and begins < one.start
        until = None if is_history else one.until
        if until is not None and until < (begins or moment):
            if not edit:
                self.client.bad("update_memory", "INVALID_ARGUMENT", project_id=self.project, **arguments)
                return
            until = None
        stored = self.call("update_memory", **arguments)
        if begins is not None and not is_history:  # what began since then was wrong
            self.told = [other for other in self.told if not begins <= other.start < one.start]
        if edit:
            if planned or begins == one.start:
                self.told.remove(one)
            self.insert(stored, text, begins, until)
        else:
            one.start = begins or one.start
            self.heal()

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.told))
        followers = [other for other in self.told if self.heir(other) is one and not other.cut]
        if one.start <= now():
            for other in followers:
                other.cut = one.start
        self.told.remove(one)
        self.call("delete_memory", resource_id=one.id)
        self.heal()

    @invariant()
    def what_holds_is_what_the_model_says(self) -> None:
        for day in (*range(-45, 46, 10), None):
            when = {} if day is None else {"as_of": at(day)}
            found = self.call("retrieve_memory", query="shop", top_k=50, **when)["results"]
            expected = self.truth(now() if day is None else at(day))
            assert [one["content"] for one in found] == [*expected], (day, self.told)


@pytest.fixture
def timeline(shared: Session) -> Iterator[type[Timeline]]:
    Timeline.client = shared
    yield Timeline
    del Timeline.client


def test_any_order_of_changes(timeline: type[Timeline], tmp_path: Path) -> None:
    run_state_machine_as_test(
        timeline,
        settings=settings(
            max_examples=20,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],
        ),
    )
