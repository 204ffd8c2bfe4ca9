"""Calling a tool: arguments in, an envelope out, and the call written to the log of use."""

import logging
import time
from typing import Any

from ltmc.errors import ErrorCode, LtmcError
from ltmc.manifest import Tool
from ltmc.services import Services, project_of
from ltmc.tools.binding import bind

logger = logging.getLogger(__name__)


async def call(services: Services, tool: Tool, raw: dict[str, Any]) -> dict[str, Any]:
    """Check the arguments and run the tool; every failure becomes an error envelope."""
    started = time.perf_counter()
    try:
        binding = bind(tool)
        result = {"success": True, **await binding.function(services, **binding.check(raw))}
    except LtmcError as error:
        result = error.as_result()
    except Exception:  # the boundary: whatever went wrong, the caller gets an answer
        logger.exception("%s failed", tool.name)
        message = f"{tool.name} failed inside LTMC; its log on stderr says why."
        result = LtmcError(ErrorCode.INTERNAL, message).as_result()
    _record(services, tool, raw, result, (time.perf_counter() - started) * 1000)
    return result


def _record(
    services: Services, tool: Tool, raw: dict[str, Any], result: dict[str, Any], duration_ms: float
) -> None:
    def named(argument: str) -> str | None:
        value = raw.get(argument)
        return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else None

    services.monitoring.record_call(
        tool.name,
        duration_ms,
        ok=result["success"],
        error_code=result.get("error_code"),
        project_id=project_of(named("project_id")),
        conversation_id=named("conversation_id"),
    )
