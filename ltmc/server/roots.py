"""Where a client works: its first root.

It is asked for during a tool call and only if the client declared roots: some clients take a request that comes
before as a failed start. When the client says that its roots changed, the next call asks again.
"""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types import (
    ClientCapabilities,
    ListRootsRequest,
    ListRootsResult,
    NotificationParams,
    RootsCapability,
)
from pydantic import ValidationError

from ltmc.app.application import Application

ANSWER_SECONDS = 2.0
"""How long a client may take to name its roots."""

logger = logging.getLogger(__name__)


async def first_root(session: ServerSession) -> Path | None:
    """Return the first folder among a client's roots; None where it names none, in time."""
    if not session.check_client_capability(ClientCapabilities(roots=RootsCapability())):
        return None
    try:
        answer = await session.send_request(ListRootsRequest(), ListRootsResult, ANSWER_SECONDS)
    except (MCPError, ValidationError) as error:
        logger.warning("the client named no roots: %s", error)
        return None
    addresses = [urlsplit(str(root.uri)) for root in answer.roots]
    return next((Path(path_of(one.path)) for one in addresses if one.scheme == "file"), None)


def path_of(address: str) -> str:
    """Return the path that the path of a file's URI means here."""
    # Of a drive, which some clients write as c%3A, Windows knows the colon alone.
    return url2pathname(re.sub("%3a", ":", address, count=1, flags=re.IGNORECASE))


def follow(app: Application, add: Callable[..., None]) -> None:
    """Have the project looked up again when a client's roots changed.

    Args:
        add: adds the handler of a notification.
    """

    async def changed(_: Any, __: NotificationParams | None) -> None:
        from ltmc.app.own_project import OwnProject

        app.get(OwnProject).forget()

    add("notifications/roots/list_changed", NotificationParams, changed)
