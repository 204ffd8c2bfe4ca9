"""Whether two short texts say different things of the same subject; no model is asked.

Their sentences are compared word by word. In exactly one respect they must differ, and it must be what is said and not
what it is said of:

- a number or a date, while of all other words one sentence has none that the other lacks some for, and no number says
  which thing is meant ("bug 123", "service A");
- a negation or a word with an opposite;
- a name: the sentences run alike but for one place, which is either a value (after "is", "in", "uses" …) or who has a
  role ("Ana owns …").
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ltmc.features.memory import statement_words as words
from ltmc.features.memory.statement_words import root

CHARACTERS, SENTENCES = 1_000, 20
"""How much of a text is compared."""

SHARED = 2
"""So many words must two sentences have in common, values aside; or one, where neither has others."""

PHRASE, BESIDE = 3, 3
"""The most words of a value, and the most that one sentence has beside the other where it is negated."""

_SENTENCE = re.compile(r"[.!?](?=\s)|[。！？]|\n")
_CONTRAST = re.compile(
    r",? (?:rather than|instead of|statt|anstatt|plutôt que|au lieu de|en lugar de|en vez de|invece di|em vez de)\b|"
    r", (?:but )?(?:not|nicht|pas|no|non|não)\b"
)
_WORD = re.compile(r"#?\w+(?:[-.:,/]\w+)*%?|:(?=\s)")
_WIDE_EDGE = re.compile(
    r"(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?=[0-9A-Za-z])"
    r"|(?<=[0-9A-Za-z])(?=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)
_WIDE_NOT = re.compile(r"不再?(?=支持|使用|用|允许|需要|能|可以|会|要|应)|没有")
_APOSTROPHE = re.compile(r"\b(\w+)['’](\w+)")
_NUMBER = re.compile(r"v?(\d[\d.,]*)([a-z%]*)")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_DAY = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)")
_DOTTED_DAY = re.compile(r"(?<![\d.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.((?:19|20)\d\d)(?!\.?\d)")
_NTH = re.compile(
    r"\b(\d\d?)(?:\.|st|nd|rd|th)(?: of)?(?= ([^\W\d_]{3,10})\b)|([^\W\d_]{3,10} )(\d\d?)(?:st|nd|rd|th)\b"
)
_CLOCK = re.compile(r"\d\d?:\d\d")
_NAME_PARTS = re.compile(r"[^\w.]+|_|\.(?=[a-z])")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(slots=True)
class Statement:
    """A sentence by its words.

    Attributes:
        order: all words but the silent ones, in order; links in capitals.
        said: the words that are no value, no link and no negation.
        names: those of them that are written like a name.
        which: numbers and letters that say which thing is meant.
        numbers: what is counted or measured: its dimension and number.
        bounds: of them those that are the ``least`` or the ``most``.
        dates: the parts of dates by what they are.
    """

    order: list[str] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    which: set[str] = field(default_factory=set)
    numbers: set[tuple[str, str]] = field(default_factory=set)
    bounds: dict[tuple[str, str], str] = field(default_factory=dict)
    dates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    negated: bool = False


def statements(text: str) -> list[Statement]:
    """Return the sentences of a text."""
    text = _NTH.sub(_plain_day, _DOTTED_DAY.sub(r"\3-\2-\1", text[:CHARACTERS]))
    parts = _SENTENCE.split(text)[:SENTENCES]
    return [_Reader(found).read() for part in parts if (found := _words(part))]


def _plain_day(match: re.Match[str]) -> str:
    """Return the number of "3rd of March", "March 3rd" and "3. März" alone, and another number as it is."""
    day, behind, before, other = match.groups()
    month = (behind or before).strip()
    return f"{before or ''}{day or other}" if _is_month(month, "") else match[0]


def _words(sentence: str) -> list[str]:
    sentence, negations = _WIDE_NOT.subn("", _WIDE_EDGE.sub(" ", sentence))
    sentence = "not " * (negations % 2) + sentence
    sentence = _APOSTROPHE.sub(_apart, _CONTRAST.split(sentence, maxsplit=1)[0].replace("on call", "on-call"))
    return _WORD.findall(sentence)


def _apart(match: re.Match[str]) -> str:
    """Return a word with an apostrophe without what is elided; a negation stays."""
    before, after = match.groups()
    if after.lower() == "t" and before.lower().endswith("n"):
        return "not"
    if before.lower() == "n":
        return f"ne {after}"
    return after if before.lower() in words.ELIDED else before


class _Reader:
    """Reads one sentence, word after word."""

    def __init__(self, written: Sequence[str]) -> None:
        self._written, self._lower = written, [word.lower() for word in written]
        self._found = Statement()
        self._french = "ne" in self._lower
        self._portuguese = not words.PORTUGUESE.isdisjoint(self._lower)
        self._retracts = not any(map({*self._lower}.isdisjoint, (words.PLANS, words.RETRACTED)))

    def read(self) -> Statement:
        """Return the statement."""
        place = 0
        while place < len(self._lower):
            place += self._date(place) or self._number(place) or self._word(place)
        return self._found

    def _at(self, place: int) -> str:
        return self._lower[place] if 0 <= place < len(self._lower) else ""

    def _date(self, place: int) -> int:
        """Read a part of a date; return how many words it has."""
        word, before, after = self._at(place), self._at(place - 1), self._at(place + 1)
        found = self._found
        if match := _DAY.fullmatch(word):
            for part, value in zip(("year", "month", "day"), match.groups(), strict=True):
                found.dates[part].add(value.lstrip("0"))
        elif _CLOCK.fullmatch(word):
            found.dates["time"].add(word.lstrip("0"))
        elif word in words.WEEKDAYS and place:
            found.dates["weekday"].add(words.WEEKDAYS[word])
        elif _is_month(self._written[place], before) and place:
            found.dates["month"].add(words.MONTH_NUMBERS[words.MONTHS[word]])
        elif word in words.FREQUENCIES and place > 1 and (not after or after in words.VALUE_LINKS):
            found.dates["frequency"].add(word)
        elif _YEAR.fullmatch(word) and (
            before in words.YEAR_AFTER or before in words.MONTHS or self._at(place - 2) in words.MONTHS
        ):
            found.dates["year"].add(word)
        elif word.isdecimal() and len(word) < 3 and (self._near_month(place)):
            found.dates["day"].add(word.lstrip("0"))
        elif word.isdecimal() and after[:1] in words.WIDE_DATES:
            found.dates[words.WIDE_DATES[after[0]]].add(word.lstrip("0"))
        else:
            return 0
        found.order.append(word)
        return 1

    def _near_month(self, place: int) -> bool:
        return (
            self._at(place - 1) in words.MONTHS
            or self._at(place + 1) in words.MONTHS
            or (self._at(place + 1) in words.LINKS and self._at(place + 2) in words.MONTHS)
        )

    def _number(self, place: int) -> int:
        """Read a number with its unit; return how many words they have."""
        word, before, after = self._at(place), self._at(place - 1), self._at(place + 1)
        found = self._found
        if self._says_which(place):
            found.which.add(word.lstrip("#0"))
            found.order.append(word)
            return 1
        if word in words.UNITS and before in words.EACH:
            number, unit, length = "1", word, 1
        elif match := _NUMBER.fullmatch(word):
            number, unit, length = match[1].rstrip(".,"), match[2], 1
            if unit and unit not in words.UNITS:
                number, unit = word, ""
        elif word in words.NUMBERS and not (word == "second" and _NUMBER.fullmatch(before)):
            number, unit, length = words.NUMBERS[word], "", 1
        else:
            return 0
        if not unit and after in words.UNITS:
            unit, length = after, 2
        measured = _measured(number, unit)
        found.numbers.add(measured)
        if before in words.BOUNDS:
            found.bounds[measured] = words.BOUNDS[before]
        found.order.append(word)
        return length

    def _says_which(self, place: int) -> bool:
        word, before, after = self._at(place), self._at(place - 1), self._at(place + 1)
        if word.isdecimal() and (before.endswith("第") or after.startswith(words.WIDE_COUNTERS)):
            return True
        if len(word) == 1 and word.isalpha():
            return (
                bool(place) and self._written[place].isupper() and word != "i" and before not in words.SILENT
            )
        if not any(letter.isdigit() for letter in word) or not place:
            return word.startswith("#")
        if word.startswith("#") or before in words.LABELS:
            return True
        if any(root(one) in words.ONLY_ONE for one in self._lower):
            return False
        if place > 2 or not word[0].isdigit() or after in words.UNITS or word.endswith("%"):
            return False
        return before in words.LABELS_FIRST or (
            before not in words.SILENT | words.LINKS | words.VALUE_LINKS
            and (after in words.VALUE_LINKS or after in words.NEGATIONS)
        )

    def _word(self, place: int) -> int:
        word = self._at(place)
        found, base = self._found, root(word)
        if self._retracts and word in words.PLANS | words.RETRACTED:
            found.negated |= word in words.RETRACTED
            return 1
        acronym = len(word) > 1 and self._written[place].isupper() and not self._written[place - 1].isupper()
        if self._negates(place):
            found.negated = True
        elif word in words.WITHOUT:
            found.negated = not found.negated
        elif base in words.OPPOSITES:
            base, negative = words.OPPOSITES[base]
            found.negated ^= negative
            if base:
                found.said.add(base)
                found.order.append(base)
        elif not acronym and (word in words.LINKS or word in words.VALUE_LINKS):
            found.order.append(word.upper())
        elif (acronym or word not in words.SILENT) and not (self._french and word in words.AFTER_NE):
            found.said.add(base)
            found.order.append(base)
            if place and _is_name(self._written[place]):
                found.names.add(base)
        return 1

    def _negates(self, place: int) -> bool:
        word = self._at(place)
        if word == "no":
            return not self._portuguese
        if word in words.AFTER_NE and not self._french:
            return word in ("pas", "jamais")
        return word in words.NEGATIONS or word.startswith(words.NEGATED)


def _is_month(word: str, before: str) -> bool:
    lower = word.lower()
    if lower not in words.MONTHS:
        return False
    return lower not in ("may", "mai", "mar", "sept", "set") or word != lower or before.isdecimal()


def _is_name(word: str) -> bool:
    """Return whether a word inside a sentence looks like a name: capitals, digits, or joined parts."""
    return word != word.lower() or any(letter.isdigit() or letter in "-./_" for letter in word)


def _measured(number: str, unit: str) -> tuple[str, str]:
    """Return a number in the smallest unit of what it measures, with that."""
    if _THOUSANDS.fullmatch(number):
        number = number.replace(",", "").replace(".", "")
    if not unit:
        return "", number
    dimension, factor = words.UNITS[unit]
    try:
        return dimension, f"{float(number.replace(',', '.')) * factor:g}"
    except ValueError:  # a version with a letter that is a unit
        return "", number + unit


def contradiction(left: Iterable[Statement], right: Sequence[Statement]) -> str | None:
    """Return in what two texts contradict each other: ``number``, ``date``, ``name`` or ``negation``; None if not."""
    told = list(left)
    others = [other for other in right if other not in told]  # what both say contradicts nothing
    for one in (one for one in told if one not in right):
        for other in others:
            if (found := _difference(one, other)) is not None:
                return found
    return None


def of_different_things(name: str, other: str) -> bool:
    """Return whether two file names differ in a number or an environment alone: sprint-12.md and sprint-13.md."""
    (one, rest), (another, other_rest) = _told_apart(name), _told_apart(other)
    return bool(one and another) and one != another and rest == other_rest


def _told_apart(name: str) -> tuple[set[str], list[str]]:
    """Return what in a file name says which thing is meant, and its other words."""
    parts = [part for part in _NAME_PARTS.split(name.lower()) if part]
    found = _Reader(parts).read().which | words.ENVIRONMENTS & {*parts}
    return found, [part for part in parts if part.lstrip("0") not in found]


def _difference(one: Statement, other: Statement) -> str | None:
    if one.which != other.which:
        return None
    only_one, only_other = one.said - other.said, other.said - one.said
    if min(len(only_one), len(only_other)) > PHRASE:
        return None
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
    start = _alike(left, right)
    end = min(_alike(left[::-1], right[::-1]), len(left) - start, len(right) - start)
    parts = left[start : len(left) - end], right[start : len(right) - end]
    if not start:
        who = all(0 < len(part) <= 2 and not _has_link(part) for part in parts)
        return who and not words.ROLES.isdisjoint(left[len(left) - end :])
    before = left[start - 1]
    is_link = _has_link([before]) and before.lower() in words.VALUE_LINKS
    if not (is_link or before in words.USES or before.endswith(words.WIDE_LINKS)):
        return False
    phrases = [_phrase(part) for part in parts]
    tails = [len(part) > len(phrase) for part, phrase in zip(parts, phrases, strict=True)]
    if all(tails) or (any(tails) and end):
        return False
    names = one.names | other.names
    needed = 1 if all(names & set(phrase) for phrase in phrases) else SHARED
    shared = [word for word in left[:start] + left[len(left) - end :] if word in one.said]
    return len(shared) >= needed and words.SEVERAL.isdisjoint(shared) and _other_values(*phrases)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many words two sentences begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _phrase(part: Sequence[str]) -> Sequence[str]:
    """Return the words up to the first link."""
    return part[: next((place for place, word in enumerate(part) if _has_link([word])), len(part))]


def _has_link(part: Iterable[str]) -> bool:
    return any(word.isupper() or word == ":" for word in part)


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
