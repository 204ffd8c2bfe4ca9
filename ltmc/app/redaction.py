"""Finding what looks like a key, a token or a password in text, and taking it out.

The shapes are loaded when a text is first looked at: compiling them takes 0.1 s, which a start need not wait for.
"""

import itertools
import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

STRETCH, LONGEST_MATCH = 100_000, 2_000
"""In characters: a stretch of a text, and what no name of a secret with its sign of assignment exceeds."""

LONG = 80
"""Where a placeholder would have ended."""

OPTION_WITHIN, SETTING = 60, ("env", "setenv", "setx")
"""How far back the dashes of an option may stand, and the words that set a variable without a sign."""

TOLD_BY = 12
"""With so many characters a secret is told in a message that shows it cut."""

_WORD_BEGINS = r"(?:(?<![\w-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9A-F]{2}))"
_WORD_ENDS = r"(?![\w-]|\.\w)"
"""Where a word begins, be it after an escape, and where it ends: ``a1.md`` and ``a1-b`` are other words than ``a1``."""

SHORTEST, MOST_TERMS = 8, 5
"""In characters, the shortest secret without quotes; the most words of an algorithm's name."""

NAMED_WITHIN, QUERY = 80, ("?", "&", ";")
"""How far back stands what a name is the name of, and what begins a name in a URL or in what is said to a database."""

_DIGIT, _LETTERS, _SIGN = re.compile("[0-9]"), re.compile("[a-z]+"), re.compile("[!@#%^&*+~?](?=.)")
_STOPS = ".,;!"
"""With what a sentence or a part of one ends."""

_OPEN_CALL = re.compile(r"\([^()\[\]{},.:]*\d[^()\[\]{},.:]*$")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

Span = tuple[int, int, str]
"""Where a secret begins and ends, and its kind."""


def masked(text: str) -> str:
    """`text` with each secret replaced by ``[masked <kind>]``."""
    return _replaced(text, _spans(text))


def _replaced(text: str, spans: Iterable[Span]) -> str:
    parts, end = [], 0
    for start, stop, kind in spans:
        parts += [text[end:start], f"[masked {kind}]"]
        end = stop
    return "".join(parts) + text[end:] if parts else text


class Found(NamedTuple):
    """A secret in JSON: the field that it stands in and the line there, its kind, and the secret itself."""

    field: str
    line: int
    kind: str
    secret: str


def found_in(value: Any, field: str, name: str = "") -> Iterator[Found]:
    """Find the secrets in JSON.

    Args:
        name: the key under which `value` stands, which may say that it is a secret.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from found_in(str(key), field)
            yield from found_in(item, f"{field}.{masked(str(key))}", _name_of(key, value, name))
    elif isinstance(value, list | tuple):
        for number, (item, spans) in enumerate(_with_spans(value, name)):
            if isinstance(item, str):
                yield from _found(f"{field}[{number}]", item, spans)
            else:
                yield from found_in(item, f"{field}[{number}]", name)
    else:
        yield from _found(field, str(value), _spans_of(value, name))


def _found(field: str, text: str, spans: Iterable[Span]) -> Iterator[Found]:
    line, counted = 1, 0
    for start, end, kind in spans:
        line += text.count("\n", counted, start)
        counted = start
        yield Found(field, line, kind, text[start:end])


def kinds_by_secret(found: Iterable[Found]) -> dict[str, str]:
    """Return the secrets, each with its kind."""
    return {one.secret: one.kind for one in found}


def masked_with(value: Any, known: Mapping[str, str]) -> Any:
    """JSON with its secrets masked, and with those `known`: a long one also where it is cut, a short one as a word."""
    value = masked_json(value)
    if not known or not isinstance(value, str | list | dict):
        return value
    text = json.dumps(value)
    for secret, kind in known.items():
        shown = json.dumps(secret)[1:-1]
        if len(secret) <= TOLD_BY:
            word = rf"{_WORD_BEGINS if shown[0].isalnum() else ''}{re.escape(shown)}"
            word += _WORD_ENDS if shown[-1].isalnum() else ""
            text = re.sub(word, f"[masked {kind}]", text, flags=re.IGNORECASE)
        else:
            begin = re.escape(json.dumps(secret[:TOLD_BY])[1:-1])
            hidden = partial(_hidden, shown, kind)
            text = re.sub(rf"{begin}[^\s\"'\\]*", hidden, text, flags=re.IGNORECASE)
    return json.loads(text)


def _hidden(secret: str, kind: str, match: re.Match[str]) -> str:
    """Return what stands for a text that begins as a secret, which it is unless it goes on as another word."""
    pairs = zip(match[0].lower(), secret.lower(), strict=False)
    alike = next(
        (at for at, (one, other) in enumerate(pairs) if one != other), min(len(match[0]), len(secret))
    )
    rest = match[0][alike:]
    return match[0] if rest[:1].isalnum() else f"[masked {kind}]{rest}"


def masked_json(value: Any, name: str = "") -> Any:
    """JSON with the secrets in its texts masked."""
    if isinstance(value, dict):
        return {
            masked(str(key)): masked_json(item, _name_of(key, value, name)) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _replaced(item, spans) if isinstance(item, str) else masked_json(item, name)
            for item, spans in _with_spans(value, name)
        ]
    spans = _spans_of(value, name)
    return _replaced(str(value), spans) if spans else value


def _spans_of(value: Any, name: str) -> list[Span]:
    """Return where secrets stand in a text or number under a name."""
    from ltmc.app.secret_shapes import ASSIGNED

    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return []
    if _is_named_secret(name, str(value)):
        return [(0, len(str(value)), ASSIGNED)]
    if not isinstance(value, str):
        return []
    if "uthorization" not in name:
        return _spans(value)
    before = len(name) + 2
    return [
        (start - before, end - before, kind)
        for start, end, kind in _spans(f"{name}: {value}")
        if start >= before
    ]


def _with_spans(items: Sequence[Any], name: str) -> Iterator[tuple[Any, list[Span]]]:
    """Yield the items of a list, its texts with where secrets stand in them.

    The texts are read as one, so that ``["--password", "…"]`` and the lines of a key are understood.
    """
    names = [name] * len(items)
    if len(items) == 2 and isinstance(items[0], str) and items[0][:1] != "-":
        names[1] = items[0]
    spans = _spans("\n".join(item for item in items if isinstance(item, str)))
    at, first = 0, 0
    for item, named in zip(items, names, strict=True):
        if not isinstance(item, str):
            yield item, []
            continue
        end = at + len(item)
        while first < len(spans) and spans[first][1] <= at:
            first += 1
        own: list[Span] = []
        for start, stop, kind in itertools.islice(spans, first, None):
            if start >= end:
                break
            own.append((max(start, at) - at, min(stop, end) - at, kind))
        yield item, own or _spans_of(item, name) or _spans_of(item, named)
        at = end + 1


def _spans(text: str) -> list[Span]:
    """Return where secrets stand, in order and without overlaps."""
    found = sorted([*_shaped(text), *_named(text)], key=itemgetter(0))
    spans: list[Span] = []
    for start, end, kind in found:
        if not spans or start >= spans[-1][1]:
            spans.append((start, end, kind))
        elif end > spans[-1][1]:
            spans[-1] = (spans[-1][0], end, spans[-1][2])
    return spans


def _shaped(text: str) -> Iterator[Span]:
    """Find the secrets that their shape tells."""
    from ltmc.app.secret_shapes import PLACEHOLDER, SHAPES

    for shape in SHAPES:
        if shape.literal not in text:
            continue
        group = "s" if "s" in shape.pattern.groupindex else 0
        for match in shape.pattern.finditer(text):
            start, end = match.span(group)
            if PLACEHOLDER.search(text[start : min(end, start + LONG)]) or not shape.check(text[start:end]):
                continue
            if shape.before:
                stands_before = text[max(0, start - shape.reach) : start].lower()
                if not any(word in stands_before for word in shape.before):
                    continue
            yield start - shape.back, end, shape.kind


def _named(text: str) -> Iterator[Span]:
    """Find the secrets that a name before them tells."""
    from ltmc.app.secret_shapes import ASSIGNED, NAMED, OF_A_TEST, OF_ANOTHER_THING, OPTION, PUBLIC, TO_PASS

    lowered = text.lower()
    if len(lowered) != len(text):  # a letter that is two in lower case, such as a Turkish one
        lowered = text.translate(_LOWER)
    for pattern in (NAMED, OPTION):
        position = 0
        while name := _next(pattern, lowered, position):
            position = name.end()
            before = text[max(0, name.start() - NAMED_WITHIN) : name.start()]
            if name[0].startswith("token") and PUBLIC.search(before.lower()):
                continue
            if pattern is NAMED and OF_ANOTHER_THING.search(name["rest"]):
                continue
            if TO_PASS.match(lowered, name.start()) and OF_A_TEST.match(text, position):
                continue
            if pattern is OPTION and not _is_option(text, name):
                continue
            told = before[-1:] in QUERY if pattern is NAMED else name["is"]
            values = _values(
                text, position, password=name["password"] is not None, shortest=7 if told else SHORTEST
            )
            for start, end in values:
                position = end
                yield start, end, ASSIGNED


def _next(pattern: re.Pattern[str], text: str, position: int) -> re.Match[str] | None:
    """Return the next match of a pattern, looked for in a stretch at a time: while a pattern works, no thread does."""
    found = None
    while found is None and position <= len(text):
        end = position + STRETCH
        found = pattern.search(text, position, end + LONGEST_MATCH)
        if found and found.start() >= end:
            found = None  # it may be cut off
        position = end
    return found


def _is_option(text: str, name: re.Match[str]) -> bool:
    """Tell whether a name is followed by its value: an option, a variable of a Dockerfile, a password in SQL."""
    from ltmc.app.secret_shapes import ABOUT, SQL, TO_PASS, WORDS

    *before, word = f"{text[max(0, name.start() - OPTION_WITHIN) : name.start()]}.".split()
    value = text[name.end() : name.end() + LONG].split(maxsplit=1)[0]
    if word.lstrip("\"'`[(,").startswith("-") or (before and before[-1].lower() in SETTING):
        return not value.lstrip("\"'`").startswith("-")
    if "," in name[0]:  # a name and what it is or defaults to
        return value[0] in "\"'`" and ABOUT.search(value) is None
    if name["password"] is None or TO_PASS.match(name.string, name.start()):
        return False
    if name["is"]:
        told = _DIGIT.search(value) is not None or (
            WORDS.match(value.rstrip(_STOPS)) is not None
            and (value[-1] in _STOPS or text[name.end() + len(value) :][:1] in "\n")
        )
        return told and ABOUT.search(value.rstrip(_STOPS)) is None
    if name[0].startswith("identified"):
        start = name.start()
        return (
            value[0] in "\"'"
            and SQL.search(text, max(0, start - LONG), start + len("identified")) is not None
        )
    return value[0] in "\"'`"


def _values(text: str, position: int, *, password: bool, shortest: int) -> Iterator[tuple[int, int]]:
    """Yield where the secrets stand that follow a name: one, or those of a list."""
    from ltmc.app.pass_phrases import PHRASE, is_phrase
    from ltmc.app.secret_shapes import BARE, BARE_ON, ENTRY, QUOTED

    listed = entry = ENTRY.match(text, position)
    while True:
        position = entry.end() if entry else position
        value = QUOTED.match(text, position)
        quoted = value is not None
        if password and value is None and (phrase := PHRASE.match(text, position)):
            if is_phrase(phrase["s"]):
                yield phrase.span("s")
            return
        if value is None and (entry is None or entry["dash"]):
            value = BARE.match(text, position)
        if value is None:
            return
        start, end = value.span("escaped" if quoted and value["s"] is None else "s")
        after = value.end()
        if _is_plausible(
            text[start:end],
            quoted=quoted,
            password=password,
            ends_line=text[end : end + 1] in "\n",
            shortest=shortest,
        ):
            if not quoted:
                after = end = BARE_ON.match(text, end).end()  # type: ignore[union-attr]
            yield start, end
        entry = ENTRY.match(text, after) if listed else None
        if entry is None:
            return


def _is_named_secret(name: str, value: str) -> bool:
    """Tell whether a value in JSON is a secret by its key."""
    from ltmc.app.pass_phrases import is_phrase
    from ltmc.app.secret_shapes import NAMED, OF_ANOTHER_THING, PUBLIC

    found = NAMED.search(f"{name.lower()[-60:]}:")
    if (
        found is None
        or (found[0].startswith("token") and PUBLIC.search(found.string[: found.start()]))
        or OF_ANOTHER_THING.search(found["rest"])
    ):
        return False
    if len(value.split()) > 1:
        return found["password"] is not None and is_phrase(value)
    if len(value) < 6:
        return False
    return _is_plausible(value, quoted=True, password=found["password"] is not None)


def _name_of(key: Any, entry: dict[Any, Any], name: str) -> str:
    """Return what a value in JSON is named by: its key, or the entry's name, as in ``{"name": …, "value": …}``,
    or the name of the entry, as in ``{"password": {"value": …}}``."""
    from ltmc.app.secret_shapes import VALUE_KEY

    if not VALUE_KEY.match(str(key).lower()):
        return str(key)
    for naming in ("name", "Name", "key", "Key"):
        if isinstance(named := entry.get(naming), str):
            return named
    return name


def _is_plausible(
    value: str, *, quoted: bool, password: bool, ends_line: bool = False, shortest: int = SHORTEST
) -> bool:
    """Tell whether what is assigned is a secret itself, not a placeholder or where one is found."""
    from ltmc.app.pass_phrases import COMMON, QUOTED_WORDS
    from ltmc.app.secret_shapes import (
        ABOUT,
        CODE,
        INSERTED,
        MODEL,
        NAME,
        NAME_OF_ANOTHER,
        PLACEHOLDER,
        REFERENCE,
        TERMS,
        VARIABLE,
        WORDS,
    )

    value = value[:STRETCH]
    if password and COMMON.match(value):
        return True
    literal = INSERTED.sub("", value) if "{" in value or "(" in value else value
    if not _DIGIT.search(literal):
        looks = WORDS.match(value) or (quoted and (_SIGN.search(literal) or QUOTED_WORDS.match(value)))
        if not (password and looks) or ABOUT.search(value):
            return False
    elif NAME.match(value) and (not quoted or ABOUT.search(value)):
        return False
    words = _LETTERS.findall(value[:LONG].lower())
    if (len("".join(words)) > len(words) <= MOST_TERMS and TERMS.issuperset(words)) or MODEL.match(value):
        return False
    if not password and NAME_OF_ANOTHER.match(value):
        return False
    if VARIABLE.match(literal) or PLACEHOLDER.search(value[:LONG]):
        return False
    if REFERENCE.match(value) and not (quoted and password and "/" not in value):
        return False
    if not quoted and (
        len(literal.rstrip(".")) < shortest
        or (CODE.match(value) and not (ends_line and _OPEN_CALL.search(value)))
    ):
        return False
    return len(literal) >= 6 and (password or (len(value) >= 8 and len(set(value)) >= 6))
