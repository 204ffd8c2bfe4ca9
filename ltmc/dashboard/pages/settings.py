"""Settings."""

from starlette.responses import Response

from ltmc.dashboard.page import Page, get


async def show(page: Page) -> Response:
    """Show the section."""
    return await page.show("soon.html", {"heading": "Settings"}, section="settings")


ROUTES = [get("/settings", show)]
