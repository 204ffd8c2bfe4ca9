"""Calling a tool: arguments in, an envelope out, and the call written to the log of use."""

import asyncio
import logging
import time
from typing import Any

from ltmc.app.application import Application
from ltmc.app.own_project import Folder, OwnProject
from ltmc.app.redaction import found_in, kinds_by_secret, masked_json, masked_with
from ltmc.errors import ErrorCode, LtmcError, read_only, shorten
from ltmc.search.notes import noted
from ltmc.storage.guarded import looked_at
from ltmc.tools.binding import bind
from ltmc.tools.caller import caller, require_allowed, require_own
from ltmc.tools.leniency import meant
from ltmc.tools.manifest import Prompt, Resource, Tool
from ltmc.tools.project_scope import project_of
from ltmc.tools.selection import LEAN

MOST_NAMED, LONGEST_NAME = 5, 40
"""Of the arguments that a tool does not know, how many are named, and how much of a name is shown."""

logger = logging.getLogger(__name__)


async def call(
    app: Application, tool: Tool, raw: dict[str, Any], ask: Folder | None = None, *, counted: bool = True
) -> dict[str, Any]:
    """Check the arguments and run the tool; every failure becomes an error envelope.

    Args:
        ask: asks the client for the folder that it works in.
        counted: the call goes to the log of use.
    """
    started = time.perf_counter()
    try:
        await app.get(OwnProject).enter(ask, writes=not tool.read_only)
        if app.settings.read_only and not tool.read_only:
            raise read_only()
        require_allowed(tool)
        binding = bind(tool.module, tool.name)
        given, ignored = meant(raw, tool)
        ignored = [shorten(name, LONGEST_NAME) for name in ignored[:MOST_NAMED]]
        arguments = binding.check(given, empty_is_unused=not tool.destructive, ignored=ignored)
        require_own(arguments.get("project_id"))
        if tool.category == LEAN and (name := arguments["name"]):
            from ltmc.features.lean.toolbox import Toolbox

            return await call(app, app.get(Toolbox).named(name), arguments["arguments"] or {}, ask)
        warnings: list[str] = []
        notes: set[str] = set()
        noted.set(notes)
        with app.guard.call() as of_files:
            found = await looked_at(app.guard.find, arguments)
            if found and not tool.read_only:
                arguments, warnings = await asyncio.to_thread(app.guard.arguments, arguments, found)
            result = {"success": True, **await binding.function(*map(app.get, binding.services), **arguments)}
            if not tool.read_only and arguments.get("project_id") is None:
                app.get(OwnProject).note()
        if not app.settings.read_only and (notes or app.made(_UPKEEP) is None):
            _catch_up(app)
        if ignored:
            result["ignored"] = masked_json(ignored)
        if warnings := [*warnings, *of_files, *sorted(notes)]:
            result["warnings"] = warnings
    except LtmcError as error:
        result = await asyncio.to_thread(_masked_error, error, raw)
    except Exception:  # the boundary: whatever went wrong, the caller gets an answer
        logger.exception("%s failed", tool.name)
        message = f"{tool.name} failed inside LTMC; its log on stderr says why."
        result = LtmcError(ErrorCode.INTERNAL, message).as_result()
    if counted:
        _record(app, tool, raw, result, (time.perf_counter() - started) * 1000)
    return result


async def produce(
    app: Application, entry: Prompt | Resource, name: str, raw: dict[str, Any], ask: Folder | None = None
) -> Any:
    """Check the arguments and run a function of a prompt's or resource's module.

    Raises:
        LtmcError: whatever went wrong, without secrets.
    """
    try:
        await app.get(OwnProject).enter(ask)
        binding = bind(entry.module, name)
        arguments = binding.check(raw)
        require_own(arguments.get("project_id"))
        return await binding.function(*map(app.get, binding.services), **arguments)
    except LtmcError as error:
        shown = await asyncio.to_thread(_masked_error, error, raw)
        raise LtmcError(error.code, shown["error"], field=shown.get("field")) from None
    except Exception:
        logger.exception("%s failed", name)
        message = f"{name} failed inside LTMC; its log on stderr says why."
        raise LtmcError(ErrorCode.INTERNAL, message) from None


def _masked_error(error: LtmcError, raw: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope of an error, which may show an argument in part."""
    envelope: dict[str, Any] = masked_with(error.as_result(), kinds_by_secret(found_in(raw, "")))
    return envelope


_UPKEEP = "ltmc.search.reindexing.IndexUpkeep"


def _catch_up(app: Application) -> None:
    """Have the index brought in step in the background: after the first call, and when an answer says it is behind.

    After the first call the trash is emptied of what is old, too.
    """
    from ltmc.features.memory.trash_upkeep import TrashUpkeep
    from ltmc.search.reindexing import IndexUpkeep

    app.get(IndexUpkeep).start()
    app.get(TrashUpkeep).start()


def _record(
    app: Application, tool: Tool, raw: dict[str, Any], result: dict[str, Any], duration_ms: float
) -> None:
    def named(argument: str) -> str | None:
        value = raw.get(argument)
        return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else None

    from ltmc.features.performance.service import MonitoringService

    who, project = caller.get(), named("project_id")
    if who.projects and project not in who.projects:
        project = None
    app.get(MonitoringService).record_call(
        tool.name,
        duration_ms,
        ok=result["success"],
        error_code=result.get("error_code"),
        project_id=project_of(project),
        conversation_id=named("conversation_id"),
        caller=who.name,
    )
