"""The words that plans are read by, as data in ``lexicon.json``: actions, order, technical terms, risks.

`synonyms` are other words for terms, in many languages; of those that end with ``*`` only the beginning counts.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, NamedTuple

_LATIN = re.compile(r"[a-z][a-z0-9+#]*")
_WORD = re.compile(
    r"(?:[^\W_]|[\u0900-\u0903\u093a-\u094f\u064b-\u0652\u200c])+"
    r"(?:[-'.](?:[^\W_]|[\u0900-\u0903\u093a-\u094f\u064b-\u0652\u200c])+)*[+#]*"
)
"""A word; signs of Devanagari and Arabic go with their letters, and what parts a Persian word without a blank is inside
one."""

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""A character of a script that puts no blanks between words, or glues endings to them."""

_COMPOUND = range(10, 40)
"""How many letters a word has that may be a compound, such as the German ones."""

_ENDED = 6
"""How many letters a word has at least that is known by its ending."""

_INSIDE = 6
"""How many letters a stem has at least that is looked for inside a compound."""


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        resources.files("ltmc.features.blueprints").joinpath("lexicon.json").read_text("utf-8")
    )
    return data


@cache
def terms(name: str) -> frozenset[str]:
    """Return a list of the lexicon."""
    return frozenset(_data()[name])


@cache
def numbers() -> dict[str, int]:
    """Return the words for numbers, and for what is the first, the second and so on."""
    return {word: place + 1 for place, words in enumerate(_data()["numbers"]) for word in words}


@cache
def weights() -> dict[str, float]:
    """Return the technical terms, each with how hard what it names is to do, 0 to 1."""
    return {term: float(weight) for weight, found in _data()["technical"].items() for term in found}


class _Synonyms(NamedTuple):
    """Words and their terms: whole ones, what words begin with, and what a script without blanks holds anywhere."""

    whole: dict[str, str]
    stems: dict[str, str]
    wide: dict[str, str]


@cache
def _synonyms() -> _Synonyms:
    found = {word: term for term, words in _data()["synonyms"].items() for word in words}
    wide = {word: term for word, term in found.items() if is_wide(word)}
    stems = {word[:-1]: term for word, term in found.items() if word.endswith("*")}
    return _Synonyms({word: found[word] for word in found.keys() - wide.keys()}, stems, wide)


class Language(NamedTuple):
    """The words for actions in a language whose clauses are told apart by them alone.

    Attributes:
        conjunctions: words for "and"; some mean something else in other languages.
        actions: what a clause begins with, or ends with if `verb_last`; two words are joined by a hyphen.
        endings: what only verbs end with.
        order: words of order that may follow the conjunction.
        prefix: the conjunction that is of one word with what it joins.
    """

    conjunctions: frozenset[str]
    actions: frozenset[str]
    endings: tuple[str, ...]
    order: frozenset[str]
    verb_last: bool
    prefix: str = ""

    def acts(self, words: Sequence[str]) -> bool:
        """Tell whether the words of a clause, without words that only lead to them, say what to do."""
        if self.verb_last:
            return len(words) > 1 and not self.actions.isdisjoint((words[-1], "-".join(words[-2:])))
        place = int(bool(words) and words[0] in self.conjunctions)
        word = self.plain("".join(words[place : place + 1]))
        if len(word) >= _ENDED and word.endswith(self.endings):
            return True
        return not self.actions.isdisjoint((word, "-".join([word, *words[place + 1 : place + 2]])))

    def plain(self, word: str) -> str:
        """Return an action without the conjunction that is of one word with it; another word as it is."""
        bare = word.removeprefix(self.prefix)
        return bare if self.prefix and word not in self.actions and self._begins(bare) else word

    def _begins(self, word: str) -> bool:
        return any(action == word or action.startswith(f"{word}-") for action in self.actions)


@cache
def languages() -> tuple[Language, ...]:
    """Return the languages that have their actions apart."""
    return tuple(
        Language(
            frozenset(one["and"]),
            frozenset(one["actions"]),
            tuple(one.get("endings", ())),
            frozenset(one.get("order", ())),
            one.get("verb_last", False),
            one.get("prefix", ""),
        )
        for one in _data()["languages"].values()
    )


@cache
def aliases() -> dict[str, str]:
    """Return the usual names of skills by their other names."""
    return dict(_data()["aliases"])


@cache
def groups() -> dict[str, int]:
    """Return for each skill the number of the group of skills that it is akin to."""
    return {skill: place for place, group in enumerate(_data()["related"]) for skill in group}


@cache
def signs() -> dict[str, int]:
    """Return the words that tell of work of a group of skills, each with the group's number."""
    return {word: groups()[skill] for skill, words in _data()["signs"].items() for word in words}


def canonical(skill: str) -> str:
    """Return the usual name of a skill, lower-cased."""
    skill = " ".join(skill.lower().split())
    joined = skill.replace(" ", "-")
    return aliases().get(skill, joined if joined in groups() else skill)


def is_wide(text: str) -> bool:
    """Tell whether a text is written in a script without blanks between words."""
    return _WIDE.search(text) is not None


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower-cased; a compound with hyphens is one word."""
    return _WORD.findall(text.lower())


def vocabulary(text: str) -> set[str]:
    """Return the words of a text, the parts of compounds, and neighbours as compounds of two and three."""
    words = words_of(text)
    parts = {part for word in words for part in re.split("[-.]", word)}
    parts |= {name for word in words if is_wide(word) for name in _LATIN.findall(word)}  # OAuth2ログイン
    pairs = {f"{left}-{right}" for left, right in pairwise(words)}
    triples = {f"{one}-{two}-{three}" for one, two, three in zip(words, words[1:], words[2:], strict=False)}
    return {*words, *parts, *pairs, *triples}


def meanings(text: str, known: Collection[str]) -> set[str]:
    """Return the words of a text, given its `vocabulary`, each synonym as the term that it stands for."""
    synonyms = _synonyms()
    longest = max(map(len, synonyms.stems))
    found = {synonyms.wide[word] for word in innermost({word for word in synonyms.wide if word in text})}
    for word in known:
        meant = {synonyms.stems[piece] for piece in _pieces(word, longest) if piece in synonyms.stems}
        if word in synonyms.whole:
            meant.add(synonyms.whole[word])
        found |= meant or {word}
    return found


def _pieces(word: str, longest: int) -> Iterator[str]:
    """Return what a word may begin with, and what may stand in it if it may be a compound."""
    inside = len(word) - _INSIDE + 1 if len(word) in _COMPOUND and "-" not in word else 1
    for begin in range(inside):
        for end in range(begin + (_INSIDE if begin else 2), min(len(word), begin + longest) + 1):
            yield word[begin:end]


def innermost(found: set[str]) -> set[str]:
    """Return terms of a script without blanks without those that are a part of another."""
    return {term for term in found if not any(term != other and term in other for other in found)}


def named(wanted: Iterable[str], text: str, known: set[str] | None = None) -> set[str]:
    """Return the terms that a text names: as whole words, or anywhere where their script has no blanks.

    Args:
        known: the `vocabulary` of the text, where it is at hand.
    """
    found = vocabulary(text) if known is None else known
    return {term for term in wanted if (term in text if is_wide(term) else term in found)}
