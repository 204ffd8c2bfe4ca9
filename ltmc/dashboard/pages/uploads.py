"""The import of a file: it is sent, looked at without storing anything, and then imported or thrown away."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from ltmc.app.redaction import masked
from ltmc.dashboard.jobs import Jobs, Progress
from ltmc.dashboard.page import Page, post
from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.settings import Settings
from ltmc.tools.arguments import PROJECT_ID, PROJECT_WORDS

MAX_UPLOAD_BYTES = 250_000_000
"""Of a file that is imported here; `ltmc import` takes larger ones."""

LONGEST_NAME = 100

FOLDER = "imported"
"""Notes are named after the folder that they are in: it is always the same, so that the same note is one again."""

_PLACE = re.compile(r"[/\\]")


class Uploads:
    """The file that was sent last, in a folder that nobody else can read, until it is imported or thrown away."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self.file: Path | None = None
        self.project: str | None = None

    def put(self, name: str, read: Any) -> Path:
        """Keep a file under its own name, which formats go by, in the place of the one before.

        Args:
            name: as the browser tells it.
            read: the file, open.
        """
        self.drop()
        self._folder = Path(tempfile.mkdtemp(prefix="ltmc-import-"))
        own = "".join(char for char in _PLACE.split(name)[-1] if char.isprintable()).strip(". ")
        stem, dot, ending = own.rpartition(".")
        path = self._folder / FOLDER / (f"{stem[:LONGEST_NAME]}{dot}{ending[:LONGEST_NAME]}" or "file")
        path.parent.mkdir()
        with path.open("xb") as file:
            shutil.copyfileobj(read, file, 1024 * 1024)
        self.file = path
        return path

    def drop(self) -> None:
        """Throw the file away."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self.file = self.project = None

    async def close(self) -> None:
        """Throw the file away: the server ends."""
        self.drop()


async def preview(page: Page) -> Response:
    """Take a file and look what would come in."""
    jobs, uploads = page.app.get(Jobs), page.app.get(Uploads)
    jobs.require_free()
    sent, project = page.form.get("file"), page.text("into") or None
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise invalid("file", None, "a file to import")
    if project is not None and not PROJECT_ID.fullmatch(project):
        raise invalid("into", project, PROJECT_WORDS)
    await asyncio.to_thread(uploads.put, sent.filename, sent.file)
    uploads.project = project
    jobs.start(
        "preview",
        _importing(page.app.settings, uploads, dry_run=True),
        str(uploads.file and uploads.file.name),
    )
    return page.go("/settings")


async def store(page: Page) -> Response:
    """Import the file that was looked at."""
    jobs, uploads = page.app.get(Jobs), page.app.get(Uploads)
    jobs.require_free()
    if uploads.file is None:
        raise LtmcError(ErrorCode.CONFLICT, "There is no file to import: choose it again.")
    jobs.start("import", _importing(page.app.settings, uploads, dry_run=False), uploads.file.name)
    return page.go("/settings")


async def discard(page: Page) -> Response:
    """Throw the file away that was looked at."""
    page.app.get(Jobs).clear()
    page.app.get(Uploads).drop()
    return page.go("/settings")


def _importing(
    settings: Settings, uploads: Uploads, *, dry_run: bool
) -> Callable[[Progress], Awaitable[dict[str, Any]]]:
    """Return the work, as `ltmc import` does it; its report tells what came or would come in."""
    from ltmc.importing import registry, service

    path, project = uploads.file, uploads.project

    async def work(progress: Progress) -> dict[str, Any]:
        found, _ = await asyncio.to_thread(registry.sources, [(path, True)] if path else [])
        report = await service.run(settings, found, project=project, dry_run=dry_run, progress=progress)
        if not dry_run:
            uploads.drop()
        return {
            "new": dict(report.new),
            "skipped": report.skipped.most_common(),
            "projects": report.projects,
            "pending": report.pending,
            "formats": [one.format for one in report.sources if one.format],
            "errors": [masked(one.error) for one in report.sources if one.error],
        }

    return work


ROUTES = [
    post("/settings/preview", preview, most_bytes=MAX_UPLOAD_BYTES),
    post("/settings/import", store),
    post("/settings/discard", discard),
]
