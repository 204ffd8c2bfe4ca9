"""A year of one project: what it tells its memory changes, and a question gets what was true on the day it is about.

    python -m tests.soak.year [--facts 300] [--changes 120] [--questions 200] [--seed 1] [--form source]

Facts are told day by day to a real server over stdio, which is started anew every month. They change by a store under
the same name, an update, another memory that supersedes the old one, a deletion, or an end (valid_until). Questions
are asked in between about that day, and afterwards about any day of the year and about now. Right is an answer whose
best memory is what was true then; where nothing was, one without any text of that fact. A deleted text never appears.
"""

import argparse
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import artefacts
from tests.client import Session

DAYS, MONTH, PROJECT = 365, 30, "shop"
BEST = 0.98
"""The least share of right answers."""

PARTS = (
    "billing login search catalogue shipping mail invoice report basket review newsletter inventory pricing refund "
    "import export gateway scheduler chat analytics"
).split()
SUBJECTS = {
    "port": ("The {} service listens on port {}.", "On which port does the {} service listen?"),
    "owner": ("The {} service is owned by {}.", "Who owns the {} service?"),
    "database": ("The {} service stores its data in {}.", "Where does the {} service store its data?"),
    "timeout": ("Requests to the {} service time out after {} seconds.", "When do requests to {} time out?"),
    "region": ("The {} service runs in the region {}.", "In which region does the {} service run?"),
    "language": ("The {} service is written in {}.", "In which language is the {} service written?"),
    "retries": ("The {} service retries a failed call {} times.", "How often does {} retry a failed call?"),
    "replicas": ("The {} service has {} replicas.", "How many replicas does the {} service have?"),
    "channel": ("Alerts of the {} service go to the channel {}.", "Where do the alerts of {} go?"),
    "window": ("The {} service is deployed on {}.", "On which day is the {} service deployed?"),
    "coverage": ("Tests cover {1} percent of the {0} service.", "How much of {} do the tests cover?"),
    "cache": ("The {} service keeps its cache for {} minutes.", "How long does {} keep its cache?"),
    "limit": ("A client may call the {} service {} times an hour.", "How often may a client call {}?"),
    "broker": ("The {} service publishes its events through {}.", "How does {} publish its events?"),
    "runbook": ("The runbook of the {} service is page {}.", "Which page is the runbook of {}?"),
}
"""A statement of a part and a value, and a question about the part."""

WORDS = (
    "Anna Bert Clara Dora Emil Fred Greta Hans Ines Jan Kim Lars Mona Nils Olga Paul Quin Rosa Sven Tina Uwe Vera"
).split()
NUMBERS = {"port", "timeout", "retries", "replicas", "coverage", "cache", "limit", "runbook"}


@dataclass
class Told:
    """A text, from which day on it was true, and until which (None: it still is)."""

    text: str
    first: int
    last: int | None = None
    deleted: bool = False


@dataclass
class Fact:
    """What is told of one subject; `name`: of the memory that holds it now."""

    subject: str
    part: str
    name: str = ""
    resource_id: int = 0
    told: list[Told] = field(default_factory=list)

    @property
    def question(self) -> str:
        return SUBJECTS[self.subject][1].format(self.part)

    @property
    def is_open(self) -> bool:
        return bool(self.told) and not self.told[-1].deleted and self.told[-1].last is None

    def true_on(self, day: int) -> str | None:
        """The text that was true on a day and may be shown."""
        for one in reversed(self.told):
            if one.first <= day:
                return None if one.deleted or (one.last is not None and one.last < day) else one.text
        return None


class Year:
    """The project, its memory, and what is known to be true."""

    def __init__(self, db: Path, facts: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._db = db
        pairs = [(subject, part) for part in PARTS for subject in SUBJECTS]
        self.facts = [Fact(*pair) for pair in self._random.sample(pairs, facts)]
        self._used: set[str] = set()
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._first = datetime.now(UTC).date() - timedelta(days=DAYS)

    def date(self, day: int) -> str:
        found: date = self._first + timedelta(days=day)
        return found.isoformat()

    def _text(self, fact: Fact) -> str:
        """A statement that was not made before."""
        while True:
            number = self._random.randint(2, 9_999)
            value = str(number) if fact.subject in NUMBERS else f"{self._random.choice(WORDS)}{number}"
            text = SUBJECTS[fact.subject][0].format(fact.part, value)
            if text not in self._used:
                self._used.add(text)
                return text

    def tell(self, client: Session, fact: Fact, day: int) -> None:
        """Tell a fact for the first time."""
        fact.name = f"{fact.part}/{fact.subject}.md"
        self._store(client, fact, day)

    def _store(self, client: Session, fact: Fact, day: int, **more: Any) -> None:
        text = self._text(fact)
        stored = client.ok(
            "store_memory",
            file_name=fact.name,
            content=text,
            valid_from=self.date(day),
            project_id=PROJECT,
            **more,
        )
        fact.resource_id = stored["resource_id"]
        fact.told.append(Told(text, day))

    def change(self, client: Session, day: int) -> None:
        """Change a fact that is true, by one of five ways."""
        fact = self._random.choice(
            [fact for fact in self.facts if fact.is_open and fact.told[-1].first < day]
        )
        way = self._random.choice(["store", "update", "supersede", "delete", "expire"])
        self.counts[way] += 1
        if way == "store":
            self._store(client, fact, day)
        elif way == "update":
            text = self._text(fact)
            named = {"file_name": fact.name} if day % 2 else {"resource_id": fact.resource_id}
            changed = client.ok(
                "update_memory", content=text, valid_from=self.date(day), project_id=PROJECT, **named
            )
            fact.resource_id = changed["resource_id"]
            fact.told.append(Told(text, day))
        elif way == "supersede":
            old, fact.name = fact.name, f"changes/{day}-{fact.part}-{fact.subject}.md"
            self._store(client, fact, day, supersedes=[old])
        elif way == "delete":
            client.ok("delete_memory", resource_id=fact.resource_id, project_id=PROJECT)
            fact.told[-1].deleted = True
        else:
            client.ok("update_memory", file_name=fact.name, valid_until=self.date(day), project_id=PROJECT)
            fact.told[-1].last = day

    def ask(self, client: Session, day: int | None) -> None:
        """Ask about a fact on a day; None is now."""
        fact = self._random.choice([fact for fact in self.facts if fact.told])
        when = {} if day is None else {"as_of": self.date(day)}
        found = client.ok("retrieve_memory", query=fact.question, project_id=PROJECT, **when)
        texts = [one["content"] for one in found["results"]]
        every = client.ok("retrieve_memory", query=fact.question, include_superseded=True, project_id=PROJECT)
        shown = {*texts, *(one["content"] for one in every["results"])}
        deleted = {one.text for known in self.facts for one in known.told if one.deleted}
        assert not shown & deleted, (fact, shown & deleted)
        true = fact.true_on(DAYS if day is None else day)
        own = {one.text for one in fact.told}
        right = texts[:1] == [true] and not own & set(texts[1:]) if true else not own & set(texts)
        self.counts["right" if right else "wrong"] += 1
        self.counts["about nothing"] += true is None
        if not right:
            self.wrong.append(f"{fact.question} on day {day}: {texts[:2]}, not {true}")


def run(
    db: Path, *, facts: int, changes: int, questions: int, seed: int, form: str = "source"
) -> Counter[str]:
    """Live through a year; how many changes there were of each way, and how many answers were right.

    Raises:
        AssertionError: a deleted text appeared, or too few answers were right.
    """
    year, chance = Year(db, facts, seed), random.Random(seed + 1)
    command = artefacts.command(form)
    events = [(chance.randrange(DAYS // 2), "tell", fact) for fact in year.facts]
    events += [(chance.randrange(DAYS // 3, DAYS), "change", None) for _ in range(changes)]
    events += [(chance.randrange(DAYS // 3, DAYS), "ask", None) for _ in range(questions // 2)]
    order = {"tell": 0, "change": 1, "ask": 2}
    events.sort(key=lambda event: (event[0], order[event[1]]))
    for start in range(0, DAYS, MONTH):
        with Session(db, command=command) as client:
            for day, what, fact in (event for event in events if start <= event[0] < start + MONTH):
                if what == "tell":
                    year.tell(client, fact, day)
                elif what == "change":
                    year.change(client, day)
                else:
                    year.ask(client, day)
    with Session(db, command=command) as client:
        for number in range(questions - questions // 2):
            year.ask(client, None if number % 4 == 0 else chance.randrange(DAYS))
    share = year.counts["right"] / questions
    assert share >= BEST, f"{share:.3f} of the answers are right:\n" + "\n".join(year.wrong)
    return year.counts


def main() -> None:
    """Run it with what is asked for."""
    parser = argparse.ArgumentParser()
    for name, default in (("facts", 300), ("changes", 120), ("questions", 200), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--form", default="source", choices=artefacts.FORMS)
    options = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        print(dict(run(Path(folder) / "ltmc.db", **options)))


if __name__ == "__main__":
    main()
