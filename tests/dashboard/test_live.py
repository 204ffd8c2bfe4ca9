"""The live page: what other processes do shows up by itself; history; streams end as they should."""

import http.client
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ltmc.timestamps import days_ago
from tests.client import Session, run_cli
from tests.dashboard.browsing import Dashboard
from tests.http.serving import Serving


def cookie(site: Dashboard) -> str:
    """The session of a browser."""
    (found,) = [one for one in site.context.cookies() if "session" in str(one["name"])]
    return f"{found['name']}={found['value']}"


class Stream:
    """A client of the stream that reads what comes."""

    def __init__(self, site: Dashboard, path: str = "/live/stream", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=20)
        self.connection.request("GET", path, headers={"Cookie": cookie(site), **headers})
        self.response = self.connection.getresponse()

    def line(self, beginning: str) -> str:
        """The next line that begins so; "" at the end."""
        while line := self.response.readline().decode():
            if line.startswith(beginning):
                return line.strip()
        return ""

    def close(self) -> None:
        """Leave."""
        self.response.close()
        self.connection.close()


@pytest.fixture(scope="module")
def client(site: Dashboard) -> Iterator[Session]:
    """An agent's own server, on the database of the page."""
    with Session(site.db) as session:
        yield session


def test_an_empty_page_says_what_will_be_there(browser: Browser, db: Path) -> None:
    with Serving(db) as server:
        site = Dashboard(browser, server, db)
        page = site.visit("/live")
        assert "No agent has called LTMC yet" in page.locator("#calls").inner_text()
        assert "Nothing has been searched for yet" in page.locator("#searches").inner_text()
        assert "Nothing happened in this time" in page.locator("#history").inner_text()
        page.get_by_role("link", name="Look at all that is in the log").click()
        expect(page.locator("#history")).to_contain_text("Nothing has happened yet")
        assert site.accessibility() == []
        site.close()


def test_calls_of_another_process_show_up_without_a_reload(site: Dashboard, client: Session) -> None:
    page = site.visit("/live")
    expect(page.locator("#live-state")).to_have_text("Live")
    page.evaluate("window.unchanged = true")
    client.ok(
        "store_memory", file_name="notes/tides.md", content="High water is at noon.", project_id="tides"
    )
    client.ok("retrieve_memory", query="when is high water", project_id="tides")
    client.ok("retrieve_memory", query="zzzz", project_id="nowhere")
    client.bad("get_memory", "NOT_FOUND", resource_id=987654, project_id="tides")
    calls = page.locator("#calls tr")
    expect(calls.first).to_contain_text("NOT_FOUND", timeout=10_000)
    expect(page.locator("#calls")).to_contain_text("store_memory")
    expect(page.locator("#calls .none")).to_have_count(0)
    searches = page.locator("#searches")
    expect(searches.locator("tr").first).to_contain_text("nothing")
    found = searches.get_by_role("link", name="notes/tides.md")
    expect(found.first).to_be_visible()
    expect(page.locator(".tile").first).to_contain_text("4", timeout=10_000)
    expect(page.locator("#history")).to_contain_text("Project tides")
    expect(page.locator("#history")).to_contain_text("NOT_FOUND")
    assert page.evaluate("window.unchanged") is True
    assert page.locator(".plot canvas").count() == 4
    assert "when is high water" not in page.content()
    found.first.click()
    expect(page.locator("h1")).to_contain_text("notes/tides.md")


def test_one_project_alone(site: Dashboard, client: Session) -> None:
    page = site.visit("/live", "alone", of="project")
    expect(page.locator("#live-state")).to_have_text("Live")
    client.ok("add_todo", title="elsewhere", project_id="others")
    client.ok("list_todos", project_id="alone")
    expect(page.locator("#calls")).to_contain_text("list_todos", timeout=10_000)
    assert "add_todo" not in page.locator("#calls").inner_text()
    assert page.locator("[aria-current]", has_text="Only alone").count() == 1


def test_pausing_holds_the_page_still(site: Dashboard, client: Session) -> None:
    page = site.visit("/live", "paused", of="project")
    button = page.get_by_role("button", name="Pause")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#live-state")).to_have_text("Paused")
    client.ok("list_todos", project_id="paused")
    page.wait_for_timeout(2500)
    assert "list_todos" not in page.locator("#calls").inner_text()
    button.press("Enter")
    expect(page.locator("#calls")).to_contain_text("list_todos", timeout=10_000)


@pytest.mark.parametrize("chosen", ["Hour", "Day", "Week", "All"])
def test_history_is_a_chart_and_a_table(site: Dashboard, client: Session, chosen: str) -> None:
    client.ok("list_todos")
    with closing(sqlite3.connect(site.db)) as connection:  # the clock of one of the machines is wrong
        connection.execute(
            "INSERT INTO tool_calls (tool, duration_ms, ok, created_at) VALUES ('list_todos', 1, 1, ?)",
            (days_ago(3),),
        )
        connection.commit()
    page = site.visit("/live")
    page.get_by_role("link", name=chosen, exact=True).click()
    expect(page.locator(f".segments [aria-current]:text-is('{chosen}')")).to_have_count(1)
    page.get_by_text("History as a table").press("Enter")
    table = page.locator("#history-table")
    expect(table).to_be_visible()
    sums = page.evaluate(
        "[...document.querySelectorAll('#history-table tbody tr')]"
        ".reduce((sum, row) => sum + Number(row.cells[1].textContent), 0)"
    )
    assert str(sums) == page.locator(".tile").first.locator(".figure").inner_text()
    assert page.locator(".plot canvas").count() == 4
    assert site.accessibility() == []


def test_figures_agree_with_the_command_line(site: Dashboard, client: Session) -> None:
    for number in range(20):
        client.any("get_memory", resource_id=number, project_id="figures")
    usage = run_cli("usage", "--db", str(site.db), "--project", "figures", "--json")
    page = site.visit("/live", "figures", of="project", range="all")
    row = page.locator("tr", has=page.locator("th", has_text="get_memory")).first
    assert '"count": 20' in usage.stdout
    assert row.locator("td").first.inner_text() == "20"
    assert row.locator("td").nth(1).inner_text() == "20"


def test_a_range_that_is_none_is_refused_by_name(site: Dashboard) -> None:
    page = site.visit("/live", range="year")
    assert "range: got 'year'; allowed: hour, day, week, all." in page.locator("main").inner_text()


def test_a_stream_goes_on_where_it_stopped(site: Dashboard, client: Session) -> None:
    stream = Stream(site)
    client.ok("list_todos", project_id="first")
    last = stream.line("id: ").removeprefix("id: ")
    stream.close()
    client.ok("list_todos", project_id="meanwhile")
    again = Stream(site, **{"Last-Event-ID": last})
    assert "meanwhile" in again.line("data: ")
    again.close()


def test_a_stream_ends_with_its_session(browser: Browser, db: Path) -> None:
    with Serving(db) as server:
        site = Dashboard(browser, server, db)
        stream = Stream(site)
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        site.visit("/live")
        site.page.get_by_role("button", name="Sign out").click()
        assert stream.line("event: ") == "event: bye"
        assert stream.line("event: ") == ""
        stream.close()
        assert server.request("GET", "/live/stream", Authorization=None).status == 401
        site.close()


def test_streams_are_bounded_and_end_with_their_clients(site: Dashboard) -> None:
    streams = [Stream(site) for _ in range(17)]
    statuses = [stream.response.status for stream in streams]
    assert statuses == [200] * 16 + [503]
    assert streams[-1].response.headers["Retry-After"] == "10"
    assert "Too many live pages" in streams[-1].response.read().decode()
    for stream in streams:
        stream.close()
    time.sleep(1)
    again = Stream(site)
    assert again.response.status == 200
    again.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_at_once_though_streams_are_open(
    browser: Browser, db: Path, number: signal.Signals
) -> None:
    with Serving(db) as server:
        site = Dashboard(browser, server, db)
        stream = Stream(site)
        page = site.visit("/live")
        expect(page.locator("#live-state")).to_have_text("Live")
        began = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - began < 2
        assert stream.line("event: ") == ""
        expect(page.locator("#live-state")).to_have_text("Not connected, trying again")
        stream.close()
        site.faults.clear()  # the browser's own words about a server that is gone
        site.close()
