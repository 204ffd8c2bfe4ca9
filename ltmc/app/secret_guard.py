"""What is done about secrets in what is about to be stored: the setting `secrets`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

from ltmc.app.redaction import Found, found_in, kinds_by_secret, masked_json, masked_with
from ltmc.errors import ErrorCode, LtmcError
from ltmc.files.guard import files_read, noting_reads
from ltmc.storage.engine import Parameters

MOST_NAMED = 3
"""How many files or places a message names."""

_noticed: ContextVar[list[str] | None] = ContextVar("noticed", default=None)
"""The warnings of the call in progress."""

_known: ContextVar[dict[str, str] | None] = ContextVar("known", default=None)
"""The secrets in the arguments of the call in progress, with their kinds: texts are made of them."""


class SecretGuard:
    """Looks at the arguments of tools, and at every value that reaches the database.

    What stands in an argument is refused or masked before the tool runs. What a tool read from files is known
    only where it is stored: there it is masked, or refused with the name of the file. Text that was stored
    before, and logs of use, are masked in either mode: nobody could correct them.
    """

    def __init__(self, action: Literal["off", "warn", "mask", "refuse"]) -> None:
        self._action = action

    @contextmanager
    def call(self) -> Iterator[list[str]]:
        """Gather, while a tool runs, warnings of what its files bring into the database."""
        warnings: list[str] = []
        noticed, known = _noticed.set(warnings), _known.set({})
        try:
            with noting_reads():
                yield warnings
        finally:
            _noticed.reset(noticed)
            _known.reset(known)

    def find(self, arguments: dict[str, Any]) -> list[Found]:
        """Return the secrets in the arguments of a tool, which are masked from here on wherever they are stored."""
        if self._action == "off":
            return []
        found = [one for name, value in arguments.items() for one in found_in(value, name, name)]
        known = _known.get()
        if known is not None:
            known.update(kinds_by_secret(found))
        return found

    def arguments(
        self, arguments: dict[str, Any], found: Sequence[Found]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return what a tool is to store of arguments that hold secrets, and what to tell the caller.

        Raises:
            LtmcError: INVALID_ARGUMENT that names the field, when the action is to refuse.
        """
        if self._action == "refuse":
            where = found[0].field
            places = dict.fromkeys((one.line, one.kind) for one in found if one.field == where)
            raise _refusal(where, [f"line {line}: {kind}" for line, kind in places], found[0].kind)
        warnings = [*dict.fromkeys(self._warning(one.field, f"line {one.line}: {one.kind}") for one in found)]
        if self._action == "mask":
            arguments = {name: masked_json(value, name) for name, value in arguments.items()}
        return arguments, warnings

    def stored(self, values: Parameters) -> Parameters:
        """Return values as they may be stored.

        Raises:
            LtmcError: INVALID_ARGUMENT that names the file, when the action is to refuse and the tool read one.
        """
        files = files_read.get()
        if self._action == "off" or (self._action == "warn" and not files):
            return values
        each = list(values.values()) if isinstance(values, Mapping) else list(values)
        kinds = dict.fromkeys(found.kind for found in found_in(each, ""))
        if not kinds:
            return values
        if files:
            named = ", ".join([name for name in files if name in each] or list(files)[-MOST_NAMED:])
            if self._action == "refuse":
                raise _refusal(named, [*kinds], next(iter(kinds)))
            warnings = _noticed.get()
            if warnings is not None:
                new = (self._warning(named, kind) for kind in kinds)
                warnings += [warning for warning in new if warning not in warnings]
        return values if self._action == "warn" else _masked(values)

    def logged(self, values: Parameters) -> Parameters:
        """Return values as they may stand in a log of use."""
        return _masked(values) if self._action in ("mask", "refuse") else values

    def _warning(self, where: str, what: str) -> str:
        done = "masked" if self._action == "mask" else "stored as it is; delete it if it is real"
        return f"{where} seems to hold a secret ({what}): {done}."


def _masked(values: Parameters) -> Parameters:
    known = _known.get() or {}
    if isinstance(values, Mapping):
        return {name: masked_with(value, known) for name, value in values.items()}
    return [masked_with(value, known) for value in values]


def _refusal(where: str, found: Sequence[str], kind: str) -> LtmcError:
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return LtmcError(
        ErrorCode.INVALID_ARGUMENT,
        f"{where}: it seems to hold a secret ({'; '.join(found[:MOST_NAMED])}{more}); "
        "allowed: text without secrets (setting secrets: refuse).",
        field=where,
        details={"kind": kind},
    )
