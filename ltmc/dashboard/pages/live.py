"""What goes on: calls and searches of all processes as they happen, and over a range of time."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from ltmc.app.diagnosis import health
from ltmc.app.usage import RANGES, News, activity, process_use
from ltmc.dashboard.page import Page, get
from ltmc.dashboard.rendering import address
from ltmc.dashboard.streams import Streams
from ltmc.errors import LtmcError

CALLS_SHOWN, SEARCHES_SHOWN = 25, 10
"""How many of the newest are in the page when it is opened."""

MOST_NEWS = 50
"""How many calls and how many searches one piece of news brings; of more, only the newest."""

POLL_SECONDS, BEAT_SECONDS = 1.0, 15
"""How often it is looked for news, and after how long without any a stream says that it is still there."""

_LAST = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


async def show(page: Page) -> Response:
    """Show what goes on and what went on."""
    of = await _figures(page)
    news = await activity(page.app).newest(of["only"], calls=CALLS_SHOWN, searches=SEARCHES_SHOWN)
    return await page.show("live.html", {**of, "news": news}, section="live")


async def figures(page: Page) -> Response:
    """Return the figures of a range anew."""
    return page.part("live_figures.html", await _figures(page))


async def _figures(page: Page) -> dict[str, Any]:
    chosen = page.text("range") or "hour"
    scope = "project" if page.text("of") == "project" else "all"
    only = page.project if scope == "project" else None
    report = await activity(page.app).over(chosen, only)
    return {
        "at": address,
        "chosen": chosen,
        "ranges": RANGES,
        "of": scope,
        "only": only,
        "report": report,
        "growth": await activity(page.app).growth(),
        "health": await health(page.app),
        "use": await process_use(page.app),
    }


async def stream(page: Page) -> Response:
    """Send what happens, as it happens, until the client or the session is gone."""
    streams = page.app.get(Streams)
    if streams.is_full:
        return PlainTextResponse("Too many live pages are open.", 503, {"Retry-After": "10"})
    only = page.project if page.text("of") == "project" else None
    known = _LAST.fullmatch(page.request.headers.get("last-event-id") or page.text("after"))
    last = (int(known[1]), int(known[2])) if known else None
    headers = {"X-Accel-Buffering": "no"}  # else a proxy may keep it back
    return StreamingResponse(
        _events(page, streams, only, last), headers=headers, media_type="text/event-stream"
    )


async def _events(
    page: Page, streams: Streams, only: str | None, last: tuple[int, int] | None
) -> AsyncIterator[str]:
    reports = activity(page.app)
    with streams.opened():
        if last is None:
            last = (await reports.newest(only, calls=0, searches=0)).last
        yield "retry: 3000\n\n"
        quiet = 0.0
        while await streams.goes_on(POLL_SECONDS):
            quiet += POLL_SECONDS
            if page.sessions.find(page.request.cookies.get(page.cookie_name)) is None:
                yield _event("bye")
                return
            with suppress(LtmcError):  # the database cannot be read just now
                news = await reports.after(last, only, most=MOST_NEWS)
                last = news.last
                if news.calls or news.searches:
                    yield _event("news", _rows(page, news), "{}-{}".format(*last))
                    quiet = 0.0
            if quiet >= BEAT_SECONDS:
                yield ": still here\n\n"
                quiet = 0.0


def _rows(page: Page, news: News) -> str:
    """Return news as JSON: rows for the tables, as HTML."""
    parts = {
        name: page.part("live_rows.html", {"at": address, "news": news, "rows": name}).body
        for name in ("calls", "searches")
    }
    return json.dumps({name: bytes(html).decode() for name, html in parts.items()})


def _event(name: str, data: str = "", last: str | None = None) -> str:
    """Return a server-sent event.

    Args:
        data: one line.
        last: what the browser names when it comes again.
    """
    return "".join([f"event: {name}\n", f"id: {last}\n" if last else "", f"data: {data}\n\n"])


ROUTES = [get("/live", show), get("/live/figures", figures), get("/live/stream", stream, stream=True)]
