"""The lines of an export, and a folder of Markdown for people."""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TextIO

from ltmc.app.application import Application
from ltmc.settings import Settings
from ltmc.storage.sqlite import migrations
from ltmc.storage.tables import resources, transfer
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now

FORMAT = 1
"""The version of the lines."""

LONGEST_PART = 50
"""In characters, of a part of a path, which no system cuts."""

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\\]')
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ./-]*")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{one}{n}" for one in ("com", "lpt") for n in range(1, 10))}
)


class NotWrittenError(Exception):
    """The output cannot be written, which is no failure of the database; its cause is the OSError."""


async def write_lines(settings: Settings, project: str | None, file: TextIO) -> int:
    """Write all that is remembered, of one project or all, as lines of JSON; return how many rows there are.

    Raises:
        NotWrittenError: the file takes no more.
    """

    def write(line: str) -> None:
        try:
            file.write(f"{line}\n")
        except OSError as error:
            raise NotWrittenError from error

    app, rows, plain = Application(settings), 0, file.encoding.lower() != "utf-8"
    try:
        async with app.engine.read() as tx:
            head = {
                "ltmc_export": FORMAT,
                "schema": migrations.SCHEMA_VERSION,
                "origin": await transfer.origin(tx),
                "exported_at": now(),
                "project": project,
            }
            write(json.dumps(head))
            for name in transfer.NAMES:
                after = 0
                while True:
                    page, after = await transfer.page(tx, name, project, after)
                    for row in page:
                        write(json.dumps({"table": name, "row": row}, ensure_ascii=plain))
                    rows += len(page)
                    if len(page) < transfer.PAGE:
                        break
    finally:
        await app.close()
    try:
        file.flush()
    except OSError as error:
        raise NotWrittenError from error
    return rows


def write_file(settings: Settings, project: str | None, target: Path) -> int:
    """Write all to a private file, which appears when it is whole; see `write_lines`."""
    handle, name = tempfile.mkstemp(prefix=".ltmc-export-", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            rows = asyncio.run(write_lines(settings, project, file))
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return rows


async def write_markdown(settings: Settings, project: str | None, folder: Path) -> int:
    """Write each current memory as a file of Markdown with a head; return how many."""
    app, count = Application(settings), 0
    taken: set[str] = set()
    try:
        async for row in _current(app, project):
            name = _file_name(row, taken)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_page(row), "utf-8", newline="\n")
            count += 1
    finally:
        await app.close()
    return count


async def _current(app: Application, project: str | None) -> AsyncIterator[Resource]:
    async with app.engine.read() as tx:
        async for row in resources.every_current(tx, project, now()):
            yield row


def _file_name(row: Resource, taken: set[str]) -> str:
    """Return a path of its own, which every system can have."""
    parts = [_UNSAFE.sub("_", part).rstrip(". ") for part in f"{row.project_id}/{row.file_name}".split("/")]
    parts = [part if len(part) <= LONGEST_PART else part[:LONGEST_PART].rstrip(". ") for part in parts]
    parts = [f"_{part}" if part.partition(".")[0].lower() in _RESERVED else part for part in parts if part]
    name = "/".join(parts)
    name = name if name.lower().endswith(".md") else f"{name}.md"
    if name.lower() in taken:
        name = f"{name[:-3]}-{row.id}.md"
    taken.add(name.lower())
    return name


def _page(row: Resource) -> str:
    values: dict[str, object] = {
        "name": row.file_name,
        "project": row.project_id,
        "type": row.type,
        "tags": row.tags,
        "version": row.version,
        "created": row.created_at,
        "updated": row.updated_at,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "expires": row.expires_at,
        "metadata": row.metadata,
    }
    head = "".join(f"{key}: {_yaml(value)}\n" for key, value in values.items() if value not in (None, [], {}))
    return f"---\n{head}---\n{row.content.rstrip()}\n"


def _yaml(value: object) -> str:
    """Return a value as YAML, of which JSON is a part."""
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and value.lower() not in ("true", "false", "null", "yes", "no")
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
