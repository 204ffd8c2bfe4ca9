"""What a database engine does, whichever it is."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

Parameters = Sequence[Any] | Mapping[str, Any]
"""Values for the placeholders of an SQL text. A list, a tuple or a dict is stored as JSON."""

R = TypeVar("R")
T = TypeVar("T")


class Transaction(Protocol):
    """A transaction in progress. Each method that is awaited is one hop to the connection's thread.

    Attributes:
        began: the moment (monotonic) before it; it sees all that was committed by then.
    """

    began: float

    def resident(self, make: Callable[[], T]) -> T:
        """Return what this process keeps in memory of the open file under `make`; made at the first call.

        Raises:
            RuntimeError: in a transaction that writes, whose rows may yet be rolled back.
        """

    async def all(self, row: type[R], sql: str, parameters: Parameters = ()) -> list[R]:
        """Return every row, as instances of the dataclass `row` (see `ltmc.storage.rows`)."""

    async def one(self, row: type[R], sql: str, parameters: Parameters = ()) -> R | None:
        """Return the first row, or None."""

    async def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the first column of every row."""

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, or None."""

    async def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Execute for the effect alone."""

    async def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute once for each of `rows`."""

    async def note_id(self, table: str, row_id: int) -> None:
        """Have the next rows of a table get larger ids than one that was given."""

    async def call(self, function: Callable[[Any], T]) -> T:
        """Return the result of `function`, called on the connection's thread with the search index.

        The index is a `ltmc.storage.search_index.SearchIndex`. For what asks much: it is one hop to that thread.
        """


class Engine(Protocol):
    """A database that transactions run on; opened at first use.

    Attributes:
        name: ``sqlite`` or ``postgresql``.
        read_only: whether it refuses to write, drops what is to be logged, and leaves its folder as it is.
    """

    name: str
    read_only: bool

    @property
    def path(self) -> Path:
        """The database file; of a server the file in whose folder lies what belongs to this host."""

    async def version(self) -> str:
        """Return the version of what keeps the database."""

    async def sizes(self) -> tuple[int, int]:
        """Return the bytes of the database, and those of a log beside it."""

    async def examine(self, most_bytes: int) -> tuple[str, str | None]:
        """Look at everything that is stored; return how far its pages were looked at, and what is wrong, if anything.

        Args:
            most_bytes: the pages of a larger database are not looked at.
        """

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a snapshot of the database; writing in it is an error."""

    def write(self, project_id: str | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that commits on leaving the block, or rolls back when it raises.

        Args:
            project_id: made known as a project in the same transaction.
        """

    def log(self, work: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have rows of a log of use written soon, in the background and in order."""

    async def settle(self) -> None:
        """Wait until what `log` was given before is written."""

    async def is_locked(self) -> bool:
        """Return whether someone writes at length just now, or the server is read-only; nothing is written for it."""

    async def empty_log(self) -> bool:
        """Write everything to the database file and leave nothing beside it; return whether nobody was in the way."""

    async def close(self) -> None:
        """Write what is left to log and close; the next use opens again."""
