"""From text to index terms.

A term is a lower-case stem.  An identifier, path or version gives its parts and,
when it has several, the whole: ``getUserName`` -> ``get user name getusername``.
Chinese, Japanese, Korean and Thai runs give character pairs: most have no spaces.
An emoji is a term, without its variants of colour.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache

from ltmc.search.stemming import stem

ANALYSIS_VERSION = 3
"""A part of the index's identity: a change asks for `ltmc reindex`."""

UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
"""The letters of scripts that write without spaces, as a class of a regular expression."""

EMOJI = "[\U0001f1e6-\U0001f1ff]{2}|[\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f3fa\U0001f400-\U0001faff]"
"""A flag, or one sign of the blocks of emoji, as a regular expression."""


class _Late:
    """A pattern that is compiled when a text first needs it: one of many letters takes milliseconds."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern."""
        return re.compile(self.expression)


_ASCII_RUN = re.compile(r"\b[CcFf](?:\+\+|\#)(?!\w)|\w+(?:[-./:+#@\\]\w+)*")
_RUN = _Late(
    rf"\b[CcFf](?:\+\+|\#)(?!\w)|{EMOJI}|[{UNSPACED}]+|(?:(?![{UNSPACED}])\w)+(?:[-./:+#@\\](?:(?![{UNSPACED}])\w)+)*"
)
"""The same for any text."""

_UNSPACED, _EMOJI = _Late(rf"[{UNSPACED}]"), _Late(EMOJI)
_JOINED = re.compile(r"[-./:+#@\\_]+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
"""An acronym before a word, a capitalised or lower-case word, an acronym, digits, any other letters."""

_LETTERS = str.maketrans({"ß": "ss", "ẞ": "SS", "ς": "σ"})
"""Letters that are others in words without regard to case."""

_VERSION = re.compile(r"v?\d++(?:\.\d++)+\w*+")
LONGEST_TERM = 64
"""In characters; the rest of a longer term is cut off."""

_FUNCTION_WORDS = """
a about above after again all also am an and any are as at be because been before being below
between both but by can cannot could did do does doing don down during each few for from further
had has have having he her here hers herself him himself his how i if in into is it its itself
just let ll me more most my myself no nor not of off on once only or other our ours ourselves
out over own re same she should so some such t than that the their theirs them themselves then
there these they this those through to too under until up ve very was we were what when where
which while who whom why will with won would you your yours yourself yourselves s d m isn aren
wasn weren hasn haven hadn doesn didn couldn shouldn wouldn
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""The function words of English; a query keeps them only when it has nothing else."""

ABBREVIATIONS = """str string;dict dictionary;int integer;func function;fn function;arg argument;
    param parameter;num number;obj object;dir directory;msg message;val value;char character;
    elem element;idx index;len length;df dataframe;np numpy;pd pandas;attr attribute;db database;
    img image;bool boolean;del delete;cfg config configuration;env environment;tmp temporary;
    max maximum;min minimum;avg average;src source;dest destination;err error;exc exception;
    doc document;arr array;addr address;auth authentication;cmd command;col column;
    conn connection;ctx context;fmt format;init initialize;lib library;pkg package;pos position;
    prev previous;proc process;ref reference;repo repository;req request;resp response;
    seq sequence;spec specification;sys system;txt text;var variable;ver version;vec vector;
    freq frequency;prob probability;calc calculate;gen generate;iter iterate;concat concatenate;
    rand random;coord coordinate;exec execute;eval evaluate"""
"""Short forms that programmers write, with the words that they stand for."""


def _synonyms() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in ABBREVIATIONS.split(";"):
        stems = [stem(word) for word in group.split()]
        for word in stems:
            table.setdefault(word, set()).update(other for other in stems if other != word)
    return {word: frozenset(others) for word, others in table.items()}


SYNONYMS = _synonyms()
"""The stem of a short form to those of its long forms, and the reverse."""


def fold(text: str) -> str:
    """Return the compatibility form without accents, sharp and final s like any other; case is kept."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if unicodedata.category(c) != "Mn").translate(_LETTERS)
    return unicodedata.normalize("NFC", plain)


@lru_cache(maxsize=50_000)
def _run_words(run: str) -> tuple[str, ...]:
    if not run.isascii() and (_UNSPACED.pattern.match(run) or _EMOJI.pattern.match(run)):
        if len(run) == 1:
            return (run,)
        return tuple(run[i : i + 2] for i in range(len(run) - 1))
    if run.islower() and run.isascii() and run.isalpha():
        return (run[:LONGEST_TERM],)
    if run[-1] in "+#":
        return (run.lower(),)
    parts = [part.lower()[:LONGEST_TERM] for part in _PART.findall(run)]
    if len(parts) <= 1:
        return tuple(parts)
    if _VERSION.fullmatch(run):
        return (*parts, run.lower().removeprefix("v")[:LONGEST_TERM])
    # The whole, without its joints, and each dotted piece: so that user_name in
    # a.b.user_name is found, and userName finds user_name.
    wholes = [_JOINED.sub("", piece).lower()[:LONGEST_TERM] for piece in re.split(r"[-./:+#@\\]+", run)]
    wholes.append(_JOINED.sub("", run).lower()[:LONGEST_TERM])
    return (*parts, *dict.fromkeys(whole for whole in wholes if whole and whole not in parts))


@lru_cache(maxsize=50_000)
def _run_terms(run: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in _run_words(run))


def words(text: str) -> Iterator[str]:
    """Yield the terms of a text before stemming, in order."""
    for run in _runs(fold(text)):
        yield from _run_words(run)


def terms(text: str) -> Iterator[str]:
    """Yield the terms of a text, in order."""
    for run in _runs(fold(text)):
        yield from _run_terms(run)


def _runs(text: str) -> list[str]:
    return (_ASCII_RUN if text.isascii() else _RUN.pattern).findall(text)


def query_terms(query: str) -> list[str]:
    """Return the distinct terms of a query without stop words, unless it has only those."""
    return list(dict.fromkeys(stem(word) for word in query_words(query)))


def query_words(query: str) -> list[str]:
    """Return the same as `query_terms`, before stemming."""
    found = list(dict.fromkeys(words(query)))
    return [word for word in found if word not in STOP_WORDS] or found


def split_words(text: str) -> str:
    """Return a text of code with its identifiers cut into words, for the embedding model."""
    return " ".join(part.lower() for run in _runs(text) for part in (_PART.findall(run) or [run]))
