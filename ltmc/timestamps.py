"""UTC timestamps as they are stored and sent: ISO 8601 with ``Z``, microseconds always written.

A fixed width makes the order of the strings the order of the times.
"""

from datetime import UTC, datetime, timedelta


def format_utc(moment: datetime) -> str:
    """`moment` (aware) as for example ``2026-01-31T09:05:00.000000Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> str:
    """Return the present moment."""
    return format_utc(datetime.now(UTC))


def days_ago(days: int) -> str:
    """Return the moment `days` times 24 hours ago."""
    return format_utc(datetime.now(UTC) - timedelta(days=days))


def parse(text: str) -> datetime:
    """Return a date or date-time in ISO 8601; without a zone it is taken as UTC.

    Raises:
        ValueError: `text` is neither.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
