"""What a search asks for and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ltmc.search.kinds import Kind
from ltmc.storage.sources import Where

Mode = Literal["hybrid", "lexical", "semantic"]
"""What a search goes by: words and meaning, words alone, meaning alone."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to look for. `wanted`: how many hits to return, from the first on."""

    kind: Kind[Any]
    query: str
    project_id: str
    where: Where
    mode: Mode
    min_score: float
    per_group: int
    wanted: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Hit:
    """An owner's id, its score, 0 to 1, rounded to 4 places, and the parts that add up to the score."""

    id: int
    score: float
    parts: dict[str, float] = field(default_factory=dict)
