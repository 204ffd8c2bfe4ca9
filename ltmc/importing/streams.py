"""Reading large files piece by piece: lines of JSON, and arrays of JSON, also inside of a zip file."""

import codecs
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ltmc.importing.items import Position

BLOCK = 1 << 18
LONGEST_LINE = 8 << 20
"""In bytes; what is longer is left out, and never held."""

LONGEST_ELEMENT = 32 << 20
"""In characters, of an element of an array, such as a conversation."""

LARGEST_DOCUMENT = 64 << 20
"""In bytes, of a file of JSON that is read as a whole."""

HEAD_LINES, HEAD_BYTES = 10, 1 << 20
"""How much is looked at to tell what a file is."""

MOST_MEMBERS, LARGEST_MEMBER, MOST_RATIO = 200_000, 8 << 30, 300
"""Of a zip file: its members, the size of one unpacked, and how much larger it may be than packed."""

TOO_LONG, NO_JSON, UNFINISHED = (
    "lines that are too long",
    "lines that are no JSON objects",
    "unfinished last lines",
)


def lines(path: Path, position: Position) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file from a position on, each with where it begins.

    The position moves past a line when the next one is asked for. A last line without an end is yielded if it may be
    whole, and read again where it was not: see `unfinished`.
    """
    with path.open("rb") as file:
        file.seek(position.offset)
        while True:
            start, line = position.offset, file.readline(LONGEST_LINE)
            if not line:
                return
            size, digest = len(line), position.hash.copy()
            digest.update(line)
            if not line.endswith(b"\n") and size == LONGEST_LINE:
                position.skip(TOO_LONG)
                while rest := file.readline(BLOCK):
                    digest.update(rest)
                    size += len(rest)
                    if rest.endswith(b"\n"):
                        break
                line = b""
            position.read += size
            if line.strip():
                yield start, line
                if position.skipped.get(UNFINISHED):
                    return
            position.offset, position.hash = start + size, digest


def objects(path: Path, position: Position) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the JSON objects of a file of lines from a position on, each with where its line begins."""
    for start, line in lines(path, position):
        value = parsed(line)
        if isinstance(value, dict):
            yield start, value
        else:
            position.skip(NO_JSON if line.endswith(b"\n") else UNFINISHED)


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON text, None where it is none; bad UTF-8 is replaced."""
    with suppress(ValueError, RecursionError):
        return json.loads(text.decode("utf-8-sig", "replace") if isinstance(text, bytes) else text)
    return None


@lru_cache(maxsize=2)
def head(path: Path) -> tuple[dict[str, Any], ...]:
    """Return the first JSON objects of a file of lines; none where the first line is not one."""
    found: list[dict[str, Any]] = []
    with suppress(OSError), path.open("rb") as file:
        while len(found) < HEAD_LINES and file.tell() < HEAD_BYTES:
            line = file.readline(LONGEST_LINE)
            value = parsed(line) if line.strip() else None
            if isinstance(value, dict):
                found.append(value)
            elif not line or (line.strip() and not found):
                break
    return tuple(found)


def document(path: Path, position: Position) -> Any:
    """Return the value of a file of JSON that is small enough to be read as a whole; else None."""
    if path.stat().st_size > LARGEST_DOCUMENT:
        position.skip("files that are too large")
        return None
    value = parsed(path.read_bytes())
    if value is None:
        position.skip("files that are no JSON")
    return value


def begins_with(path: Path, mark: bytes) -> bool:
    """Return whether a file begins with some bytes, after blanks."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(256).removeprefix(codecs.BOM_UTF8).lstrip().startswith(mark)
    return False


_OUTSIDE, _INSIDE = re.compile(r'["\[\]{},]'), re.compile(r'["\\]')


def elements(blocks: Iterable[str]) -> Iterator[str | None]:
    """Yield the texts of the elements of a JSON array, which comes in blocks; None for one that is too long."""
    parts: list[str] = []
    depth, length, quoted, jump = 0, 0, False, 0
    for block in blocks:
        start, place, jump = 0, jump, 0
        while (mark := (_INSIDE if quoted else _OUTSIDE).search(block, place)) is not None:
            sign, place = mark[0], mark.end()
            if sign == "\\":
                place += 1
                jump = max(0, place - len(block))
                continue
            if sign == '"':
                quoted = not quoted
                continue
            depth += (sign in "[{") - (sign in "]}")
            if depth == 1 and sign == "[":
                start = place
            elif depth == 0 or (depth == 1 and sign == ","):
                parts.append(block[start : place - 1])
                length += place - 1 - start
                text = "".join(parts)
                if text.strip() or length > LONGEST_ELEMENT:
                    yield None if length > LONGEST_ELEMENT else text
                if depth == 0:
                    return
                parts, length, start = [], 0, place
        if depth:
            length += len(block) - start
            parts = [] if length > LONGEST_ELEMENT else [*parts, block[start:]]
    if depth:
        yield None if length > LONGEST_ELEMENT else "".join(parts)


def array(blocks: Iterable[bytes], position: Position) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON array, which comes in blocks of bytes, without holding the others."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")

    def texts() -> Iterator[str]:
        for block in blocks:
            position.read += len(block)
            yield decoder.decode(block)

    for text in elements(texts()):
        value = parsed(text) if text is not None else None
        if isinstance(value, dict):
            yield value
        else:
            position.skip(
                "elements that are too long" if text is None else "elements that are no JSON objects"
            )


def file_blocks(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def member_blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, position: Position) -> Iterator[bytes]:
    """Yield a member of a zip file in blocks, as far as it says it is long."""
    packed = max(1, member.compress_size)
    if member.file_size > LARGEST_MEMBER or member.file_size > max(BLOCK, MOST_RATIO * packed):
        position.skip("members of zip files that unpack to too much")
        return
    if member.flag_bits & 1:
        position.skip("members of zip files with a password")
        return
    left = member.file_size
    try:
        with archive.open(member) as file:
            while left > 0 and (block := file.read(min(BLOCK, left))):
                left -= len(block)
                yield block
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error):
        position.skip("members of zip files that are damaged")


def members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members of a zip file, none of one that has too many."""
    found = archive.infolist()
    return [] if len(found) > MOST_MEMBERS else found
