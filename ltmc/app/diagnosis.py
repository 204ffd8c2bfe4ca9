"""What is in force, what is stored, and whether all is well: for ``ltmc doctor`` and ``ltmc check``."""

import asyncio
import json
import platform
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltmc import __version__
from ltmc.app.application import Application
from ltmc.app.project_identity import branch_and_commit, project_of
from ltmc.distribution import unpacking as unpacked
from ltmc.distribution.form import form
from ltmc.errors import LtmcError
from ltmc.features.performance.service import MonitoringService
from ltmc.features.todos.service import TodoService
from ltmc.search import current, index, kernel, model_store
from ltmc.settings import Settings, config_file
from ltmc.storage import search_index as search
from ltmc.storage.sqlite import migrations
from ltmc.tools.plugins import plugins


async def examine(settings: Settings, origins: Mapping[str, str]) -> dict[str, Any]:
    """Return the report: settings with their origins, the database, unpacked versions of ltmc.pyz, health.

    Args:
        origins: for each setting where it came from.
    """
    app = Application(settings)
    path = settings.db
    database: dict[str, Any] = (
        {"engine": "postgresql", "address": database_of(settings)}
        if settings.postgres_url is not None
        else {"path": str(path), "sqlite": sqlite3.sqlite_version, "known schema": migrations.SCHEMA_VERSION}
    )
    report: dict[str, Any] = {"status": "healthy", "services": {}}
    try:
        if settings.has_database():
            try:
                database |= await _stored(app)
            except (LtmcError, sqlite3.Error) as error:  # also a table that is not there
                database["error"] = str(error)
            report = await health(app, thorough=True)
        else:
            database["error"] = "there is no database; what stores something makes it"
    finally:
        await app.close()
    return {
        "version": __version__,
        "form": form(),
        "python": platform.python_version(),
        "settings": in_force(settings, origins),
        "database": database,
        "this folder": _here(),
        "search": {
            "kernel": kernel.reason() or f"built; uses {kernel.available()[-1]}",
            "model": _model(None if settings.postgres_url is not None else path),
        },
        "unpacked": {str(entry.path): [entry.size, _state(entry)] for entry in unpacked.entries()},
        "plugins": {
            plugin.name: [plugin.package, plugin.error or ", ".join(tool.name for tool in plugin.tools)]
            for plugin in plugins()
        },
        "health": {
            "status": report["status"],
            **{
                name: result["status"]
                + (f": {result['error']}" if "error" in result else "")
                + (f", {result['not_embedded']} entries to be embedded" if "not_embedded" in result else "")
                + (f" (to repair it: {result['repair']})" if "repair" in result else "")
                for name, result in report["services"].items()
            },
        },
        "status": report["status"],
    }


def in_force(settings: Settings, origins: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return for each setting its value, without passwords, and where it came from; and the settings file."""
    values = settings._asdict() | {"db": database_of(settings)}
    del values["postgres_url"]  # which `db` gave
    return {
        **{name: [_shown(name, value), origins[name]] for name, value in values.items()},
        "settings file": [str(config_file()), "present" if config_file().exists() else "absent"],
    }


def database_of(settings: Settings) -> str:
    """Return where the database is, without a password."""
    if settings.postgres_url is None:
        return str(settings.db)
    from ltmc.storage.postgres.address import shown

    return shown(settings.postgres_url)


def _here() -> dict[str, str]:
    try:
        folder = Path.cwd()
    except OSError:
        return {}
    branch, commit = branch_and_commit(folder)
    return {"project": project_of(folder), "branch": branch or "none", "commit": commit or "none"}


def _model(database: Path | None) -> str:
    current.database = database
    model, file = index.model(), index.model_file(database) if database else model_store.SHIPPED_FILE
    if isinstance(model, index.WordsAlone):
        return model.reason
    return f"{file.stem if file else 'none'}, {model.dims} dims"


def _state(entry: unpacked.Unpacked) -> str:
    if entry.in_use:
        return "in use"
    return "not in use" if entry.whole else "left over"


async def _stored(app: Application) -> dict[str, Any]:
    async with app.engine.read() as tx:
        version = await migrations.schema_version(tx)
        counts = await search.storage_counts(tx)
    sizes = await app.engine.sizes()
    if app.engine.name != "sqlite":
        return {"server": await app.engine.version(), "schema": version, "bytes": sizes[0], **counts}
    return {"schema": version, "bytes": sizes[0], "wal bytes": sizes[1], **counts}


def _shown(name: str, value: Any) -> str | bool | None:
    if isinstance(value, tuple | dict):  # as it is given in the environment
        return json.dumps(value, default=str, ensure_ascii=False)
    if name == "redis_url" and value is not None:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"  # what follows may be a password too
    return value if isinstance(value, bool) or value is None else str(value)


async def probe(settings: Settings, name: str) -> dict[str, Any]:
    """Probe one part.

    Raises:
        LtmcError: NOT_FOUND for a part that there is not.
    """
    app = Application(settings)
    try:
        return dict(await app.get(MonitoringService).validate_service(name))
    finally:
        await app.close()


async def health(app: Application, *, thorough: bool = False) -> dict[str, Any]:
    """Return the health report: every probe, side by side; the thorough ones read everything that is stored."""
    return dict(await app.get(MonitoringService).health_check(thorough=thorough))


def open_scratch_database() -> None:
    """Make a database in a temporary folder and store a todo in it."""

    async def store(path: Path) -> None:
        app = Application(Settings(db=path, read_only=False))
        try:
            await app.get(TodoService).add("check", "", "low", None)
        finally:
            await app.close()

    with tempfile.TemporaryDirectory(prefix="ltmc-check-") as folder:
        asyncio.run(store(Path(folder) / "ltmc.db"))
