"""When members work: 8 hours times their capacity, on each of their working days that is no day off."""

import math
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypedDict
from zoneinfo import ZoneInfo

from ltmc.storage.tables.team import Member
from ltmc.timestamps import parse
from ltmc.tools.arguments import WEEKDAYS

HOURS_PER_DAY = 8
"""The working hours of a day at a capacity of 1."""


def week_hours(member: Member) -> float:
    """Return the hours that a member works in a week without days off."""
    return member.capacity * HOURS_PER_DAY * len(member.working_days)


def completion(start: datetime, hours: float, member: Member) -> datetime:
    """When `hours` of work of a member are done from `start` on; a working day spans its 24 hours where they live.

    It is the last moment there is, where it lies beyond.
    """
    try:
        local = start.astimezone(_zone(member.timezone))
        day = _next_working_day(local.date(), member)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        passed = (local.replace(tzinfo=None) - midnight) / timedelta(days=1) if day == local.date() else 0.0
        days = passed + hours / (member.capacity * HOURS_PER_DAY)
        whole = max(0, math.ceil(days) - 1)  # the end of a Friday is no Monday
        day = _later(day, whole, member)
        return (datetime.combine(day, time(), local.tzinfo) + timedelta(days=days - whole)).astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


class LocalTime(TypedDict):
    """A moment where a member lives, and the name of the time zone."""

    local_completion: str | None
    timezone: str


def local_time(moment: str | None, member: Member) -> LocalTime:
    """Return when work is done where the member lives: on a working day, or at the midnight that ends one."""
    zone = _zone(member.timezone)
    there = None if moment is None else _at(parse(moment), zone).isoformat(timespec="minutes")
    return {"local_completion": there, "timezone": "UTC" if zone is UTC else member.timezone}


def _at(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _later(day: date, working_days: int, member: Member) -> date:
    """Return the working day that comes so many after a working day: by weeks, but by days where a day is off."""
    off = sorted(map(date.fromisoformat, member.days_off))
    week = len(member.working_days)
    while working_days:
        weeks = working_days // week
        if (place := bisect_left(off, day)) < len(off):
            weeks = min(weeks, ((off[place] - day).days - 1) // 7)
        if weeks:
            day += timedelta(days=7 * weeks)
            working_days -= week * weeks
        else:
            day = _next_working_day(day + timedelta(days=1), member)
            working_days -= 1
    return day


def _next_working_day(day: date, member: Member) -> date:
    while WEEKDAYS[day.weekday()] not in member.working_days or day.isoformat() in member.days_off:
        day += timedelta(days=1)
    return day


def _zone(name: str) -> tzinfo:
    """Return a time zone; UTC for one that was stored where more zones are known."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
