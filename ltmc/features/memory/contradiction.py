"""Whether two short texts say different things of the same subject; no model is asked.

Their sentences are compared word by word. In one respect they must differ, and it must be what is said and not
what it is said of:

- a number or a date, while of all other words one sentence has none that the other lacks some for, and no number says
  which thing is meant ("bug 123", "service A");
- a negation or a word with an opposite;
- a name: the sentences run alike but for one place, which is either a value (after "is", "in", "uses" …) or who has a
  role ("Ana owns …");
- several values at once, where the sentences run alike otherwise (`alignment.py`);
- who has a role, or the day of an event, where they do not run alike (`rephrased.py`).
"""

from collections.abc import Iterable, Sequence

from ltmc.features.memory import alignment, rephrased
from ltmc.features.memory import statement_words as words
from ltmc.features.memory.alignment import PHRASE, SHARED, alike, has_link, is_value
from ltmc.features.memory.statement import Statement

BESIDE = 3
"""The most words that one sentence has beside the other where it is negated."""


def contradiction(left: Iterable[Statement], right: Sequence[Statement]) -> str | None:
    """Return in what two texts contradict each other: ``number``, ``date``, ``name`` or ``negation``; None if not."""
    told = list(left)
    others = [other for other in right if other not in told]  # what both say contradicts nothing
    for one in (one for one in told if one not in right):
        for other in others:
            if (found := _difference(one, other) or rephrased.difference(one, other)) is not None:
                return found
    return None


def _difference(one: Statement, other: Statement) -> str | None:
    if one.which != other.which:
        return None
    only_one, only_other = one.said - other.said, other.said - one.said
    if min(len(only_one), len(only_other)) > PHRASE:
        return None
    if (aligned := alignment.compare(one, other)) is not None:
        return aligned or None
    shared = len(one.said & other.said)
    opposite = _opposite(only_one, only_other)
    if opposite:
        only_one, only_other, shared = set(), set(), shared and shared + 1
    numbers = _differ(one.numbers, other.numbers)
    dates = any(_differ(one.dates[part], other.dates[part]) for part in one.dates.keys() & other.dates.keys())
    negated = one.negated != (other.negated ^ opposite)
    values = [
        kind for kind, differs in (("number", numbers), ("date", dates), ("negation", negated)) if differs
    ]
    if only_one and only_other:
        same = (one.numbers, one.dates, one.negated) == (other.numbers, other.dates, other.negated)
        return "name" if same and _renamed(one, other) else None
    if len(values) != 1 or (shared < SHARED and (not shared or only_one or only_other)):
        return None  # where two differ, the subject is likely another one
    if negated and max(len(only_one), len(only_other)) > BESIDE:
        return None
    if numbers and not _comparable(one.numbers - other.numbers, other.numbers - one.numbers):
        return None
    if numbers and (_is_range(one, other) or _is_range(other, one)):
        return None
    return values[0]


def _differ(one: set[str] | set[tuple[str, str]], other: set[str] | set[tuple[str, str]]) -> bool:
    return bool(one - other) and bool(other - one)


def _comparable(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> bool:
    """Return whether numbers measure the same, and one side has but one."""
    return min(len(one), len(other)) == 1 and not {kind for kind, _ in one}.isdisjoint(
        kind for kind, _ in other
    )


def _is_range(one: Statement, other: Statement) -> bool:
    """Return whether one says the least and the other the most of what is in between."""
    (least, *more), (most, *others) = one.numbers - other.numbers, other.numbers - one.numbers
    if more or others or (one.bounds.get(least), other.bounds.get(most)) != ("least", "most"):
        return False
    try:
        return float(least[1]) <= float(most[1])
    except ValueError:  # a version
        return False


def _opposite(one: set[str], other: set[str]) -> bool:
    """Return whether one word is the other one with a prefix that turns it round."""
    if len(one) != 1 or len(other) != 1:
        return False
    short, long = sorted((*one, *other), key=len)
    return len(short) > 3 and long.endswith(short) and long[: -len(short)] in words.PREFIXES


def _renamed(one: Statement, other: Statement) -> bool:
    """Return whether two sentences run alike but for one place, which holds a value or who has a role."""
    left, right = one.order, other.order
    start = alike(left, right)
    end = min(alike(left[::-1], right[::-1]), len(left) - start, len(right) - start)
    parts = left[start : len(left) - end], right[start : len(right) - end]
    if not start:
        who = all(0 < len(part) <= 2 and not has_link(part) for part in parts)
        return who and not words.ROLES.isdisjoint(left[len(left) - end :])
    phrases = [_phrase(part) for part in parts]
    tails = [len(part) > len(phrase) for part, phrase in zip(parts, phrases, strict=True)]
    if all(tails) or (any(tails) and end):
        return False
    shared = left[:start] + left[len(left) - end :]
    return is_value(one, other, left[start - 1], phrases, shared)


def _phrase(part: Sequence[str]) -> Sequence[str]:
    """Return the words up to the first link."""
    return part[: next((place for place, word in enumerate(part) if has_link([word])), len(part))]
