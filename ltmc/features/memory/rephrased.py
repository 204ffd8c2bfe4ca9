"""Who has a role, and when something happens, in whatever words: "Anna owns X" and "X is owned by Ben".

Two sentences that do not run alike are compared by this alone: the same role of the same thing, or the same event of
it, and another name or day.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ltmc.features.memory import statement_words as words
from ltmc.features.memory.statement import Statement

WHO = 3
"""The most words of a name."""

TOGETHER = {"of", "for", "von", "für", "de", "des", "del", "di", "della", "do", "da"}
"""What follows the word for a role: the owner of."""


class _Role(NamedTuple):
    """Who has a role of a thing; `form`: how the sentence says so."""

    name: str
    form: str
    who: frozenset[str]
    thing: frozenset[str]


class _Event(NamedTuple):
    """When something happens or happened."""

    name: str
    past: bool
    about: frozenset[str]


def difference(one: Statement, other: Statement) -> str | None:
    """Return in what two sentences contradict each other, ``name`` or ``date``, if they tell a role or an event."""
    if one.negated or other.negated or _things(one) != _things(other):
        return None
    role, another = _role(one), _role(other)
    if role and another:
        same = (role.name, role.thing) == (another.name, another.thing) and role.form != another.form
        return "name" if same and role.who.isdisjoint(another.who) else None
    event = _event(one)
    if event is None or event != _event(other):
        return None
    parts = one.dates.keys() & other.dates.keys()
    return "date" if any(one.dates[part] != other.dates[part] for part in parts) else None


def _things(statement: Statement) -> set[str]:
    """Return the numbers that say which thing is meant."""
    return statement.which | {number for kind, number in statement.numbers if not kind}


def _event(statement: Statement) -> _Event | None:
    """Return the one event of which a sentence tells the day."""
    names = {words.EVENTS[word] for word in statement.said & words.EVENTS.keys()}
    if len(names) != 1 or len(statement.dates.get("day", ())) != 1 or statement.bounds:
        return None
    told = dict(zip(statement.order, statement.forms, strict=True))
    past = not words.PAST.isdisjoint(statement.forms) or (
        words.PRESENT.isdisjoint(statement.order)
        and any(form.endswith("ed") for word, form in told.items() if word in words.EVENTS)
    )
    return _Event(names.pop(), past, frozenset(statement.said - words.EVENTS.keys() - words.PLANNED))


def _role(statement: Statement) -> _Role | None:
    """Return who has a role now, if that is what a sentence tells."""
    since = next((place for place, word in enumerate(statement.order) if word in words.SINCE), None)
    order, forms = statement.order[:since], statement.forms[:since]
    places = [place for place, word in enumerate(order) if word in words.ROLE_NAMES]
    dated = since is None and "date" in statement.kinds.values()
    if len(places) != 1 or dated or not words.PAST.isdisjoint(forms):
        return None
    found = _parts(order, forms, places[0])
    if found is None:
        return None
    form, who, thing = found
    if not 0 < len(who) <= WHO or any(word not in statement.said or word in words.ASIDE for word in who):
        return None
    named = statement.names | ({statement.first} if who[0] == order[0] else set())
    about = frozenset(statement.said.intersection(thing))
    if not about or not (named.issuperset(who) or words.TEAMS.intersection(who)):
        return None
    return _Role(words.ROLE_NAMES[order[places[0]]], form, frozenset(who) - words.TEAMS, about)


def _parts(
    order: Sequence[str], forms: Sequence[str], place: int
) -> tuple[str, Sequence[str], Sequence[str]] | None:
    """Return how a sentence names who has a role, who that is and of what; `place`: that of the word for the role."""
    before, after = order[:place], order[place + 1 :]
    if before[-1:] == ["IN"]:  # in charge of
        before = before[:-1]
    link = before[-1] if before else ""
    by = next((at for at, word in enumerate(before) if word in words.BY), None)
    if link in words.PRESENT and after[:1] and after[0] in words.BY:  # X is owned by Ben
        return "passive", after[1:], before[:-1]
    if by is not None and not words.PRESENT.isdisjoint(before[:by]):  # X wird von Ben geleitet
        verb = next(at for at, word in enumerate(before) if word in words.PRESENT)
        return "passive", before[by + 1 :], [*before[:verb], *after]
    if after[:1] and after[0].lower() in TOGETHER:
        if link in words.PRESENT:  # Ben is the owner of X
            return "noun", before[:-1], after[1:]
        is_at = next((at for at, word in enumerate(after) if word in words.PRESENT or word == ":"), None)
        return None if before or is_at is None else ("subject", after[is_at + 1 :], after[1:is_at])
    if before and after[:1] and (after[0] in words.PRESENT or after[0] == ":"):  # the owner of X: Ben
        return "subject", after[1:], before
    if forms[place].endswith("ed") or forms[place] == "led" or any(word in words.PRESENT for word in before):
        return None
    return "active", before, after  # Ben owns X
