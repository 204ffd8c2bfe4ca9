"""``python -m tests.dashboard.screenshots`` writes the pictures of docs/dashboard/, each page in light and dark.

Look at each before you commit it.
"""

import base64
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.dashboard import example
from tests.dashboard.browsing import NARROW, Dashboard, chromium
from tests.http.serving import Serving

FOLDER = Path(__file__).parents[2] / "docs" / "dashboard"
SIZE = {"width": 1120, "height": 720}

PICTURES = {
    "memories": "/memories?q=when do we release",
    "memory": "/memories/4",
    "versions": "/memories/2/history",
    "contradictions": "/memories/conflicts",
    "clean-up": "/clean-up?tag=deploy",
    "chats": "/chats/conversation?id=tides-in-summer",
    "code": "/code",
    "todos": "/todos",
    "graph": "/graph?node=berth register",
    "plans": "/plans",
    "plan": "/plans/{planner}",
    "team": "/plans/team",
    "template": "/plans/templates/bug_fix",
    "live": "/live?of=project",
    "settings": "/settings",
}
"""Name and address; each family of pages adds its own."""


def picture(site: Dashboard) -> bytes:
    """What is shown, as WebP: a PNG is three times as large."""
    session = site.context.new_cdp_session(site.page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 80})
    return base64.b64decode(shot["data"])


def main(names: list[str]) -> None:
    """Write the pictures of these names, or all."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as home, chromium() as browser:
        os.environ["HOME"] = home
        db = Path(home) / "ltmc.db"
        with Serving(db) as server:
            ids = example.store(server)
            for theme in ("light", "dark"):
                for size, end in ((SIZE, ""), (NARROW, "-narrow")):
                    site = Dashboard(browser, server, db, viewport=size, color_scheme=theme)
                    for name, path in PICTURES.items():
                        if (names and name not in names) or (end and name != "memories"):
                            continue
                        site.visit(path.format(**ids), example.PROJECT)
                        site.page.wait_for_timeout(400)
                        if name == "graph":
                            site.page.wait_for_selector("#picture[data-state=done]")
                        (FOLDER / f"{name}{end}-{theme}.webp").write_bytes(picture(site))
                    site.close()


if __name__ == "__main__":
    main(sys.argv[1:])
