"""What holds for every page: it can be used by anybody, by keyboard, on narrow windows; stored text stays text."""

from urllib.parse import quote

import pytest

from tests.dashboard.browsing import NARROW, WIDE, Dashboard
from tests.dashboard.content import HOSTILE, PROJECT

PAGES = [
    "/memories",
    "/memories?q=script",
    "/memories?tag=second",
    "/memories/3",
    "/memories/2/history",
    "/memories/3/edit",
    "/memories/new",
    "/memories/conflicts",
    "/clean-up",
    "/clean-up?kind=memory",
    "/clean-up/suggestions",
    "/trash",
    "/chats",
    "/chats?q=script",
    "/chats/1",
    f"/chats/conversation?id={quote(HOSTILE)}",
    "/code",
    "/code?q=script",
    "/code/1",
    "/code/analysis",
    "/todos",
    "/graph",
    "/graph?q=script",
    f"/graph?node={quote(HOSTILE)}",
    "/plans",
    "/plans?parts=1",
    "/plans/team",
    "/plans/templates",
    "/plans/templates/bug_fix",
    "/live",
    "/live?range=all",
    "/live?of=project",
    "/settings",
]
"""Each page that can be opened by its address alone; each family of pages adds its own."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_serious_fault_for_those_who_see_or_move_less(
    hostile: Dashboard, path: str, theme: str
) -> None:
    hostile.page.emulate_media(color_scheme=theme)
    page = hostile.visit(path, PROJECT)
    assert page.locator("h1").count() == 1
    assert hostile.accessibility() == []


@pytest.mark.parametrize("path", PAGES)
def test_stored_text_stays_text(hostile: Dashboard, path: str) -> None:
    page = hostile.visit(path, PROJECT)
    page.wait_for_load_state("networkidle") if path != "/live" else page.wait_for_timeout(500)
    assert page.evaluate("window.broken ?? null") is None
    assert page.locator("script:not([src])").count() == 0


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_narrow_window(hostile: Dashboard, path: str) -> None:
    hostile.page.set_viewport_size(NARROW)
    page = hostile.visit(path, PROJECT)
    wide = page.evaluate("document.documentElement.scrollWidth")
    hostile.page.set_viewport_size(WIDE)
    assert wide <= NARROW["width"]


def test_the_first_stop_of_the_keyboard_skips_to_the_content(site: Dashboard) -> None:
    page = site.visit("/memories")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
