"""A real server and a real Chromium on its dashboard."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from tests.client import run_cli
from tests.conftest import unavailable
from tests.http.serving import Serving

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 800}

WAIT_MS = 10_000
"""How long something on a page is waited for."""

CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        unavailable("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


class Dashboard:
    """The dashboard of a server, in a browser that was let in by a link.

    Attributes:
        server: the server; `server.call` calls its tools over MCP.
        page: the browser's page.
        faults: what the browser complained of since it was opened: scripts, refused by the policy, other hosts.
    """

    def __init__(self, browser: Browser, server: Serving, db: Path, **options: Any) -> None:
        self.server, self.db = server, db
        self.origin = f"http://127.0.0.1:{server.port}"
        self.context: BrowserContext = browser.new_context(**{"viewport": WIDE, **options})
        self.context.set_default_timeout(WAIT_MS)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("console", self._console)
        self.page.on("request", self._asked)
        self.enter()

    def _console(self, message: Any) -> None:
        # What a test provokes, such as a page that is not there, is told as an error of the network.
        if message.type == "error" and "status of" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.origin + "/", "data:", "blob:")):
            self.faults.append(f"asked another host: {request.url}")

    def link(self) -> str:
        """A new link from the command line."""
        found = run_cli("dashboard", "--link", "--db", str(self.db), "--port", str(self.server.port))
        assert found.returncode == 0, found
        return found.stdout.strip()

    def enter(self) -> None:
        """Come in by a link."""
        self.page.goto(self.link())
        self.page.wait_for_url(re.compile("/memories"))

    def visit(self, path: str, project: str = "default", **parameters: str) -> Page:
        """Open a page of a project."""
        given = "&".join(f"{name}={value}" for name, value in {"project": project, **parameters}.items())
        self.page.goto(f"{self.origin}{path}{'&' if '?' in path else '?'}{given}")
        return self.page

    def press(self, button: Locator) -> None:
        """Press a button or follow a link that leads to a page, and wait until that is there."""
        with self.page.expect_navigation():
            button.click()

    def told(self) -> str:
        """What the page says has been done."""
        return self.page.locator("#notices").inner_text()

    def accessibility(self) -> list[str]:
        """What axe-core finds on the page that is shown, of serious and critical impact."""
        if not AXE.is_file():
            unavailable("axe-core is not installed: npm ci --prefix tests/dashboard")
        # Scripts of the page itself are held to its policy; the checker comes from outside of it.
        session = self.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
        session.detach()
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:200]} {node.get('failureSummary', '')}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def close(self) -> None:
        """End; nothing may have been complained of."""
        self.context.close()
        assert self.faults == []
        assert [line for line in self.server.log if "Traceback" in line or " ERROR " in line] == []
