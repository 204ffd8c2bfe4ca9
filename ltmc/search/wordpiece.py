"""WordPiece as the published tokenisers of BERT and MPNet do it: the same ids for the same text.

Text is cleaned character by character, so its time is linear in its length whatever it holds: control characters
and formats (zero-width ones too) vanish, accents go, letters become small, punctuation and Chinese characters
stand alone. The published tokeniser knows Unicode 8: of what came later, some marks and punctuation differ.
"""

import re
import unicodedata
from array import array
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from itertools import accumulate, chain


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what the tokenisers of models differ.

    Attributes:
        unknown, first, last: the tokens for what is in no vocabulary, and those that begin and end a text.
        others: further tokens that, like these, count as tokens where a text holds them.
        lowercase, strip_accents: whether letters become small and lose their accents.
    """

    unknown: str = "[UNK]"
    first: str = "[CLS]"
    last: str = "[SEP]"
    others: tuple[str, ...] = ("[PAD]", "[MASK]")
    lowercase: bool = True
    strip_accents: bool = True


LONGEST_WORD = 100
"""In characters: a longer word is unknown."""

_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),  # the published tokeniser begins here, not at 2B820
    (0x2F800, 0x2FA1F),
)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class _Cleaned(dict[int, str]):
    """What becomes of a character, for `str.translate`; worked out when it is first seen."""

    def __init__(self, lowercase: bool, strip_accents: bool) -> None:
        self._lowercase, self._strip_accents = lowercase, strip_accents

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if character in "\t\n\r" or category[0] == "Z":
            cleaned = " "
        elif code == 0xFFFD or category in {"Cc", "Cf", "Co", "Cs"}:
            cleaned = ""
        elif any(first <= code <= last for first, last in _IDEOGRAPHS):
            cleaned = f" {self._plain(character)} "
        else:
            plain = self._plain(character)
            cleaned = "".join(f" {part} " if _is_punctuation(part) else part for part in plain)
        self[code] = cleaned
        return cleaned

    def _plain(self, text: str) -> str:
        if self._strip_accents:
            text = "".join(
                part for part in unicodedata.normalize("NFD", text) if unicodedata.category(part) != "Mn"
            )
        return "".join(part.lower() for part in text) if self._lowercase else text


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character)[0] == "P"


@cache
def _cleaned(lowercase: bool, strip_accents: bool) -> _Cleaned:
    return _Cleaned(lowercase, strip_accents)


class Vocabulary:
    """The ids of tokens, in a hash table over their text: 0.6 MB for 30,000, of which a dict takes 4."""

    def __init__(self, text: bytes) -> None:
        """Take the tokens in UTF-8, one a line, each in the line of its id."""
        self._text = text + b"\n"
        self._starts = array("I", accumulate(map(len, BytesIO(self._text)), initial=0))
        self._slots = array(
            "I", bytes(4 << (2 * len(self._starts)).bit_length())
        )  # a slot has 1 + an id, or 0
        slots, last = self._slots, len(self._slots) - 1
        for number, line in enumerate(BytesIO(self._text), 1):
            slot = hash(line) & last
            while slots[slot]:
                slot = (slot + 1) & last
            slots[slot] = number

    def id(self, token: str) -> int | None:
        """Return the id of a token; None if it is not there."""
        line, last = token.encode() + b"\n", len(self._slots) - 1
        slot = hash(line) & last
        while number := self._slots[slot]:
            if self._text[self._starts[number - 1] : self._starts[number]] == line:
                return number - 1
            slot = (slot + 1) & last
        return None


class WordPiece:
    """Splits text into the tokens of a vocabulary."""

    def __init__(self, vocabulary: bytes, dialect: Dialect = Dialect()) -> None:
        """Take the tokens in UTF-8, one a line, each in the line of its id.

        Raises:
            ValueError: it lacks a token that every text needs.
        """
        self._id = Vocabulary(vocabulary).id
        needed = dialect.unknown, dialect.first, dialect.last
        ids = [number for token in needed if (number := self._id(token)) is not None]
        if len(ids) < len(needed):
            missing = next(token for token in needed if self._id(token) is None)
            raise ValueError(f"the vocabulary has no {missing}")
        self._unknown, self._first, self._last = ids
        self._special = re.compile("|".join(map(re.escape, {*needed, *dialect.others})))
        self._cleaned = _cleaned(dialect.lowercase, dialect.strip_accents)
        self._pieces = lru_cache(maxsize=20_000)(self._split_word)

    def encode(self, text: str, limit: int) -> list[int]:
        """Return at most `limit` ids, with those that begin and end a text."""
        return [self._first, *self.tokenise(text)[: limit - 2], self._last]

    def tokenise(self, text: str) -> list[int]:
        """Return the ids of a text alone."""
        if not self._special.search(text):
            return self._plain(text)
        ids: list[int] = []
        start = 0
        for found in self._special.finditer(text):
            ids += self._plain(text[start : found.start()])
            number = self._id(found[0])
            ids.append(self._unknown if number is None else number)
            start = found.end()
        return ids + self._plain(text[start:])

    def _plain(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._pieces, text.translate(self._cleaned).split())))

    def _split_word(self, word: str) -> tuple[int, ...]:
        """Take the longest token that the rest of the word begins with, again and again."""
        if len(word) > LONGEST_WORD:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                found = self._id(prefix + word[start:end])
                if found is not None:
                    pieces.append(found)
                    start = end
                    break
            else:
                return (self._unknown,)
        return tuple(pieces)
