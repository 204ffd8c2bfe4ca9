"""Calling a tool: arguments in, an envelope out, and the call written to the log of use."""

import logging
import time
from typing import Any

from ltmc.app import redaction as secrets
from ltmc.app.application import Application
from ltmc.errors import ErrorCode, LtmcError
from ltmc.tools.binding import bind
from ltmc.tools.manifest import Tool
from ltmc.tools.project_scope import project_of

logger = logging.getLogger(__name__)


async def call(app: Application, tool: Tool, raw: dict[str, Any]) -> dict[str, Any]:
    """Check the arguments and run the tool; every failure becomes an error envelope."""
    started = time.perf_counter()
    try:
        binding = bind(tool.module, tool.name)
        arguments = binding.check(raw)
        warnings: list[str] = []
        if not tool.read_only and app.settings.secrets != "off":
            arguments, warnings = _guard(arguments, app.settings.secrets)
        result = {"success": True, **await binding.function(*map(app.get, binding.services), **arguments)}
        if warnings:
            result["warnings"] = warnings
    except LtmcError as error:
        result = secrets.masked_json(error.as_result())
    except Exception:  # the boundary: whatever went wrong, the caller gets an answer
        logger.exception("%s failed", tool.name)
        message = f"{tool.name} failed inside LTMC; its log on stderr says why."
        result = LtmcError(ErrorCode.INTERNAL, message).as_result()
    _record(app, tool, raw, result, (time.perf_counter() - started) * 1000)
    return result


def _guard(arguments: dict[str, Any], action: str) -> tuple[dict[str, Any], list[str]]:
    """Return what to store of arguments that hold secrets, and what to tell the caller.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the field, when the action is to refuse.
    """
    found = [
        (name, kind)
        for name, value in arguments.items()
        for _, text in secrets.strings_in(value, name)
        for kind in secrets.kinds_in(text)
    ]
    if not found:
        return arguments, []
    name, kind = found[0]
    if action == "refuse":
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            f"{name}: it seems to hold a secret ({kind}); allowed: text without secrets (setting secrets: refuse).",
            field=name,
            details={"kind": kind},
        )
    done = "masked" if action == "mask" else "stored as it is; delete it if it is real"
    warnings = [f"{name} seems to hold a secret ({kind}): {done}." for name, kind in dict.fromkeys(found)]
    if action == "mask":
        hit = {name for name, _ in found}
        arguments = {
            name: secrets.masked_json(value) if name in hit else value for name, value in arguments.items()
        }
    return arguments, warnings


def _record(
    app: Application, tool: Tool, raw: dict[str, Any], result: dict[str, Any], duration_ms: float
) -> None:
    def named(argument: str) -> str | None:
        value = raw.get(argument)
        return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else None

    from ltmc.features.performance.service import MonitoringService

    app.get(MonitoringService).record_call(
        tool.name,
        duration_ms,
        ok=result["success"],
        error_code=result.get("error_code"),
        project_id=project_of(named("project_id")),
        conversation_id=named("conversation_id"),
    )
