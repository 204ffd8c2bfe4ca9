"""Two sentences that run alike but for up to three values, compared place by place.

What differs must be what is said. The first value has a subject before it; each further one is told beside it ("with 4
workers", "and 16 GB"): circumstances ("10 minutes on Linux") say which of two things is meant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ltmc.features.memory import statement_words as words
from ltmc.features.memory.statement import Statement

PHRASE, VALUES = 3, 3
"""The most words of a value, and the most values that differ."""

SHARED = 2
"""So many words must two sentences have in common, values aside; or one, where neither has others."""

NUMBERED = ("name", "number")
"""A name and what follows it: Redis 6."""


@dataclass(slots=True)
class _Slot:
    """Where two sentences differ: what each has there, and the places in the first one."""

    kind: str
    start: int
    end: int
    one: list[str]
    other: list[str]


def compare(one: Statement, other: Statement) -> str | None:
    """Return in what two sentences contradict each other, "" where they do not; None where this does not tell."""
    if one.order[:1] != other.order[:1] and words.ROLES.isdisjoint(one.order):
        return None  # of different things
    if one.negated != other.negated or {*one.bounds.values()} != {*other.bounds.values()}:
        return None
    if _exchanged(one.order, other.order):
        return "name"
    order, masked = _masked(one, other)
    slots = _slots(order, masked, *_masked(other, one))
    if not slots or all(slot.kind == "date" for slot in slots):
        return None
    shared = _without(order, slots)
    if len(slots) == 1:
        return _single(one, other, order, slots[0], shared)
    needed = 1 if slots[0].kind == "name" else SHARED
    told = len(one.said.intersection(shared)) >= needed and words.SEVERAL.isdisjoint(shared)
    told = told and _has_subject(one, other, order, slots[0])
    return slots[0].kind if told and all(_beside(one, order, *pair) for pair in pairwise(slots)) else ""


def _exchanged(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two words changed places in a comparison: tabs over spaces."""
    places = [place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]]
    if len(one) != len(other) or len(places) != 2:
        return False
    first, last = places
    exchanged = (one[first], one[last]) == (other[last], other[first])
    return exchanged and last == first + 2 and one[first + 1] in words.COMPARED


def alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many words two sentences begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _masked(one: Statement, other: Statement) -> tuple[list[str], list[str]]:
    """Return the words of a sentence, and the same with the kinds of values in their places.

    A number that the other has none for is left out before an opposite: 2 spaces, tabs.
    """
    kinds = [one.kinds.get(place, "") for place in range(len(one.order) + 1)]
    kept = [
        (word, kind or word)
        for word, kind, after in zip(one.order, kinds, kinds[1:], strict=False)
        if other.numbers or not (kind.startswith("number") and after.startswith("opposite"))
    ]
    return [word for word, _ in kept], [mask for _, mask in kept]


def _slots(one: list[str], masked: list[str], other: list[str], others_masked: list[str]) -> list[_Slot]:
    """Return where two sentences differ; none unless they run alike otherwise, or where it is in too many places."""
    if abs(len(one) - len(other)) > VALUES * PHRASE:
        return []
    found: list[_Slot] = []

    def add(kind: str, start: int, end: int, ours: list[str], theirs: list[str]) -> None:
        before = found[-1] if found else None
        if (
            before
            and before.end == start
            and (kind == before.kind == "date" or (before.kind, kind) == NUMBERED)
        ):
            before.end, before.one, before.other = end, before.one + ours, before.other + theirs
        else:
            found.append(_Slot(kind, start, end, ours, theirs))

    start = alike(masked, others_masked)
    end = min(alike(masked[::-1], others_masked[::-1]), len(one) - start, len(other) - start)
    behind = len(one) - end
    parts = one[start:behind], other[start : len(other) - end]
    if any(parts) and not (
        all(parts) and (masked[start], others_masked[start]) == (one[start], other[start])
    ):
        return []
    for place in range(len(one)):
        beside = place if place < start else place - behind + len(other) - end
        if place == start and all(parts):
            add("name", start, behind, *parts)
        elif not start <= place < behind and one[place] != other[beside]:
            add(masked[place].partition(" ")[0], place, place + 1, [one[place]], [other[beside]])
    return found if len(found) <= VALUES else []


def _without(order: Sequence[str], slots: Iterable[_Slot]) -> list[str]:
    inside = {place for slot in slots for place in range(slot.start, slot.end)}
    return [word for place, word in enumerate(order) if place not in inside]


def _single(
    one: Statement, other: Statement, order: Sequence[str], slot: _Slot, shared: Sequence[str]
) -> str | None:
    if slot.kind == "opposite":
        before, after = order[: slot.start], order[slot.end :]
        links = [word for word in before if has_link([word])]
        told = not one.said.isdisjoint(before) and words.COPULAS.isdisjoint(after)
        return "negation" if told and (not links or _is_value_link(links[-1])) else ""
    if slot.kind != "name" or not any(word[0].isdigit() for word in slot.one + slot.other):
        return None
    return "name" if slot.start and _is_named(one, other, order, slot, shared) else ""


def _has_subject(one: Statement, other: Statement, order: Sequence[str], slot: _Slot) -> bool:
    """Return whether the first of several values is what is said, not what it is said of."""
    if not slot.start:
        is_who = slot.kind == "name" and not has_link(slot.one + slot.other)
        return is_who and not words.ROLES.isdisjoint(order[slot.end :])
    if one.said.isdisjoint(order[: slot.start]):
        return False
    if slot.kind == "name":
        return _is_named(one, other, order, slot, _without(order, [slot]))
    before = order[slot.start - 1]
    attribute = has_link([before]) and (before in words.AND_WITH or not _is_value_link(before))
    return slot.kind != "opposite" and not attribute


def _beside(one: Statement, order: Sequence[str], slot: _Slot, following: _Slot) -> bool:
    """Return whether a value is told beside the one before it."""
    between = order[slot.end : following.start]
    link = next((word for word in between if has_link([word])), "")
    if slot.kind == "name" and following.kind == "date":
        return bool(between) and between[-1] in words.SINCE
    if following.kind not in ("number", "date") or slot.kind == "opposite" or not slot.start:
        return False
    if slot.kind == "name" and between[:1] != [link]:
        return False
    if between == [link] and link in words.AND and slot.kind == following.kind:
        return False  # a list
    if link not in words.AND and not words.MEASURES.isdisjoint(order):
        return False
    is_time = one.kinds.get(following.start) == "number time"
    return link in words.AND_WITH and (is_time or between[-1] not in words.FOR)


def _is_named(
    one: Statement, other: Statement, order: Sequence[str], slot: _Slot, shared: Sequence[str]
) -> bool:
    before, phrases = order[slot.start - 1], [_name(slot.one), _name(slot.other)]
    return not any(map(has_link, phrases)) and is_value(one, other, before, phrases, shared)


def _name(part: Sequence[str]) -> list[str]:
    """Return a product without its version."""
    return [word for word in part if not word[0].isdigit()]


def has_link(part: Iterable[str]) -> bool:
    """Return whether there is a link among words."""
    return any(word.isupper() or word == ":" for word in part)


def _is_value_link(word: str) -> bool:
    return word.lower() in words.VALUE_LINKS


def is_value(
    one: Statement, other: Statement, before: str, phrases: Sequence[Sequence[str]], around: Sequence[str]
) -> bool:
    """Return whether two phrases are different values, by the word before them and those around them in both."""
    if not (
        (has_link([before]) and _is_value_link(before))
        or before in words.USES
        or before.endswith(words.WIDE_LINKS)
    ):
        return False
    names = one.names | other.names
    needed = 1 if all(names & set(phrase) for phrase in phrases) else SHARED
    shared = [word for word in around if word in one.said]
    return len(shared) >= needed and words.SEVERAL.isdisjoint(shared) and _other_values(*phrases)


def _other_values(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two phrases are different values, and no environments, which are different things."""
    if not (0 < len(one) <= PHRASE and 0 < len(other) <= PHRASE) or set(one) & set(other):
        return False
    if words.ENVIRONMENTS & {*one, *other}:
        return False
    return not any(
        min(len(left), len(right)) > 3 and (left.startswith(right) or right.startswith(left))
        for left in one
        for right in other
    )
