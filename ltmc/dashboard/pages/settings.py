"""Settings in force, what the doctor finds, backups and the search index."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.responses import Response

from ltmc.agents import report as agents
from ltmc.app.diagnosis import examine, health, in_force
from ltmc.app.hooks import last_failure
from ltmc.app.maintenance import backup, reindex
from ltmc.dashboard.jobs import Jobs, Progress
from ltmc.dashboard.page import Page, get, post
from ltmc.dashboard.pages.uploads import MAX_UPLOAD_BYTES
from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.settings import Settings
from ltmc.timestamps import format_utc

BACKUPS = "backups"
"""The folder beside the database that backups go to: a page of a browser chooses no other place."""

MOST_BACKUPS = 20
"""How many are listed, the newest."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


async def show(page: Page) -> Response:
    """Show the settings, and what can be done."""
    settings = page.app.settings
    folder = settings.db.parent / BACKUPS
    context = {
        **_job(page),
        "settings": in_force(settings, page.app.origins),
        "health": await health(page.app),
        "folder": str(folder),
        "backups": await asyncio.to_thread(_backups, folder),
        "name": f"ltmc-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.db",
        "most_bytes": MAX_UPLOAD_BYTES,
    }
    return await page.show("settings.html", context, section="settings")


def _backups(folder: Path) -> list[dict[str, Any]]:
    """Return the newest files of the folder."""
    files = [path for path in folder.glob("*") if _NAME.fullmatch(path.name) and path.is_file()]
    states = sorted(((path.stat(), path.name) for path in files), key=lambda one: -one[0].st_mtime)
    return [
        {
            "name": name,
            "bytes": state.st_size,
            "made": format_utc(datetime.fromtimestamp(state.st_mtime, UTC)),
        }
        for state, name in states[:MOST_BACKUPS]
    ]


def _job(page: Page) -> dict[str, Any]:
    return {"job": page.app.get(Jobs).last}


async def job(page: Page) -> Response:
    """Return how far the work in the background is."""
    return page.part("job.html", _job(page))


async def make_backup(page: Page) -> Response:
    """Copy the database into the folder of backups."""
    settings, name = page.app.settings, page.text("name")
    if not _NAME.fullmatch(name):
        raise invalid("name", name, "1 to 100 letters, digits, ., _ or -, the first a letter or digit")
    file = settings.db.parent / BACKUPS / name
    if file.exists():
        raise LtmcError(
            ErrorCode.CONFLICT, f"name: {file} is there already; choose another name.", field="name"
        )

    async def work(progress: Progress) -> object:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        return await asyncio.to_thread(backup, settings, file, overwrite=False, progress=progress)

    page.app.get(Jobs).start("backup", work, name)
    return page.go("/settings")


async def make_index(page: Page) -> Response:
    """Bring the search index in step with what is stored."""
    settings, everything = page.app.settings, bool(page.text("everything"))

    async def work(progress: Progress) -> object:
        return await reindex(settings, everything=everything, progress=progress)

    page.app.get(Jobs).start("reindex", work)
    return page.go("/settings")


async def call_doctor(page: Page) -> Response:
    """Look at everything, as `ltmc doctor` does."""
    settings, origins = page.app.settings, page.app.origins

    async def work(_: Progress) -> object:
        return await examine(settings, origins) | await asyncio.to_thread(_of_agents, settings)

    page.app.get(Jobs).start("doctor", work)
    return page.go("/settings")


def _of_agents(settings: Settings) -> dict[str, Any]:
    failure = last_failure(settings.db)
    return {"agents": agents.report(), "hooks": {"last failure": failure} if failure else {}}


ROUTES = [
    get("/settings", show),
    get("/settings/job", job),
    post("/settings/backup", make_backup, again=show),
    post("/settings/reindex", make_index, again=show),
    post("/settings/doctor", call_doctor, writes=False, again=show),
]
