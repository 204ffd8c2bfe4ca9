"""An engine whose transactions look at every value before it is stored."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ltmc.storage.engine import Engine, Parameters, R, T, Transaction

SMALL = 10_000
"""How many characters are looked at without a thread of their own."""

let_through: ContextVar[Container[str]] = ContextVar("let_through", default=())
"""Texts that the guard has looked at already, before the database was locked, and let through as they are."""

_STORES = re.compile(r"\s*(?:INSERT|UPDATE|REPLACE)\b")


class Guard(Protocol):
    """Says what becomes of values that are about to be stored. Both functions may be called in any thread."""

    def stored(self, values: Parameters) -> Parameters:
        """Return values as they may be stored, or raise an `LtmcError`."""

    def logged(self, values: Parameters) -> Parameters:
        """Return values as they may stand in a log of use."""


V = TypeVar("V", bound=Parameters)
W = TypeVar("W")


async def looked_at(look: Callable[[V], W], values: V) -> W:
    """Return what a function of a guard makes of values; large ones do not hold up the event loop."""
    if all(_is_small(value) for value in (values.values() if isinstance(values, dict) else values)):
        return look(values)
    return await asyncio.to_thread(look, values)


def _is_small(value: Any) -> bool:
    return len(value) <= SMALL if isinstance(value, str) else not isinstance(value, dict | list | tuple)


class GuardedTransaction:
    """See `ltmc.storage.engine.Transaction`."""

    def __init__(self, transaction: Transaction, look: Callable[[Parameters], Parameters]) -> None:
        self._transaction, self._look = transaction, look
        self.began = transaction.began

    def resident(self, make: Callable[[], T]) -> T:
        """Return what this process keeps in memory of the open file under `make`."""
        return self._transaction.resident(make)

    async def all(self, row: type[R], sql: str, parameters: Parameters = ()) -> list[R]:
        """Return every row, as instances of the dataclass `row`."""
        return await self._transaction.all(row, sql, await self._storable(sql, parameters))

    async def one(self, row: type[R], sql: str, parameters: Parameters = ()) -> R | None:
        """Return the first row, or None."""
        return await self._transaction.one(row, sql, await self._storable(sql, parameters))

    async def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the first column of every row."""
        return await self._transaction.column(sql, await self._storable(sql, parameters))

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, or None."""
        return await self._transaction.value(sql, await self._storable(sql, parameters))

    async def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Execute for the effect alone."""
        await self._transaction.run(sql, await self._storable(sql, parameters))

    async def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute once for each of `rows`."""
        storable = []
        for number, row in enumerate(rows, 1):
            storable.append(await self._storable(sql, row))
            if number % 100 == 0:
                await asyncio.sleep(0)  # other calls have their turn
        await self._transaction.many(sql, storable)

    async def note_id(self, table: str, row_id: int) -> None:
        """Have the next rows of a table get larger ids than one that was given."""
        await self._transaction.note_id(table, row_id)

    async def call(self, function: Callable[[Any], T]) -> T:
        """Return the result of `function`, called with the search index."""
        return await self._transaction.call(function)

    async def _storable(self, sql: str, parameters: Parameters) -> Parameters:
        if not _STORES.match(sql):
            return parameters
        seen = let_through.get()
        if isinstance(parameters, Mapping) or not seen:
            return await looked_at(self._look, parameters)
        values = list(parameters)
        new = [place for place, value in enumerate(values) if not (isinstance(value, str) and value in seen)]
        stored = await looked_at(self._look, [values[place] for place in new])
        for place, value in zip(new, stored, strict=True):
            values[place] = value
        return values


class GuardedEngine:
    """See `ltmc.storage.engine.Engine`."""

    def __init__(self, engine: Engine, guard: Guard) -> None:
        self._engine, self._guard = engine, guard
        self.name, self.read_only = engine.name, engine.read_only

    @property
    def path(self) -> Path:
        """The database file."""
        return self._engine.path

    async def version(self) -> str:
        """Return the version of what keeps the database."""
        return await self._engine.version()

    async def sizes(self) -> tuple[int, int]:
        """Return the bytes of the database, and those of a log beside it."""
        return await self._engine.sizes()

    async def examine(self, most_bytes: int) -> tuple[str, str | None]:
        """Look at everything that is stored."""
        return await self._engine.examine(most_bytes)

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a snapshot of the database."""
        return self._engine.read()

    @asynccontextmanager
    async def write(self, project_id: str | None = None) -> AsyncIterator[Transaction]:
        """Open a transaction that stores only what the guard lets through."""
        async with self._engine.write(project_id) as transaction:
            yield GuardedTransaction(transaction, self._guard.stored)

    def log(self, work: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have rows of a log of use written soon, as the guard says."""
        context = copy_context()  # the guard may know something of the call in progress

        def look(values: Parameters) -> Parameters:
            return context.run(self._guard.logged, values)

        self._engine.log(lambda transaction: work(GuardedTransaction(transaction, look)))

    async def settle(self) -> None:
        """Wait until what `log` was given is written."""
        await self._engine.settle()

    async def is_locked(self) -> bool:
        """Return whether someone writes at length just now."""
        return await self._engine.is_locked()

    async def empty_log(self) -> bool:
        """Write everything to the database file and leave nothing beside it; return whether nobody was in the way."""
        return await self._engine.empty_log()

    async def close(self) -> None:
        """Write what is left to log and close."""
        await self._engine.close()
