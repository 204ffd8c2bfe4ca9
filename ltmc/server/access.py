"""Who is let in over HTTP, and to what."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ltmc.app.tokens import NOTE_SECONDS, Known
from ltmc.errors import ErrorCode, LtmcError
from ltmc.server.bearer_token import ADMITTED, TokenCheck
from ltmc.server.rate_limit import RateLimit
from ltmc.server.refusals import refusal
from ltmc.tools.caller import OWNER, Caller, caller

logger = logging.getLogger(__name__)

OAUTH_PATHS = ("/.well-known/", "/register", "/authorize", "/token")
"""Where clients look for a server that gives out tokens. There is none: a 401 there has them register for ever."""

PATH = "/mcp"
"""Where MCP is: all that others than the owner and admins reach."""

Whose = Callable[[bytes], Awaitable[Caller | None]]
"""Tells whose a token is.

Raises:
    LtmcError: it cannot be told now.
"""


class ForNothingError(LtmcError):
    """A sound token lets its bearer into nothing here."""

    def __init__(self, why: str) -> None:
        super().__init__(ErrorCode.UNSUPPORTED, why)


class OAuth(Protocol):
    """An issuer of tokens elsewhere, whose tokens are taken too."""

    metadata_url: str
    """Where clients read who the issuer is (RFC 9728)."""

    routes: Sequence[BaseRoute]
    """What is served there, to anyone."""

    host: str
    """The name by which clients call this server."""

    async def whose(self, presented: bytes) -> Caller | None:
        """Tell whose a token is.

        Raises:
            ForNothingError: it lets its bearer into nothing.
            LtmcError: it cannot be told now.
        """


class Access:
    """Tells who presents a token: the owner, a user that the database knows, or one of an issuer elsewhere."""

    def __init__(self, check: TokenCheck, known: Known | None = None, oauth: OAuth | None = None) -> None:
        self._check, self.oauth = check, oauth
        self._others: list[Whose] = [one.whose for one in (known, oauth) if one is not None]

    async def whose(self, presented: bytes) -> Caller | None:
        """Tell whose a token is.

        Raises:
            ForNothingError: a sound token lets its bearer into nothing.
            LtmcError: the database or the issuer cannot be asked.
        """
        if self._check.admits(presented):
            return OWNER
        for whose in self._others:
            if (found := await whose(presented)) is not None:
                return found
        return None


class TokenGate:
    """Lets in who brings a token: others get 401, 404 where OAuth is looked for, and 429 if they come too often.

    Args:
        is_open: tells of a path whether it needs no token.
    """

    def __init__(
        self, app: ASGIApp, access: Access, is_open: Callable[[str], bool], limit: RateLimit | None = None
    ) -> None:
        self._app, self._access, self._is_open, self._limit = app, access, is_open, limit
        self._silent_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse."""
        if scope["type"] != "http" or self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = [value for name, value in scope["headers"] if name == b"authorization"]
        kind, _, presented = headers[0].partition(b" ") if len(headers) == 1 else (b"", b"", b"")
        bearer = kind.lower() == b"bearer"
        try:
            who = await self._access.whose(presented.strip()) if bearer else None
        except ForNothingError as error:
            challenge = self._challenge('error="insufficient_scope"')  # RFC 6750, section 3.1
            await refusal(403, error.message, challenge)(scope, receive, send)
            return
        except LtmcError as error:
            self._log(error)  # strangers are not told
            why = "whose the token is cannot be told now; the log of the server says why"
            await refusal(503, why, {"Retry-After": "1"})(scope, receive, send)
            return
        if who is None:
            await self._refuse(scope, receive, send, bearer=bearer)
            return
        scope.setdefault("state", {})[ADMITTED] = True
        if who.role != "admin" and scope["path"] != PATH:
            why = f"only {PATH} is for the role {who.role}; the rest needs the role admin"
            await refusal(403, why)(scope, receive, send)
            return
        if self._limit is not None and (seconds := await self._limit.seconds_to_wait(who.name or "")):
            why = f"the token {who.name!r} may send no more requests for {seconds} s"
            await refusal(429, why, {"Retry-After": str(seconds)})(scope, receive, send)
            return
        token = caller.set(who)
        try:
            await self._app(scope, receive, send)
        finally:
            caller.reset(token)

    def _log(self, error: LtmcError) -> None:
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + NOTE_SECONDS
            logger.warning("whose a token is cannot be told: %s", error)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, *, bearer: bool) -> None:
        oauth = self._access.oauth
        if scope["path"].startswith(OAUTH_PATHS):
            why = "LTMC gives out no tokens; " + (
                f"{oauth.metadata_url} says who does" if oauth else "it takes those of `ltmc token`"
            )
            await refusal(404, why)(scope, receive, send)
            return
        challenge = self._challenge(*['error="invalid_token"'] * bearer)
        await refusal(401, "the token is missing or wrong", challenge)(scope, receive, send)

    def _challenge(self, *said: str) -> dict[str, str]:
        """Return the header that tells a client what it lacks (RFC 6750, section 3; RFC 9728, section 5.1)."""
        oauth = self._access.oauth
        where = [] if oauth is None else [f'resource_metadata="{oauth.metadata_url}"']
        return {"WWW-Authenticate": f"Bearer {', '.join([*said, *where])}".strip()}
