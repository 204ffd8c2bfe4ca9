"""WordPiece as the published tokenisers of BERT and MPNet do it: the same ids for the same text.

Text is cleaned character by character, so its time is linear in its length whatever it holds: control characters
and formats (zero-width ones too) vanish, accents go, letters become small, punctuation and Chinese characters
stand alone. The published tokeniser knows Unicode 8: of what came later, some marks and punctuation differ.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain


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


class WordPiece:
    """Splits text into the tokens of a vocabulary."""

    def __init__(self, tokens: Sequence[str], dialect: Dialect = Dialect()) -> None:
        """Take the vocabulary, each token at the place of its id.

        Raises:
            ValueError: it lacks a token that every text needs.
        """
        self._ids = {token: number for number, token in enumerate(tokens)}
        needed = dialect.unknown, dialect.first, dialect.last
        for token in needed:
            if token not in self._ids:
                raise ValueError(f"the vocabulary has no {token}")
        self._unknown, self._first, self._last = (self._ids[token] for token in needed)
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
            ids.append(self._ids.get(found[0], self._unknown))
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
                found = self._ids.get(prefix + word[start:end])
                if found is not None:
                    pieces.append(found)
                    start = end
                    break
            else:
                return (self._unknown,)
        return tuple(pieces)
