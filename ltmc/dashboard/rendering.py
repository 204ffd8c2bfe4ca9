"""Templates to HTML. Every value is escaped; none is taken for HTML."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, Undefined
from jinja2.utils import missing

from ltmc import __version__

STATIC = Path(__file__).with_name("static")


class Absent(Undefined):
    """What is not there: of a tool's answer, or of a form, as good as empty; a name that nobody gave is a mistake."""

    def __str__(self) -> str:
        return "" if self._is_left_out() else str(self._fail_with_undefined_error())

    def __bool__(self) -> bool:
        return False if self._is_left_out() else bool(self._fail_with_undefined_error())

    def __iter__(self) -> Iterator[Any]:
        return iter(()) if self._is_left_out() else iter(self._fail_with_undefined_error())

    def _is_left_out(self) -> bool:
        return self._undefined_obj is not missing


@cache
def templates() -> Environment:
    """Return the templates, with what all of them may use."""
    found = Environment(
        loader=PackageLoader("ltmc.dashboard.templates", ""),
        autoescape=True,
        undefined=Absent,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"static": static, "version": __version__}
    found.filters |= {"moment": moment, "ago": ago, "number": number, "size": size, "clock": clock, "ms": ms}
    return found


MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Of static files, by the end of their names: what the system says of it may be wrong on Windows."""


@cache
def static_files() -> frozenset[str]:
    """Return the names of the static files."""
    return frozenset(path.name for path in STATIC.iterdir() if path.suffix in MEDIA_TYPES)


@cache
def static(name: str) -> str:
    """Return the address of a static file; it changes with the file, so that browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def address(path: str, **parameters: object) -> str:
    """Return a path with parameters, those that are None or empty left out."""
    given = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def moment(text: str | None) -> str:
    """Return a stored time for people, in UTC: day, hour and minute."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if text else ""


def clock(text: str) -> str:
    """Return the time of day of a stored time, in UTC: hours, minutes and seconds."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%H:%M:%S")


_UNITS = (
    ("year", 31_557_600),
    ("month", 2_629_800),
    ("week", 604_800),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)
"""With their seconds."""


def ago(text: str | None) -> str:
    """Return how long ago a stored time is, or in how long it comes, in one unit: ``3 days ago``, ``in 1 hour``."""
    if not text:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(text).astimezone(UTC)).total_seconds()
    for unit, length in _UNITS:
        if count := int(abs(seconds) // length):
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now" if seconds >= 0 else "in a moment"


def number(value: float | None) -> str:
    """Return a number with its thousands apart; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:,.2f}".replace(",", " ")


def ms(value: float | None) -> str:
    """Return a duration in the unit that fits; a dash for none."""
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def size(count: float | None) -> str:
    """Return a number of bytes in the unit that fits."""
    if count is None:
        return "–"
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
