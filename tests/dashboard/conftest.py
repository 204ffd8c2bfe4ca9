"""Fixtures of the dashboard's tests: one server and one Chromium a module, and what is stored in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.dashboard import content
from tests.dashboard.browsing import Dashboard, chromium
from tests.http.serving import Serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Playwright keeps an event loop going in this thread: other modules could not run theirs."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of an empty server that the tests of a module share; each uses a project of its own."""
    db: Path = tmp_path_factory.mktemp("dashboard") / "ltmc.db"
    with Serving(db) as server:
        dashboard = Dashboard(browser, server, db)
        yield dashboard
        dashboard.close()


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of a server whose every stored field holds what would run as a script if it were not escaped."""
    db: Path = tmp_path_factory.mktemp("hostile") / "ltmc.db"
    with Serving(db) as server:
        content.store_hostile(server)
        dashboard = Dashboard(browser, server, db)
        yield dashboard
        dashboard.close()
