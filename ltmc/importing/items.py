"""What the formats yield, and how far a source was read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a conversation.

    Attributes:
        key: what the message is called where it comes from, for ever the same.
        at: when it was said, in ISO 8601 or as a number of seconds or milliseconds since 1970.
        folder: where its agent worked.
        project: else, the name of its project where it comes from.
    """

    key: str
    conversation: str
    role: str
    text: str
    at: Any = None
    folder: str | None = None
    project: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Noted:
    """A note, which becomes a memory; of a known name it becomes a new version.

    Attributes:
        origin: what the note is called where it comes from; None: its name.
    """

    name: str
    text: str
    origin: str | None = None
    kind: str = "note"
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    at: Any = None
    folder: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """A relation between two things: names of notes, or of anything else."""

    source: str
    relation: str
    target: str
    folder: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an export of LTMC's own.

    Attributes:
        origin: what tells the database that it comes from.
    """

    table: str
    values: dict[str, Any]
    origin: str


Item = Said | Noted | Linked | Row


class Position:
    """How far a source is read, and what was left out of it.

    Attributes:
        offset: the bytes of a file of lines whose items have all been yielded.
        read: how much was read since the start, for the progress shown.
        skipped: how many things were left out, by the reason.
    """

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self.read = 0
        self.hash = blake2b(digest_size=16)
        self.skipped: Counter[str] = Counter()

    def skip(self, reason: str, count: int = 1) -> None:
        """Count what is left out."""
        self.skipped[reason] += count


class Format(Protocol):
    """A format that can be imported: a module with these."""

    NAME: str
    """As it is shown and kept; of messages also the client that they come from."""

    def detect(self, path: Path) -> bool:
        """Return whether a file or folder is of this format."""

    def read(self, path: Path, position: Position) -> Iterator[Item]:
        """Yield what a file or folder holds from a position on."""
