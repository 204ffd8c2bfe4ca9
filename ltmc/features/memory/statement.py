"""What a short text says, sentence by sentence, in the words and values by which two texts are compared."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ltmc.features.memory import statement_words as words
from ltmc.features.memory.statement_words import root

CHARACTERS, SENTENCES = 1_000, 20
"""How much of a text is compared."""

_SENTENCE = re.compile(r"[.!?](?=\s)|[。！？]|\n")
_CONTRAST = re.compile(
    r",? (?:rather than|instead of|statt|anstatt|plutôt que|au lieu de|en lugar de|en vez de|invece di|em vez de)\b|"
    r", (?:but )?(?:not|nicht|pas|no|non|não)\b"
)
_WORD = re.compile(r"#?\w+(?:[-.:,/]\w+)*%?|%|:(?=\s)")
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
        order: all words but the silent ones, in order; links in capitals, numbers with what they measure.
        forms: the same as they are inflected.
        first: the word that the sentence begins with.
        kinds: what the values among them are, by their places: number, date or opposite, and of which kind.
        said: the words that are no value, no link and no negation.
        names: those of them that are written like a name.
        which: numbers and letters that say which thing is meant.
        numbers: what is counted or measured: its dimension and number.
        bounds: of them those that are the ``least`` or the ``most``.
        dates: the parts of dates by what they are.
    """

    order: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list, compare=False)
    first: str = field(default="", compare=False)
    kinds: dict[int, str] = field(default_factory=dict)
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
    return _decided(_WORD.findall(sentence))


def _decided(told: list[str]) -> list[str]:
    """Return a sentence about a decision as one about what is done: not use X, for decided against X."""
    lower = [word.lower() for word in told]
    if "entschieden" in lower and not {"für", "gegen"}.isdisjoint(lower):
        meant = {"für": ["nutzen"], "gegen": ["nicht", "nutzen"], "entschieden": [], "haben": [], "uns": []}
        return [kept for word, low in zip(told, lower, strict=True) for kept in meant.get(low, [word])]
    if words.DECIDED.isdisjoint(lower):
        return told
    for place in range(len(told)):
        for said, (negated, verb) in words.DECISIONS.items():
            after = place + len(said)
            if tuple(lower[place:after]) == said:
                return [*told[:place], *["not"] * negated, *_taken(verb, told[after:])]
    return told


def _taken(verb: Sequence[str], following: Sequence[str]) -> list[str]:
    """Return what is done with what was decided on or against; `verb`: where none follows."""
    beginning = " ".join(following[:2]).lower() + " "
    for taken in words.TAKEN:
        if beginning.startswith(f"{taken} "):
            return ["use", *following[len(taken.split()) :]]
    return [*following] if beginning.partition(" ")[0].endswith("ing") else [*verb, *following]


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
            read = self._date(place) or self._number(place) or self._word(place)
            found = self._found
            if not place and found.order:
                found.first = found.order[0]
            found.forms += [self._lower[place]] * (len(found.order) - len(found.forms))
            place += read
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
        found.kinds[len(found.order)] = "date"
        found.order.append(words.WEEKDAYS.get(word) or words.MONTHS.get(word) or word.lstrip("0"))
        return 1

    def _near_month(self, place: int) -> bool:
        return (
            self._at(place - 1) in words.MONTHS
            or self._at(place + 1) in words.MONTHS
            or (self._at(place + 1) in words.LINKS and self._at(place + 2) in words.MONTHS)
        )

    def _number(self, place: int) -> int:
        """Read a number with its unit; return how many words they have."""
        word, before, found = self._at(place), self._at(place - 1), self._found
        if self._says_which(place):
            found.which.add(word.lstrip("#0"))
            found.order.append(word)
            return 1
        if (amount := self._amount(place)) is None:
            return 0
        measured, length = _measured(*amount[:2]), amount[2]
        following = place + length + (self._at(place + length).upper() in words.AND)
        rest = self._amount(following) if measured[0] == "time" else None
        more = _measured(*rest[:2]) if rest else ("", "")
        if rest and more[0] == "time" and words.UNITS[rest[1]] < words.UNITS[amount[1]]:
            measured = "time", f"{float(measured[1]) + float(more[1]):g}"  # 3 minutes and 20 seconds
            length = following + rest[2] - place
        found.numbers.add(measured)
        if before in words.BOUNDS:
            found.bounds[measured] = words.BOUNDS[before]
        found.kinds[len(found.order)] = f"number {measured[0]}"
        found.order.append("".join(measured))
        return length

    def _amount(self, place: int) -> tuple[str, str, int] | None:
        """Return a number, its unit, and how many words they have."""
        word, before, after = self._at(place), self._at(place - 1), self._at(place + 1)
        if word in words.UNITS and before in words.EACH:
            return "1", word, 1
        if match := _NUMBER.fullmatch(word):
            number, unit = match[1].rstrip(".,"), match[2]
            if unit and unit not in words.UNITS:
                number, unit = word, ""
        elif word in words.NUMBERS and not (
            (word == "second" and _NUMBER.fullmatch(before))
            or (word == "due" and (before in words.VALUE_LINKS or after in words.VALUE_LINKS))  # not Italian
        ):
            number, unit = words.NUMBERS[word], ""
        else:
            return None
        return (number, after, 2) if not unit and after in words.UNITS else (number, unit, 1)

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
        elif base in words.OPPOSITES and word != "den":  # German, and the root of denied
            base, negative = words.OPPOSITES[base]
            found.negated ^= negative
            if base:
                found.said.add(base)
                found.order.append(base)
        elif base in words.SIDES:
            kind, base = words.SIDES[base]
            found.said.add(base)
            found.kinds[len(found.order)] = f"opposite {kind}"
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
        amount = float(number.replace(",", "."))
    except ValueError:  # a version with a letter that is a unit
        return "", number + unit
    while dimension == "size" and amount and amount % 1024 == 0:  # 1024 MB are 1 GB
        amount, factor = amount / 1024, factor * 1000
    return dimension, f"{amount * factor:g}"


def of_different_things(name: str, other: str) -> bool:
    """Return whether two file names differ in a number or an environment alone: sprint-12.md and sprint-13.md."""
    (one, rest), (another, other_rest) = _told_apart(name), _told_apart(other)
    return bool(one and another) and one != another and rest == other_rest


def _told_apart(name: str) -> tuple[set[str], list[str]]:
    """Return what in a file name says which thing is meant, and its other words."""
    parts = [part for part in _NAME_PARTS.split(name.lower()) if part]
    found = _Reader(parts).read().which | words.ENVIRONMENTS & {*parts}
    return found, [part for part in parts if part.lstrip("0") not in found]
