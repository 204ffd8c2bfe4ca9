"""How `ltmc top` draws what goes on: side by side where there is room, else one below the other."""

from datetime import datetime
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltmc import __version__
from ltmc.app.application import Application
from ltmc.app.diagnosis import database_of, health
from ltmc.app.usage import Activity, News, activity, process_use

WIDE = 100
"""From so many columns on, two tables stand side by side."""

MOST_ROWS = 8
"""Of the tables of tools, errors, projects and agents."""

FRAME_ROWS = 9
"""What stands around the tables: the head, the figures, the bars, blank lines and headings."""

BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "._-=+*%#"
STATES = {"healthy": "green", "degraded": "yellow", "unhealthy": "bold red"}
SPANS = {"hour": "the last hour", "day": "the last day", "week": "the last week", "all": "all that is kept"}


async def look(
    app: Application, console: Console, chosen: str, project_id: str | None, *, whole: bool
) -> RenderableType:
    """Return what goes on now, as wide as the console is.

    Args:
        chosen: the range of the figures.
        whole: all of it, else as much as the console is high.
    """
    reports = activity(app)
    over = await reports.over(chosen, project_id)
    news = await reports.newest(project_id, calls=100, searches=100)
    status = str((await health(app))["status"])
    use = await process_use(app)
    return _drawn(
        console,
        _head(
            status,
            database_of(app.settings),
            f"{SPANS[chosen]}, {project_id or 'all projects'}",
            can_quit=not whole,
        ),
        _figures(over, use["db_bytes"] + use["wal_bytes"] if use else None),
        over,
        news,
        height=None if whole else console.height,
    )


def _drawn(
    console: Console, head: Text, figures: Text, over: Activity, news: News, *, height: int | None
) -> RenderableType:
    wide = console.width >= WIDE
    left, right = _tools(over, narrow=console.width < 60), _who(over)
    tables: list[RenderableType] = [_beside(left, right)] if wide else [left, right]
    used = max(left.row_count, right.row_count) if wide else left.row_count + right.row_count + 1
    room = 10 if height is None else max(3, height - FRAME_ROWS - used)
    calls, searches = (
        _calls(news, room if wide else max(3, room // 2)),
        _searches(news, room if wide else max(2, room - room // 2 - 2)),
    )
    bars = BARS if console.encoding.startswith("utf") else PLAIN_BARS
    blank = Text()
    parts: list[RenderableType] = [head, figures, _bars(over, console.width, bars), blank, *tables, blank]
    parts += [_beside(calls, searches)] if wide else [calls, searches]
    return Group(*parts)


def _head(status: str, database: str, what: str, *, can_quit: bool) -> Text:
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(f"LTMC {__version__} ", style="bold").append(status, style=STATES[status])
    if can_quit:
        head.append("  q quits", style="dim")
    return head.append(f"  {what}  ").append_text(_plain(database, "dim"))


def _figures(over: Activity, size: int | None) -> Text:
    calls, searches = over.calls, over.searches
    figures = Text()
    figures.append(f"{calls.calls:,}", style="bold").append(" calls  ")
    figures.append(f"{calls.errors:,}", style="bold red" if calls.errors else "bold").append(" errors  ")
    if calls.calls:
        figures.append(f"{calls.p50_ms:.1f}", style="bold").append(" ms median  ")
        figures.append(f"{calls.p95_ms:.1f}", style="bold").append(" ms 95 %  ")
        figures.append(f"{calls.p99_ms:.1f}", style="bold").append(" ms 99 %  ")
    figures.append(f"{searches.total:,}", style="bold").append(" searches, ")
    figures.append(f"{searches.empty:,}", style="bold yellow" if searches.empty else "bold")
    figures.append(" found nothing")
    return figures if size is None else figures.append(f"  {size / 1e6:,.1f} MB")


def _bars(over: Activity, width: int, bars: str) -> Text:
    """Return calls by step as bars, the newest at the right."""
    counts = [point.calls.calls for point in over.history][-max(10, width - 8) :]
    most = max(counts, default=0)
    drawn = "".join(
        bars[min(len(bars) - 1, count * len(bars) // (most + 1))] if count else " " for count in counts
    )
    return Text(f"{most:>6,} ", style="dim", no_wrap=True).append(drawn, style="cyan")


def _tools(over: Activity, *, narrow: bool) -> Table:
    rows = _table(
        ("Tool", "left"),
        ("Calls", "right"),
        ("Errors", "right"),
        ("p50 ms", "right"),
        ("p95 ms", "right"),
        gives_way=0,
    )
    for name, one in [*over.tools.items()][:MOST_ROWS]:
        errors = Text(f"{one.errors:,}" if one.errors else "", style="red")
        rows.add_row(_plain(name), f"{one.calls:,}", errors, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}")
    if not over.tools:
        rows.add_row(Text("no calls yet", style="dim"))
    if narrow:
        rows.columns = [rows.columns[place] for place in (0, 1, 2, 4)]
    return rows


def _who(over: Activity) -> Table:
    """Return error codes, projects and agents in one table."""
    rows = _table(("Errors and who", "left"), ("", "right"), ("Last", "right"), gives_way=0)
    for code, count, _ in over.errors[:3]:
        rows.add_row(_plain(code, "red"), _count(count, "error"), "")
    for project in over.projects[:3]:
        rows.add_row(
            _plain(project.project_id or "no project"), _count(project.calls, "call"), _clock(project.last_at)
        )
    for agent in over.agents[: MOST_ROWS - min(3, len(over.errors)) - min(3, len(over.projects))]:
        rows.add_row(
            _plain(agent.agent_name), _count(agent.messages, "message"), _clock(agent.last_active_at)
        )
    return rows


def _calls(news: News, most: int) -> Table:
    rows = _table(
        ("Calls", "left"), ("", "left"), ("Project", "left"), ("Answer", "left"), ("ms", "right"), gives_way=2
    )
    for one in news.calls[:most]:
        answer = Text("ok", style="green") if one.ok else _plain(one.error_code or "failed", "red")
        rows.add_row(
            _clock(one.created_at),
            _plain(one.tool),
            _plain(one.project_id or ""),
            answer,
            f"{one.duration_ms:.1f}",
        )
    return rows


def _searches(news: News, most: int) -> Table:
    rows = _table(("Searches", "left"), ("What was found", "left"), ("ms", "right"), gives_way=1)
    for one in news.searches[:most]:
        names = ", ".join(memory.file_name for memory in one.found)
        more = one.event.result_count - len(one.found)
        found = _plain(names)
        if more > 0:
            found.append(f" and {more} more" if names else f"{more} found")
        if not one.event.result_count:
            found = Text("nothing", style="yellow")
        rows.add_row(_clock(one.event.created_at), found, f"{one.event.latency_ms:.1f}")
    return rows


def _table(*columns: tuple[str, Literal["left", "right"]], gives_way: int) -> Table:
    """Return a table without rows.

    Args:
        gives_way: the column that is cut where the terminal is narrow.
    """
    rows = Table(box=None, header_style="bold dim", padding=(0, 2, 0, 0))
    for place, (heading, justify) in enumerate(columns):
        rows.add_column(heading, justify=justify, no_wrap=place != gives_way, overflow="ellipsis")
    return rows


def _beside(left: RenderableType, right: RenderableType) -> Table:
    pair = Table.grid(padding=(0, 3, 0, 0), expand=True)
    pair.add_column(ratio=1)
    pair.add_column(ratio=1)
    pair.add_row(left, right)
    return pair


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _clock(moment: str) -> str:
    """Return the time of day in the zone of this machine; the day too, where it is another."""
    then = datetime.fromisoformat(moment).astimezone()
    return then.strftime(
        "%H:%M:%S" if then.date() == datetime.now().astimezone().date() else "%Y-%m-%d %H:%M"
    )


def _plain(text: str, style: str = "") -> Text:
    """Return a stored text without what a terminal would act on; it stays on one line."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return Text(shown, style, no_wrap=True, overflow="ellipsis")
