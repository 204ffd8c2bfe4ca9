"""From text to the terms that are indexed and searched.

SQLite's own tokenisers cannot be extended from Python, so text is analysed here and the index holds the
result. Identifiers are kept whole and in parts (``getUserName`` -> ``getusername get user name``), and
runs of Chinese, Japanese or Korean characters are cut into pairs.
"""

import re
from collections.abc import Iterator

_WORD = re.compile(
    r"(?P<cjk>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

STOP_WORDS = frozenset(
    "a about after all also am an and any are as at be because been before being but by can could did do "
    "does doing for from had has have having he her here hers him his how i if in into is it its just me "
    "my no nor not of off on once or our out over own s she so some such t than that the their them then "
    "there these they this those to too under until up us very was we were what when where which while who "
    "whom why will with would you your".split()
)
"""Words left out of a query, unless it has no others: the closed classes of English."""


def terms(text: str) -> Iterator[str]:
    """The terms of `text`, lower-cased, in order."""
    for match in _WORD.finditer(text):
        word = match.group()
        if match.group("cjk"):
            yield from (word[i : i + 2] for i in range(len(word) - 1)) if len(word) > 1 else (word,)
            continue
        if not word.strip("_"):
            continue
        yield word.lower()
        parts = [part.lower() for part in _PART.findall(word)]
        if len(parts) > 1:
            yield from parts


def index_text(text: str) -> str:
    """What the index stores for `text`."""
    return " ".join(terms(text))


def query_terms(query: str) -> list[str]:
    """The terms to look for, each once; stop words only when there is nothing else."""
    found = list(dict.fromkeys(terms(query)))
    return [term for term in found if term not in STOP_WORDS] or found


def stem(term: str) -> str:
    """`term` without a common English ending, to compare words; not for the index, which has its own."""
    for ending in ("ingly", "edly", "ing", "ed", "ies", "es", "s", "ly", "e", "y"):
        if term.endswith(ending) and len(term) - len(ending) >= 3:
            return term[: -len(ending)]
    return term
