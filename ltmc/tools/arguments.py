"""The types of tool arguments: what they accept, and the one line that agents read about them."""

import re
from typing import Annotated, Any, Literal, NotRequired

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

PROJECT_PATTERN = r"[A-Za-z0-9_-]{1,100}"
TAG_LENGTH, TAGS, SKILLS = 64, 32, 50
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


def not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise refuse("a number, not true or false")
    return value


def _from_comma_list(value: Any) -> Any:
    return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value


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


def _printable(text: str) -> str:
    if not text.isprintable():
        raise refuse("printable characters only")
    return text


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
Query = Annotated[Filled, Field(max_length=2000)]
OptionalQuery = Annotated[Text, Field(max_length=2000)]
Content = Annotated[Filled, Field(max_length=1_000_000)]
Title = Annotated[Filled, Field(max_length=200)]
Description = Annotated[Text, Field(max_length=10_000)]
FileName = Annotated[Filled, AfterValidator(_name), AfterValidator(_printable), Field(max_length=255)]
ConversationId = Annotated[Filled, AfterValidator(_printable), Field(max_length=255)]
Name = Annotated[Filled, AfterValidator(_printable), Field(max_length=255)]
Tags = Annotated[list[str], AfterValidator(_tags)]
TagsOrText = Annotated[
    list[str],
    BeforeValidator(_from_comma_list),
    AfterValidator(_tags),
    WithJsonSchema({"type": ["array", "string"], "items": {"type": "string"}}),
]
JsonObject = Annotated[_Object, PlainValidator(_json_object), WithJsonSchema({"type": "object"})]
JsonValue = Annotated[Any, AfterValidator(json_value), WithJsonSchema({})]
RowId = Annotated[int, Field(ge=1, strict=True, le=2**63 - 1), _Number, BeforeValidator(_digits)]
RowIdText = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
Reference = Annotated[
    Annotated[RowIdText, AfterValidator(encodable), AfterValidator(_not_blank), AfterValidator(str.strip)],
    Field(max_length=255),
    WithJsonSchema({"type": ["string", "integer"]}),
]
TopK = Annotated[int, Field(ge=1, le=50, strict=True), _Number]
Limit = Annotated[int, Field(ge=1, le=100, strict=True), _Number]
Offset = Annotated[int, Field(ge=0, le=2**31, strict=True), _Number]
Depth = Annotated[int, Field(ge=1, le=5, strict=True), _Number]
MaxTokens = Annotated[int, Field(ge=16, le=128_000, strict=True), _Number]
Days = Annotated[int, Field(ge=1, le=3650, strict=True), _Number]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True), _Number]
Bool = Annotated[bool, Field(strict=True)]
ResourceType = Annotated[Literal["document", "code", "note", "data"], _Enum]
TodoStatus = Annotated[Literal["all", "pending", "completed"], _Enum]


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
Complexity = Annotated[
    Literal["TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL"], BeforeValidator(_complexity)
]
AutoComplexity = Annotated[
    Literal["AUTO", "TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL"], BeforeValidator(_complexity)
]
Minutes = Annotated[int, Field(ge=1, le=40_320, strict=True), _Number]
LongDescription = Annotated[Filled, Field(max_length=10_000)]
BlueprintId = Annotated[Filled, AfterValidator(str.strip), Field(max_length=100)]
BlueprintStatus = Annotated[Literal["draft", "active", "completed", "cancelled"], _Enum]
FilePath = Annotated[Filled, Field(max_length=4096)]
DocSource = Annotated[Literal["auto", "file", "docstrings"], _Enum]
Direction = Annotated[Literal["both", "incoming", "outgoing"], _Enum]
Capacity = Annotated[float, Field(gt=0, le=2, allow_inf_nan=False, strict=True), BeforeValidator(not_bool)]


@with_config(ConfigDict(extra="forbid"))
class TeamMember(TypedDict):
    """A team member; a capacity of 1 is 40 hours a week."""

    id: NotRequired[Name | None]
    member_id: NotRequired[Name | None]
    name: NotRequired[Name | None]
    skills: NotRequired[Skills | None]
    capacity: NotRequired[Capacity | None]
    status: NotRequired[Annotated[Literal["available", "busy", "away"], BeforeValidator(lower)] | None]


@with_config(ConfigDict(extra="forbid"))
class LinkedDocument(TypedDict):
    """A document to compare."""

    id: Reference
    content: NotRequired[Content | None]
    type: NotRequired[str | None]


@with_config(ConfigDict(extra="forbid"))
class GivenDocument(TypedDict):
    """A document to pack."""

    content: Text
    id: NotRequired[RowIdText]
    title: NotRequired[Title | None]
    type: NotRequired[str | None]
    score: NotRequired[Annotated[float, Field(allow_inf_nan=False, strict=True)] | None]
