"""The one exception that LTMC raises on purpose, and its codes."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

LONGEST_FIELD = 200
"""How much of the name of an argument is shown: one that is not known may be of any length."""


class ErrorCode(StrEnum):
    """What went wrong, in a form that a program can act on."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    CYCLE_DETECTED = "CYCLE_DETECTED"
    NO_SUITABLE_MEMBER = "NO_SUITABLE_MEMBER"
    PATH_NOT_ALLOWED = "PATH_NOT_ALLOWED"
    UNSUPPORTED = "UNSUPPORTED"
    PARSE_ERROR = "PARSE_ERROR"
    BACKEND_UNAVAILABLE = "BACKEND_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class LtmcError(Exception):
    """A failure that the caller can understand and act on.

    Args:
        code: one of `ErrorCode`.
        message: a sentence for people and agents: what is wrong and what is allowed.
        field: the argument at fault, if one is.
        details: facts for programs, for example ``{"value": 0, "allowed": "1 to 50"}``.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.details = details

    def as_result(self) -> dict[str, Any]:
        """Return the error envelope of the contract."""
        result: dict[str, Any] = {"success": False, "error": self.message, "error_code": self.code.value}
        if self.field is not None:
            result["field"] = (
                self.field if len(self.field) <= LONGEST_FIELD else f"{self.field[:LONGEST_FIELD]}…"
            )
        if self.details is not None:
            result["details"] = self.details
        return result


def invalid(field: str, value: Any, allowed: str) -> LtmcError:
    """Return an INVALID_ARGUMENT that names the field, the value and what is allowed."""
    shown = shorten(value)
    return LtmcError(
        ErrorCode.INVALID_ARGUMENT,
        f"{field}: got {shown}; allowed: {allowed}.",
        field=field,
        details={"value": shown, "allowed": allowed},
    )


def not_found(field: str, value: Any, what: str, hint: str = "") -> LtmcError:
    """Return a NOT_FOUND for the `what` (for example "todo") that `field` names."""
    return LtmcError(
        ErrorCode.NOT_FOUND,
        f"{field}: no {what} {shorten(value)}{'; ' + hint if hint else ''}.",
        field=field,
        details={"value": shorten(value)},
    )


def read_only() -> LtmcError:
    """Return an UNSUPPORTED for what would write although LTMC is read-only."""
    return LtmcError(
        ErrorCode.UNSUPPORTED,
        "LTMC is read-only here (--read-only, LTMC_READ_ONLY or read_only in the settings file), so nothing is "
        "stored.",
    )


def bound_to_file(what: str, instead: str) -> LtmcError:
    """Return an UNSUPPORTED for what is done with a database file, where PostgreSQL keeps the database."""
    return LtmcError(
        ErrorCode.UNSUPPORTED,
        f"{what} is for a database file; LTMC_DB (or --db) names a PostgreSQL database. {instead}",
    )


def nothing_to_change(accepted: Iterable[str]) -> LtmcError:
    """Return an INVALID_ARGUMENT for a change in which no field is given."""
    names = list(accepted)
    return LtmcError(
        ErrorCode.INVALID_ARGUMENT,
        f"Nothing to change; give at least one of: {', '.join(names)}.",
        details={"accepted": names},
    )


def shorten(value: Any, limit: int = 80) -> str:
    """`value` as it is shown in a message: its repr, cut to `limit` characters, always encodable."""
    if isinstance(value, str) and len(value) > limit:
        value = value[:limit] + "…"
    shown = repr(value)
    if len(shown) > limit + 3:
        shown = shown[: limit + 2] + "…"
    return shown.encode("utf-8", "backslashreplace").decode()
