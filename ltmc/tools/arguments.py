"""The types of tool arguments: what they accept, and the one line that agents read about them."""

import json
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, NotRequired, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ltmc.settings import PROJECT_PATTERN
from ltmc.timestamps import format_utc, now, parse
from ltmc.tools.manifest import UNLISTED

PROJECT_ID = re.compile(PROJECT_PATTERN)
TAG_LENGTH, TAGS, SKILLS = 64, 32, 50
LONGEST_OBJECT = 100_000
"""How many characters a JSON object that is kept may have: lists show a hundred of them."""
COMPLEXITY_ALIASES = {"LOW": "SIMPLE", "MEDIUM": "MODERATE", "HIGH": "COMPLEX"}


def refuse(allowed: str) -> PydanticCustomError:
    """Return what a validator raises: the binding adds the field and the value."""
    return PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})


def encodable(text: str) -> str:
    """`text` if it can be stored: no NUL, no lone surrogate."""
    if "\x00" in text:
        raise refuse("text without NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refuse("valid Unicode text (no lone surrogates)") from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise refuse("text that is not blank")
    return text


def lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _digits(value: Any) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


def _digits_of(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return str(value) if type(value) is int else value


def as_id(reference: str) -> int | None:
    """Return the id that ``12`` or ``resource:12`` says; None for a name."""
    digits = reference.removeprefix("resource:")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise refuse("a number, not true or false")
    return value


def _from_comma_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith(("{", '["')):  # what is JSON of a list is read already
        raise refuse('a list of texts, as JSON or "a, b"')
    return [part for part in value.split(",") if part.strip()]


def _tags(tags: list[str]) -> list[str]:
    cleaned = list(dict.fromkeys(encodable(tag).strip().lower() for tag in tags))
    if any(not tag or len(tag) > TAG_LENGTH for tag in cleaned):
        raise refuse(f"tags of 1 to {TAG_LENGTH} characters")
    if len(cleaned) > TAGS:
        raise refuse(f"at most {TAGS} tags")
    return cleaned


def _skills(skills: list[str]) -> list[str]:
    cleaned = list(dict.fromkeys(" ".join(encodable(skill).lower().split()) for skill in skills))
    if any(not skill or len(skill) > TAG_LENGTH for skill in cleaned):
        raise refuse(f"skills of 1 to {TAG_LENGTH} characters")
    if len(cleaned) > SKILLS:
        raise refuse(f"at most {SKILLS} skills")
    return cleaned


def _complexity(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = value.strip().upper()
    return COMPLEXITY_ALIASES.get(value, value)


def _json_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refuse("a JSON object")
    json_value(value)
    return value


def _kept_object(value: Any) -> dict[str, Any]:
    found = _json_object(value)
    if len(json.dumps(found, ensure_ascii=False)) > LONGEST_OBJECT:
        raise refuse(f"a JSON object of at most {LONGEST_OBJECT:,} characters")
    return found


def json_value(value: Any, depth: int = 0) -> Any:
    """`value` if it is JSON that can be stored: encodable strings, finite numbers, at most 64 levels."""
    if depth > 64:
        raise refuse("JSON of at most 64 levels")
    if isinstance(value, str):
        encodable(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            encodable(key)
            json_value(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            json_value(item, depth + 1)
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        raise refuse("JSON numbers (no NaN or infinity)")
    return value


def _name(text: str) -> str:
    if text.startswith(("/", "\\")) or ".." in text.replace("\\", "/").split("/"):
        raise refuse("a relative name without '..'")
    return text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise refuse("printable characters only")
    return text


def _moment(*, end: bool) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return moment_of(text, end=end)
        except (ValueError, OverflowError):
            raise refuse("a date or date-time in ISO 8601, such as 2026-01-31") from None

    return AfterValidator(check)


def moment_of(text: str, *, end: bool) -> str:
    """Return a date or date-time as a timestamp; a day as an end means its last moment.

    Raises:
        ValueError, OverflowError: `text` is neither.
    """
    moment = parse(text.strip())
    if moment.year < 1000:  # a timestamp has four digits for it
        raise ValueError(text)
    if end and len(text.strip()) <= len("2026-01-31"):
        moment += timedelta(days=1, microseconds=-1)
    return format_utc(moment)


Text = Annotated[str, AfterValidator(encodable)]
Filled = Annotated[Text, AfterValidator(_not_blank)]
_Enum = BeforeValidator(lower)
_Number = BeforeValidator(not_bool)
_Object = dict[str, Any]


def _project(allowed: str, words: str) -> AfterValidator:
    pattern = re.compile(allowed)

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise refuse(words)
        return text

    return AfterValidator(check)


PROJECT_WORDS = "1 to 100 letters, digits, _ or -"
ProjectId = Annotated[str, _project(PROJECT_PATTERN, PROJECT_WORDS)] | None
Projects = (
    Annotated[str, _project(rf"{PROJECT_PATTERN}|\*", f"{PROJECT_WORDS}; or * for all projects")] | None
)
FINE = Field(json_schema_extra={UNLISTED: True})
"""The mark of an argument for fine tuning: it is taken, its default serves, and no model needs it."""
ProjectOfId = Annotated[ProjectId, FINE]
"""The project of what is named by an id: not needed, and where an id is of another project the error says so."""
Query = Annotated[Filled, Field(max_length=2000)]
OptionalQuery = Annotated[Text, Field(max_length=2000)]
Content = Annotated[Filled, Field(max_length=1_000_000)]
Title = Annotated[Filled, Field(max_length=200)]
Description = Annotated[Text, Field(max_length=10_000)]
FileName = Annotated[
    Filled,
    AfterValidator(_composed),
    AfterValidator(_name),
    AfterValidator(_printable),
    Field(max_length=255),
]
ConversationId = Annotated[Filled, AfterValidator(_printable), Field(max_length=255)]
Name = Annotated[Filled, AfterValidator(_printable), Field(max_length=255)]
NamePrefix = Annotated[Name, AfterValidator(_composed)]
Tags = Annotated[list[str], AfterValidator(_tags)]
TagsOrText = Annotated[list[str], BeforeValidator(_from_comma_list), AfterValidator(_tags)]
JsonObject = Annotated[_Object, PlainValidator(_kept_object), WithJsonSchema({"type": "object"})]
Kept = Annotated[_Object, PlainValidator(_kept_object), WithJsonSchema({"type": "object", UNLISTED: True})]
"""What is kept and shown, and nothing is made of: no model needs it."""
AnyObject = Annotated[_Object, PlainValidator(_json_object), WithJsonSchema({"type": "object"})]
JsonValue = Annotated[Any, AfterValidator(json_value), WithJsonSchema({})]
RowId = Annotated[int, Field(ge=1, strict=True, le=2**63 - 1), _Number, BeforeValidator(_digits)]
ResourceId = Annotated[
    RowId, BeforeValidator(lambda value: value.removeprefix("resource:") if isinstance(value, str) else value)
]
RowIdText = Annotated[str, BeforeValidator(_digits_of)]
Reference = Annotated[
    Annotated[RowIdText, AfterValidator(encodable), AfterValidator(_not_blank), AfterValidator(str.strip)],
    Field(max_length=255),
]
References = Annotated[list[Reference], Field(max_length=100)]
TopK = Annotated[int, Field(ge=1, le=50, strict=True), _Number]
Limit = Annotated[int, Field(ge=1, le=100, strict=True), _Number]
Offset = Annotated[int, Field(ge=0, le=2**31, strict=True), _Number]
Depth = Annotated[int, Field(ge=1, le=5, strict=True), _Number]
MaxTokens = Annotated[int, Field(ge=16, le=128_000, strict=True), _Number]
Days = Annotated[int, Field(ge=1, le=3650, strict=True), _Number]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True), _Number]
Bool = Annotated[bool, Field(strict=True)]
Explain = Annotated[Bool, FINE]
"""Whether to show what each score is made of: for people who tune a search."""
ResourceType = Annotated[Literal["document", "code", "note", "data"], _Enum]
Start = Annotated[str, _moment(end=False)]
End = Annotated[str, _moment(end=True)]
MOST_DAYS = 36_500


def _expires(value: Any) -> str:
    """Return the moment at which something expires, of a day its end; ``never`` as it is."""
    text = lower(value)
    try:
        if text in (NEVER, "never"):
            return NEVER
        days = value if type(value) is int else _digits(text)
        if type(days) is int and 1 <= days <= MOST_DAYS:
            return format_utc(datetime.now(UTC) + timedelta(days=days))
        if isinstance(text, str) and len(text) <= 40:
            moment = moment_of(text.upper(), end=True)
            if moment > now():
                return moment
    except (ValueError, OverflowError):
        pass
    raise refuse(f"a day or moment to come such as 2999-12-31, 1 to {MOST_DAYS} days, or never")


Expires = Annotated[str, BeforeValidator(_expires)]
TodoStatus = Annotated[Literal["all", "pending", "completed"], _Enum]

NEVER = "none"
"""What takes a due date or an end away."""


def _end_or_never(text: str) -> str:
    if text.strip().lower() in (NEVER, "never"):
        return NEVER
    try:
        return moment_of(text, end=True)
    except (ValueError, OverflowError):
        raise refuse("a date or date-time in ISO 8601, such as 2026-01-31, or never") from None


EndOrNever = Annotated[str, AfterValidator(_end_or_never)]


def _due(value: str) -> str:
    """Return the moment of a date or date-time, of a day its end; ``none`` as it is."""
    text = " ".join(value.lower().split())
    if text == NEVER:
        return NEVER
    try:
        days = _days_ahead(text)
        moment = moment_of(text.upper(), end=True) if days is None else _end_of_day(days)
    except (ValueError, OverflowError):
        moment = ""
    if moment < "1970":
        raise refuse(
            "today, tomorrow, a weekday (the next one), in 3 days, in 2 weeks, a date or date-time such as "
            f"2026-12-31 or 2026-12-31T17:00+02:00 (UTC without a zone), or {NEVER}"
        )
    return moment


_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_IN_DAYS = re.compile(r"in (a|[0-9]{1,4}) (day|week)s?")


def _days_ahead(text: str) -> int | None:
    """Return how many days from today the day is that a text names, by the clock of this machine."""
    if text in ("today", "tomorrow"):
        return int(text == "tomorrow")
    if found := _IN_DAYS.fullmatch(text):
        return (1 if found[1] == "a" else int(found[1])) * (7 if found[2] == "week" else 1)
    for number, name in enumerate(_WEEKDAYS):
        if text.removeprefix("next ") in (name, name[:3]):
            return (number - datetime.now().astimezone().weekday() - 1) % 7 + 1
    return None


def _end_of_day(days: int) -> str:
    """Return the last moment of the day in so many days, by the clock of this machine."""
    day = datetime.now().astimezone().date() + timedelta(days=days)
    return format_utc(datetime.combine(day, time.max).astimezone())


Due = Annotated[Filled, Field(max_length=40), AfterValidator(_due)]


def _role(value: Any) -> Any:
    value = lower(value)
    return "assistant" if value == "ai" else value


Role = Annotated[Literal["user", "assistant", "system", "tool"], BeforeValidator(_role)]


def _priority(value: Any) -> Any:
    value = lower(value)
    if isinstance(value, bool):
        return value
    return {1: "low", 2: "medium", 3: "high", "1": "low", "2": "medium", "3": "high"}.get(value, value)


Priority = Annotated[
    Literal["low", "medium", "high"],
    BeforeValidator(lambda value: _priority(value) if isinstance(value, str | int) else value),
]
CodeResult = Annotated[Literal["pass", "fail", "partial", "error"], _Enum]
Skills = Annotated[list[str], AfterValidator(_skills)]
_Label = Literal["TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL"]
Complexity = Annotated[_Label, BeforeValidator(_complexity)]


def _label(text: str) -> str:
    if text not in get_args(_Label):
        raise refuse(", ".join(get_args(_Label)))
    return text


ComplexityBound = Annotated[str, BeforeValidator(_complexity), AfterValidator(_label)]
"""A label whose choice the listing leaves out: other tools list it."""
AutoComplexity = Annotated[
    Literal["AUTO", "TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL"], BeforeValidator(_complexity)
]
MOST_MINUTES = 40_320
"""Four weeks: how long a task may take."""

Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES, strict=True), _Number]
LongDescription = Annotated[Filled, Field(max_length=10_000)]
BlueprintId = Annotated[Filled, AfterValidator(str.strip), Field(max_length=100)]
BlueprintStatus = Annotated[Literal["draft", "active", "completed", "cancelled"], _Enum]
FilePath = Annotated[Filled, Field(max_length=4096)]
DocSource = Annotated[Literal["auto", "file", "docstrings"], _Enum]
Direction = Annotated[Literal["both", "incoming", "outgoing"], _Enum]
Capacity = Annotated[
    float, Field(ge=0.001, le=2, allow_inf_nan=False, strict=True), BeforeValidator(not_bool)
]


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _in_week(days: list[str]) -> list[str]:
    return [day for day in WEEKDAYS if day in days]


def _time_zone(name: str) -> str:
    """Return a name that the time zone database knows."""
    try:
        return name if name == "UTC" else ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise refuse("a time zone of the IANA database, such as Europe/Berlin or UTC") from None


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise refuse("a date such as 2026-12-24") from None


WorkingDays = Annotated[
    list[Annotated[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], BeforeValidator(lower)]],
    Field(min_length=1, max_length=7),
    AfterValidator(_in_week),
    WithJsonSchema({"type": "array", "items": {"enum": list(WEEKDAYS)}}),
]
TimeZone = Annotated[
    Filled, AfterValidator(str.strip), AfterValidator(_time_zone), WithJsonSchema({"type": "string"})
]
DaysOff = Annotated[
    list[Annotated[str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]],
    Field(max_length=366),
]


_KEYS_IN_WORDS = ConfigDict(extra="forbid", json_schema_extra={UNLISTED: True})
"""An object whose keys are listed in the words of the argument, and not each with its type."""

Unneeded = Annotated[str | None, FINE]


@with_config(_KEYS_IN_WORDS)
class TeamMember(TypedDict):
    """A member of a team."""

    id: NotRequired[Name | None]
    member_id: NotRequired[Name | None]
    name: NotRequired[Name | None]
    skills: NotRequired[Skills | None]
    capacity: NotRequired[Capacity | None]
    status: NotRequired[Annotated[Literal["available", "busy", "away"], BeforeValidator(lower)] | None]
    working_days: NotRequired[WorkingDays | None]
    timezone: NotRequired[TimeZone | None]
    days_off: NotRequired[DaysOff | None]


@with_config(_KEYS_IN_WORDS)
class LinkedDocument(TypedDict):
    """A document to compare."""

    id: Reference
    content: NotRequired[Content | None]
    type: NotRequired[Unneeded]


@with_config(_KEYS_IN_WORDS)
class GivenDocument(TypedDict):
    """A document to pack."""

    content: Text
    id: NotRequired[Annotated[RowIdText, AfterValidator(encodable)]]
    title: NotRequired[Title | None]
    type: NotRequired[Unneeded]
    score: NotRequired[Annotated[float, Field(allow_inf_nan=False, strict=True)] | None]
