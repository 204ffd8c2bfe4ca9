"""The filters of a search over memories, chats and code: what is allowed, and what each source has."""

from typing import Any, NamedTuple

from ltmc.code.traits import LABELS
from ltmc.errors import ErrorCode, LtmcError, invalid, shorten
from ltmc.search.kinds import CHUNK, MESSAGE, PATTERN, Kind
from ltmc.storage.sources import Where, offers
from ltmc.tools.arguments import COMPLEXITY_ALIASES, moment_of

SEARCHED: dict[str, Kind[Any]] = {"memory": CHUNK, "chat": MESSAGE, "pattern": PATTERN}
"""The sources of a search with filters, and their kinds."""

_FILTERS = (
    "file_name resource_type conversation_id role agent_name source_tool branch language complexity tags_any "
    "tags_all date_from date_to"
).split()
_STORED_AS = {"branch": "metadata.branch"}
_VALID = ("sources", *_FILTERS, "min_score")
MOST_FILTERS, MOST_VALUES = 100, 1_000
"""How many keys a search may be narrowed by, and how many alternatives each may have."""

LONGEST = 1_000
"""In characters, of a text to narrow by; SQLite takes globs of 50,000 bytes."""

_ALLOWED = {
    "sources": tuple(SEARCHED),
    "resource_type": ("document", "code", "note", "data"),
    "role": ("user", "assistant", "system", "tool"),
    "complexity": LABELS,
}


class Filters(NamedTuple):
    """The filters of a search: AND across keys, OR inside a list.

    Attributes:
        sources: where to look.
        conversation: the conversation named, when exactly one is.
    """

    given: dict[str, list[Any]]
    sources: tuple[str, ...]
    min_score: float

    @property
    def conversation(self) -> str | None:
        named = self.given.get("conversation_id", [])
        return named[0] if len(named) == 1 else None

    @classmethod
    def parse(cls, filters: dict[str, Any]) -> "Filters":
        """Check the filters.

        Raises:
            LtmcError: INVALID_ARGUMENT for an unknown key (with the valid ones), a bad date or value.
        """
        if len(filters) > MOST_FILTERS:
            raise invalid("filters", f"{len(filters)} keys", f"at most {MOST_FILTERS} keys")
        given: dict[str, list[Any]] = {}
        for key, value in filters.items():
            if key not in _VALID and not (key.startswith("metadata.") and len(key) > len("metadata.")):
                raise LtmcError(
                    ErrorCode.INVALID_ARGUMENT,
                    f"filters: unknown key {shorten(key)}; valid: {', '.join(_VALID)}, metadata.<key>.",
                    field=f"filters.{key}",
                    details={"value": shorten(value), "valid": [*_VALID, "metadata.<key>"]},
                )
            values = value if isinstance(value, list) else [value]
            if not 0 < len(values) <= MOST_VALUES:
                raise invalid(f"filters.{key}", f"{len(values)} values", f"1 to {MOST_VALUES} values")
            given[_STORED_AS.get(key, key)] = [_checked(key, item) for item in values]
        for key in ("date_from", "date_to", "min_score"):
            if len(given.get(key, [])) > 1:
                raise invalid(f"filters.{key}", filters[key], "one value")
        start, end = given.get("date_from"), given.get("date_to")
        if start and end and start[0] > end[0]:
            raise invalid("filters.date_from", filters["date_from"], "a date not after date_to")
        return cls(
            given,
            tuple(given.pop("sources", SEARCHED)),
            given.pop("min_score", [0.0])[0],
        )

    def by_source(self) -> dict[str, Where]:
        """For each source that has every filter asked for, its filters."""
        return {
            source: self.given
            for source, kind in SEARCHED.items()
            if source in self.sources and offers(kind.source, self.given)
        }


def _checked(key: str, value: Any) -> Any:
    """`value` in its canonical form."""
    field = f"filters.{key}"
    if key == "min_score":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise invalid(field, value, "a number from 0 to 1")
        return float(value)
    if key.startswith("metadata."):
        if '"' in key or not isinstance(value, str | int | float):
            raise invalid(field, value, "text, a number, true or false, under a key without quotes")
        return value
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise invalid(field, value, f"text of 1 to {LONGEST} characters that is not blank, or a list of such")
    if key in ("date_from", "date_to"):
        return _moment(field, value, end=key == "date_to")
    if key == "complexity":
        value = COMPLEXITY_ALIASES.get(value.upper(), value.upper())
    elif key in ("tags_any", "tags_all", "sources", "resource_type", "role", "language"):
        value = value.strip().lower()
    if key in _ALLOWED and value not in _ALLOWED[key]:
        raise invalid(field, value, ", ".join(_ALLOWED[key]))
    return value


def _moment(field: str, text: str, *, end: bool) -> str:
    """Return the date as a timestamp; a day as the end of a range means its last moment."""
    try:
        return moment_of(text, end=end)
    except (ValueError, OverflowError):
        raise invalid(field, text, "a date or date-time in ISO 8601, such as 2026-01-31") from None
