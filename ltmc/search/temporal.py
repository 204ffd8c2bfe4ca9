"""Dates that a query speaks of: "last week", "in May 2023", "on 13 October"."""

import re
from datetime import UTC, datetime, timedelta

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_MONTH = "|".join(f"{name}|{name[:3]}" for name in MONTHS)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"((?:19|20)\d\d)"
_ISO = re.compile(r"\b(\d{4})-(\d{2})(?:-(\d{2}))?\b")
_DAY_FIRST = re.compile(rf"\b{_DAY}\s+(?:of\s+)?({_MONTH})\b\.?,?\s*{_YEAR}?", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"\b({_MONTH})\b\.?\s+(?:{_DAY}\b(?!\d),?\s*)?{_YEAR}?", re.IGNORECASE)
_ONLY_YEAR = re.compile(rf"\b(?:in|during|since|of)\s+{_YEAR}\b", re.IGNORECASE)
_AGO = re.compile(r"\b(\d+|an?|one|two|three|four|five|six)\s+(day|week|month|year)s?\s+ago\b", re.IGNORECASE)
_PAST = re.compile(
    r"\bthe (?:last|past) (\d+|two|three|four|five|six|few|couple of)?\s*"
    r"(hour|day|week|month|year)s?\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(today|yesterday|this|last)\b(?:\s+(week|month|year))?", re.IGNORECASE)
_WORDS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "few": 3} | {
    "couple of": 2
}
_DAYS = {"hour": 1 / 24, "day": 1, "week": 7, "month": 30, "year": 365}

Span = tuple[datetime, datetime]


def spans(query: str, now: datetime) -> list[Span]:
    """Return the periods that a query names, as [start, end) in ``now``'s zone.

    A day and month without a year is the latest such day before ``now``.
    """
    found: list[Span] = []
    for year, month, day in _ISO.findall(query):
        found += _calendar(int(year), int(month), int(day or 0))
    for day, month, year in _DAY_FIRST.findall(query):
        found += _named_date(month, int(day), year, now)
    if not found:
        for month, day, year in _MONTH_FIRST.findall(query):
            if day or year:
                found += _named_date(month, int(day or 0), year, now)
    if not found:
        for year in _ONLY_YEAR.findall(query):
            found += _calendar(int(year), 0, 0)
    for count, unit in _AGO.findall(query):
        size = _DAYS[unit.lower()]
        middle = now - timedelta(days=_number(count) * size)
        found.append((middle - timedelta(days=size / 2), middle + timedelta(days=size / 2)))
    for count, unit in _PAST.findall(query):
        found.append((now - timedelta(days=_number(count or "1") * _DAYS[unit.lower()]), now))
    if not found:
        found += _relative(query, now)
    return found


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _WORDS[word.lower()]


def _relative(query: str, now: datetime) -> list[Span]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[Span] = []
    for word, unit in _NAMED.findall(query.lower()):
        if word == "today":
            found.append((midnight, midnight + timedelta(days=1)))
        elif word == "yesterday":
            found.append((midnight - timedelta(days=1), midnight))
        elif unit:
            start = {
                "week": midnight - timedelta(days=midnight.weekday()),
                "month": midnight.replace(day=1),
                "year": midnight.replace(month=1, day=1),
            }[unit]
            if word == "this":
                found.append((start, now))
            elif unit == "week":
                found.append((start - timedelta(days=7), start))
            else:
                before = start - timedelta(days=1)
                found.append((before.replace(day=1, month=before.month if unit == "month" else 1), start))
    return found


def _named_date(month: str, day: int, year: str, now: datetime) -> list[Span]:
    number = next(i for i, name in enumerate(MONTHS, 1) if name.startswith(month.lower()[:3]))
    if year:
        return _calendar(int(year), number, day)
    for guess in (now.year, now.year - 1):
        span = _calendar(guess, number, day)
        if span and span[0][0] <= now:
            return span
    return []


def _calendar(year: int, month: int, day: int) -> list[Span]:
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        if day:
            end = start + timedelta(days=1)
        elif month:
            end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        else:
            end = datetime(year + 1, 1, 1, tzinfo=UTC)
    except ValueError:
        return []
    return [(start, end)]


def closeness(when: datetime, periods: list[Span], fade_days: float = 7.0) -> float:
    """Return 1 inside a period, and less outside: down to 0 in a straight line over ``fade_days``."""
    best = 0.0
    for start, end in periods:
        if start <= when < end:
            return 1.0
        away = (start - when if when < start else when - end).total_seconds() / 86_400
        best = max(best, 1.0 - away / fade_days)
    return best
