"""Passwords that are words: several of them, or one that many have."""

import re

from ltmc.app.secret_shapes import ABOUT, PLACEHOLDER, TERMS

LONGEST = 80
"""In characters, how much of a text is looked at."""

PHRASE = re.compile(
    r"(?P<quote>[\"'])(?P<s>[^\s\\\"'`<>{}()]{1,40}(?: [^\s\\\"'`<>{}()]{1,40}){1,7})(?P=quote)"
)
"""Words in quotes, with spaces between them."""

_LEET = re.compile(r"(?=(?:\d*[a-z]){3})[a-z@]*[a-z][\d$]+[a-z]+$")
"""A word, in lower case, with a digit or ``$`` for a letter."""

_OF_SENTENCES = frozenset(
    "a an the your my our his her their its this that these those is are was were be been has have had do does did "
    "must may can could should will would not no nor and or but if then when to of for from in on at by with without "
    "as it you we they he she i enter type please same new old see use set least most more than only also der die das "
    "ein eine ist nicht und oder le la les un une est pas et ou".split()
)
"""Words of sentences, not of passwords made of words."""

_LETTERS = re.compile("[a-z]+")


QUOTED_WORDS = re.compile(r"(?<![A-Za-z])(?=.{14})(?:[A-Z][a-z]++){3,}+$")
"""A password of letters alone: words one after another, or letters of either case by chance."""

COMMON = re.compile(
    r"(?:qwert[yz]|asdfg?h?|[zy]xcv|1qaz|letmein|iloveyou|trustno|sonnenschein|geheim|passw0r)\w{0,8}[!.]?$",
    re.IGNORECASE,
)
"""Passwords that many have."""


def is_phrase(value: str) -> bool:
    """Tell whether words with spaces between them are a password, not a sentence about one."""
    words = value[:LONGEST].lower().split()
    if PLACEHOLDER.search(value[:LONGEST]) or any(
        word in _OF_SENTENCES or ABOUT.search(word) for word in words
    ):
        return False
    if any(_LEET.match(word) and not TERMS.issuperset(_LETTERS.findall(word)) for word in words):
        return True
    return len(words) > 3 and all(len(word) > 2 and word.isalpha() for word in words) and value.islower()
