"""Moving a whole memory into another database; see `ltmc.storage.moving`."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from ltmc.app.application import Application
from ltmc.app.diagnosis import database_of
from ltmc.errors import ErrorCode, LtmcError, read_only
from ltmc.search import index, model_store
from ltmc.settings import Settings
from ltmc.storage import moving
from ltmc.storage.engine import Engine, T, Transaction
from ltmc.storage.half_moved import HalfMovedError
from ltmc.storage.moving import Column, Columns, Hasher, Page, Row, Sum, Target
from ltmc.storage.sqlite.errors import translated
from ltmc.storage.sqlite.waiting import settled
from ltmc.storage.tables import transfer

Progress = Callable[[str, int, int], None]
"""Told what is done, of how many rows it is done, and of how many it is to be."""

Check = Callable[[str, Sequence[Column], Row], object]
"""Is asked about each row of a table with such columns."""


class Compared(NamedTuple):
    """A table in the source and in the target."""

    table: str
    source: Sum
    target: Sum

    @property
    def equal(self) -> bool:
        """Whether both hold the same rows."""
        return self.source == self.target


class Report(NamedTuple):
    """What was done.

    Attributes:
        copied: how many rows this run copied.
        anew: whether the search index is to be made anew, since another model than the shipped one made it.
        begun: ``anew`` where the target held nothing, ``again`` where the source had changed since, ``where it was``.
    """

    copied: int
    begun: str
    anew: bool
    tables: list[Compared]

    @property
    def equal(self) -> bool:
        """Whether every table is equal."""
        return all(one.equal for one in self.tables)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        tables = {
            one.table: {
                "rows": one.source.rows,
                "sha256": one.source.hash,
                "target": {"rows": one.target.rows, "sha256": one.target.hash},
            }
            for one in self.tables
        }
        return {
            "copied": self.copied,
            "begun": self.begun,
            "index_anew": self.anew,
            "equal": self.equal,
            "tables": tables,
        }


class _Snapshot(NamedTuple):
    """One state of a database."""

    columns: Columns
    sums: dict[str, Sum]
    numbers: dict[str, int]
    counts: dict[str, int]
    made_at: str
    aim: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values())

    @property
    def origin(self) -> str:
        """What tells it from other states, and its database from others."""
        state = sha256(json.dumps([self.numbers, self.sums], sort_keys=True).encode()).hexdigest()
        return json.dumps({"made_at": self.made_at, "state": state})


def _engine(settings: Settings) -> Engine:
    """Return the engine of the target."""
    if settings.postgres_url is not None:
        from ltmc.storage.postgres.database import PostgresDatabase

        return PostgresDatabase(settings.postgres_url, settings.db)
    from ltmc.storage.sqlite.database import Database

    return Database(settings.db)


def _opened(settings: Settings) -> AbstractContextManager[Target]:
    if settings.postgres_url is not None:
        from ltmc.storage.postgres import moving as postgres

        return postgres.opened(settings.postgres_url)
    from ltmc.storage.sqlite import moving as sqlite

    return sqlite.opened(settings.db)


async def compare(source: Settings, target: Settings, progress: Progress) -> Report:
    """Compare two memories and change nothing.

    Raises:
        LtmcError: NOT_FOUND when there is none in the target; CONFLICT when that is the source.
    """
    _require_another_file(source, target)
    if not await asyncio.to_thread(_is_there, target):
        raise LtmcError(
            ErrorCode.NOT_FOUND, f"TARGET: there is no memory in {database_of(target)}.", field="TARGET"
        )
    found: list[_Snapshot] = []
    before: str | None = None
    for settings in (source, target):
        app = Application(settings._replace(read_only=True))
        try:
            async with app.engine.read() as tx:
                before = await _require_another_database(settings, tx, before)
                found.append(await _snapshot(tx, None, f"Reading {database_of(settings)}", progress))
        finally:
            await app.close()
    here, there = found
    return Report(
        0, "", False, [Compared(name, total, there.sums[name]) for name, total in here.sums.items()]
    )


def _is_there(settings: Settings) -> bool:
    if settings.postgres_url is not None:
        from ltmc.storage.postgres import moving as postgres

        return postgres.is_there(settings.postgres_url)
    with translated(settings.db):
        return settings.db.exists() and settings.db.stat().st_size > 0


def _require_another_file(source: Settings, target: Settings) -> None:
    """Refuse a file that is the source, whatever its name. Opened by two names it could be damaged."""
    if None is source.postgres_url is target.postgres_url:
        with suppress(OSError):  # such as that it is not there
            if source.db.samefile(target.db):
                raise _is_source()


async def _require_another_database(settings: Settings, tx: Transaction, before: str | None) -> str | None:
    """Refuse a database that is the one before, whatever its address; return which it is, where a server has it."""
    if settings.postgres_url is None:
        return None
    from ltmc.storage.postgres.moving import WHICH

    found = str(await tx.value(WHICH))
    if found == before:
        raise _is_source()
    return found


def _is_source() -> LtmcError:
    return LtmcError(ErrorCode.CONFLICT, "TARGET: it is the source itself (--db).", field="TARGET")


async def move(source: Settings, target: Settings, progress: Progress) -> Report:
    """Copy what `source` holds into `target`, which is empty, or half moved from the same source.

    Raises:
        LtmcError: CONFLICT when the target holds something else, or the source was written to meanwhile; UNSUPPORTED
            when it holds what the target cannot keep.
    """
    if source.read_only:
        raise read_only()
    _require_another_file(source, target)
    app, engine = Application(source), _engine(target)
    try:
        async with app.engine.read() as tx:
            which = await _require_another_database(source, tx, None)
            is_half = target.has_database() and await _is_half_moved(target, engine, which)
            check = None
            if target.postgres_url is not None:
                from ltmc.storage.postgres.moving import Unfit

                check = Unfit()
            now = await _snapshot(tx, check, "Reading", progress)
            if check is not None and check.found:
                raise _unfit(check.found, check.more, database_of(source))
            if not is_half:
                async with engine.write() as writing:
                    await moving.mark(writing, now.origin, now.columns)
            await engine.close()
            with ExitStack() as stack:
                held = await _to_its_end(stack.enter_context, _opened(target))
                begun = await _to_its_end(_begin, held, now.origin) if is_half else "anew"
                copied = await _copy(tx, held, now, progress)
                index_for = None if target.postgres_url is None else _shipped_instead_of(now.aim)
                report = Report(copied, begun, index_for is not None, await _verified(held, now, progress))
                if report.equal:
                    await _require_unchanged(app.engine, now, database_of(source))
                    await _to_its_end(held.finish, now.numbers, now.made_at, index_for)
                return report
    finally:
        await engine.close()
        await app.close()


async def _to_its_end(function: Callable[..., T], *arguments: Any) -> T:
    """Return the result of a function that is called on a thread, and ends there also when this is cancelled."""
    return await settled(asyncio.to_thread(function, *arguments))


def _shipped_instead_of(aim: str) -> str | None:
    """Return what an index is to be made for where no other model than the shipped one is; None if it may stay."""
    shipped = index.identity_with(model_store.described(model_store.SHIPPED_FILE)[0])
    return None if aim in ("", shipped) or index.is_of_newer_program(aim) else shipped


async def _is_half_moved(settings: Settings, engine: Engine, source: str | None) -> bool:
    try:
        async with engine.read() as tx:
            await _require_another_database(settings, tx, source)
            await moving.require_empty(tx)
    except HalfMovedError:
        return True
    return False


def _begin(target: Target, origin: str) -> str:
    """Have a target that is half moved go on, or begin again; return which."""
    if target.version() != target.present:
        raise LtmcError(
            ErrorCode.CONFLICT,
            "TARGET: another version of LTMC began to migrate into it: remove it.",
            field="TARGET",
        )
    before, wanted = json.loads(target.places()[""]), json.loads(origin)
    if before["made_at"] != wanted["made_at"]:
        raise LtmcError(
            ErrorCode.CONFLICT,
            "TARGET: it is half migrated from another source than --db names. Name that, or remove the target.",
            field="TARGET",
        )
    if before == wanted:
        return "where it was"
    target.begin_anew(origin)
    return "again"


async def _snapshot(tx: Transaction, check: Check | None, doing: str, progress: Progress) -> _Snapshot:
    """Read everything.

    Args:
        check: is asked about each row.
    """
    known = await tx.call(moving.columns)
    numbers, counts = await tx.call(moving.outline)
    sums, done, total = {}, 0, sum(counts.values())
    for step in moving.compared(known):
        hasher = Hasher(step, known)
        of_row = None if check is None else partial(check, step.table, known[step.table])
        while count := await tx.call(partial(hasher.more, check=of_row)):
            done += count
            progress(f"{doing}: {step.name}", done, total)
        sums[step.table] = hasher.sum
    aim = await tx.call(lambda stored: str(stored.state().aim))
    return _Snapshot(known, sums, numbers, counts, await transfer.origin(tx), aim)


async def _copy(tx: Transaction, target: Target, now: _Snapshot, progress: Progress) -> int:
    """Copy what is not copied yet; return how many rows that were."""
    places = await _to_its_end(target.places)
    copied = 0
    for step in moving.steps(now.columns):
        place = places[step.name]
        page = Page(step, json.loads(place) if place else None)
        while rows := await tx.call(page.next):
            place = await _to_its_end(target.write, step, rows, place)
            copied += len(rows)
            progress(f"Copying: {step.name}", copied, now.rows)
    return copied


async def _verified(target: Target, now: _Snapshot, progress: Progress) -> list[Compared]:
    found, done = [], 0
    for step in moving.compared(now.columns):
        hasher = Hasher(step, now.columns)
        while count := await _to_its_end(hasher.more, target.stored):
            done += count
            progress(f"Verifying: {step.name}", done, now.rows)
        found.append(Compared(step.table, now.sums[step.table], hasher.sum))
    return found


async def _require_unchanged(engine: Engine, now: _Snapshot, shown: str) -> None:
    async with engine.read() as tx:
        if await tx.call(moving.outline) == (now.numbers, now.counts):
            return
    raise LtmcError(
        ErrorCode.CONFLICT,
        f"The source {shown} was written to while it was copied: stop what writes to it, and run this again. "
        "Until then nobody can use the target.",
    )


def _unfit(found: Sequence[str], more: int, shown: str) -> LtmcError:
    beyond = f"; and {more} more" if more else ""
    return LtmcError(
        ErrorCode.UNSUPPORTED,
        f"{shown} holds what PostgreSQL cannot keep: {'; '.join(found)}{beyond}. Nothing was written. Of a memory or "
        "another thing `ltmc forget` and then `ltmc forget --purge` take out every version; export it first where it "
        "is still needed.",
    )
