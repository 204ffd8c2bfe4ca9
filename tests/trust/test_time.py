"""No text of a megabyte takes a second, whatever reads it: every regular expression and every parser."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ltmc.code import apart
from ltmc.code.docstrings import documented_parameters
from ltmc.code.symbols import parse_module
from ltmc.code.traits import complexity_of, language_of
from ltmc.documents import managed_blocks
from ltmc.errors import LtmcError
from ltmc.features.blueprints import complexity, steps
from ltmc.features.documentation.consistency import mentions
from ltmc.files import selection
from ltmc.search import analysis, chunking, code_fields, index, quoting, temporal
from ltmc.storage.tables import cache
from tests.trust import patterns

MEGABYTE, SECONDS = 1_000_000, 1.0
FOUND, DYNAMIC = patterns.collect()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after some seconds of this process, in a regular expression too: `re` looks for signals."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


LIMITS = {
    "ltmc.app.pass_phrases.ABOUT": 100_000,  # redaction.STRETCH
    "ltmc.app.query_routes.ENTITY": 2_000,  # a query
    "ltmc.features.blueprints.complexity._QUOTED": 10_000,  # a title
    "ltmc.features.blueprints.marks._INLINE": 10_000,  # a description
    "ltmc.features.documentation.consistency._BODY": 5_000,  # LONGEST_SIGNATURE
}
"""What reads nothing longer, since a named limit of an argument or of the program refuses it."""


def is_slow(run: Callable[[Any], object], make: Callable[[int], Any], longest: int = MEGABYTE) -> str:
    """Say how `run` is too slow on a text of a megabyte; "" where it is not.

    Texts grow by fours, and the rest is not run where it must be quick. Of what takes `a * size + b * size**2`, the
    last growth tells the part of the square: four times the text takes 4 times as long if there was none, 16 times if
    it was all. At least a part of 0.01 is assumed, and for the first sizes that it is all.
    """
    before = SECONDS
    for size in (64, 1_000, 4_000, 16_000, 64_000, 256_000, MEGABYTE):
        if size > 4 * longest:
            return ""
        text = make(min(size, longest))
        started = time.process_time()
        try:
            with deadline(2 * SECONDS):
                run(text)
            took = time.process_time() - started
        except TimeoutError:
            took = 2 * SECONDS
        if took > SECONDS:
            return f"{took:.1f} s for {size:,} characters"
        more = MEGABYTE / size
        part = max((took / before - 4) / 12, 0.01) if size > 4_000 else 1
        square = 16 * part / (4 + 12 * part)
        if size >= 4_000 and took * (more * (1 - square) + more**2 * square) < SECONDS / 2:
            return ""
        before = took
    return ""


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.where)
def test_a_regular_expression_is_linear(found: patterns.Found) -> None:
    """A text made of its own prefixes, literals and classes is read in a second."""
    for make in patterns.texts(found.pattern):
        for run in found.runs():
            slow = is_slow(run, make, LIMITS.get(found.where, MEGABYTE))
            assert not slow, f"{found.where}: {make.__name__}: {slow}"


MADE_AT_RUN_TIME = {
    "ltmc.app.redaction",
    "ltmc.app.secret_shapes",
    "ltmc.features.blueprints.clauses",
    "ltmc.features.blueprints.marks",
    "ltmc.code.traits",
    "ltmc.files.selection",  # the lines of .gitignore, below
    "ltmc.search.analysis",
    "ltmc.search.quoting",  # the end of a sentence, by abbreviations
    "ltmc.search.temporal",
    "ltmc.search.wordpiece",  # words of the model
    "ltmc.storage.postgres.statements",  # placeholders
    "ltmc.storage.sqlite.files",  # eight characters of one class
    "ltmc.storage.tables.cache",  # globs, below
    "ltmc.tools.arguments",  # constants given to `matching`
}
"""Modules with patterns that are put together; those of a module's own constants are found in it."""


def test_no_pattern_escapes() -> None:
    assert {place.partition(":")[0] for place in DYNAMIC} <= MADE_AT_RUN_TIME


@pytest.mark.parametrize(
    "line",
    ["*a" * 10 + "*b", "**/" * 20 + "b", "*" * 200 + "b", "a*" * 100, "?*" * 40 + "x", "[" * 4000 + "\\]"],
)
@pytest.mark.parametrize("name", ["a" * 240, "a/" * 120, "ab" * 120])
def test_lines_of_gitignore_are_matched_in_linear_time(line: str, name: str) -> None:
    with deadline(SECONDS):
        rule = selection._rule(line)
        assert rule is not None
        rule.matches(name)


@pytest.mark.parametrize("glob", ["*a" * 30 + "b", "*" * 200 + "b", "a*" * 100, "[a-z]*" * 40 + "!"])
def test_globs_of_cache_keys_are_matched_in_linear_time(glob: str) -> None:
    with deadline(SECONDS):
        cache.compiled(glob).match("a" * 255)


PIECES = [
    "a",
    "\n",
    " ",
    "# ",
    "> ",
    "- ",
    "`",
    "[",
    "](",
    "*a",
    "<a ",
    "<!--",
    "&",
    "\\",
    "|a",
    "\n    a",
    "Args:\n",
    "\n```\n",
]
PIECES += [
    "password=",
    '"""',
    "/* ",
    "def a(",
    "int a(",
    "?",
    "1. ",
    "(",
    "b: c\n",
    "A_",
    "1.1",
    "in May 2023, ",
    "中",
    "é",
    "'",
]
READERS: dict[str, Callable[[str], object]] = {
    "markdown": lambda text: mentions(text, "api:m.py"),
    "managed blocks": managed_blocks.find,
    "docstrings": documented_parameters,
    "traits": lambda text: (language_of(None, text), complexity_of(text)),
    "fields of code": code_fields.fields,
    "chunking": chunking.chunk,
    "terms": lambda text: sum(1 for _ in analysis.terms(text)),
    "tokens of the model": lambda text: index.model().tokenise(text),
    "dates": lambda text: temporal.spans(text[:2_000], datetime.now(UTC)),
    "steps": lambda text: steps.read_steps(text[:10_000]),
    "complexity": lambda text: complexity.score("", text[:10_000], []),
    "sentences": quoting.sentences,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_parser_is_linear(reader: str) -> None:
    """Ten times the text takes about ten times as long, not a hundred times."""
    slow = []
    for piece in PIECES:
        took = []
        for size in (20_000, 200_000):
            started = time.process_time()
            try:
                with deadline(20 * SECONDS):
                    READERS[reader]((piece * size)[:size] + "x")
            except (LtmcError, TimeoutError) as error:
                if isinstance(error, TimeoutError):
                    slow.append(f"{piece!r}: no end with {size:,} characters")
            took.append(time.process_time() - started)
        if took[1] > SECONDS and took[1] > 50 * took[0]:
            slow.append(f"{piece!r}: {took[0]:.2f} s, then {took[1]:.2f} s")
    assert not slow


FOREIGN = {
    "pieces of an f-string": 'x = f"' + "{a}" * 300_000 + '"',
    "symbols": "".join(f"def f{number}(): 0\n" for number in range(60_000)),
    "brackets": "(" * 500_000,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_python_is_refused_by_a_named_limit_and_keeps_nobody_waiting(kind: str) -> None:
    async def run() -> tuple[LtmcError, float]:
        slowest = 0.0

        async def beat() -> None:
            nonlocal slowest
            while True:
                started = time.perf_counter()
                await asyncio.sleep(0.01)
                slowest = max(slowest, time.perf_counter() - started)

        beating = asyncio.create_task(beat())
        with pytest.raises(LtmcError) as refused:
            await apart.parse(parse_module, FOREIGN[kind], "odd.py")
        beating.cancel()
        return refused.value, slowest

    error, slowest = asyncio.run(run())
    assert error.message.startswith("odd.py: ")
    assert slowest < 0.5
