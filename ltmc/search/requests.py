"""What a search asks for and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, NotRequired

from typing_extensions import TypedDict

from ltmc.search.kinds import Kind
from ltmc.storage.sources import Where

Mode = Literal["hybrid", "lexical", "semantic"]
"""What a search goes by: words and meaning, words alone, meaning alone."""


class Asked(TypedDict):
    """How to search.

    `where`: filters on the owners by name, applied before the cut. `mode`: what to go by; an index made by another
    version is searched by its terms alone, and so is an entry that is not embedded yet. `every_term`: every term must
    occur, as a word or as its beginning; otherwise any may, or none where the meaning is near. `min_score`: leave out
    what scores less. `per_group`: how many hits of one group (the chunks of a resource) may appear; 0 for any.
    `any_time`: also what is in the index and not current.
    """

    where: NotRequired[Where | None]
    mode: NotRequired[Mode]
    every_term: NotRequired[bool]
    min_score: NotRequired[float]
    per_group: NotRequired[int]
    limit: int
    offset: NotRequired[int]
    any_time: NotRequired[bool]


class Request(NamedTuple):
    """What to look for.

    Attributes:
        vector: the query's; empty in the mode ``lexical``.
        first, last: which hits to return.
        now: the present.
        moment: leave out what is not current then; None leaves all in.
        projects: those that are looked in together, up to this one.
    """

    kind: Kind[Any]
    query: str
    vector: bytes
    project_id: str
    where: Where
    mode: Mode
    min_score: float
    per_group: int
    first: int
    last: int
    now: datetime
    moment: str | None = None
    projects: Sequence[str] = ()


class Found(NamedTuple):
    """The hits asked for.

    Attributes:
        total: how many there are in all; None: everything that the filter leaves.
        exact: whether the total is.
        confidence: how sure it is that the best hit is what was asked for, see `ltmc.search.fusion`.
    """

    hits: list["Hit"]
    total: int | None = 0
    exact: bool = True
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """An owner's id, its score, 0 to 1, rounded to 4 places, and the parts that add up to the score."""

    id: int
    score: float
    parts: dict[str, float] = field(default_factory=dict)
