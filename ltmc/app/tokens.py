"""The tokens of users: made, revoked and looked up. Only their digests are stored."""

import asyncio
import difflib
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ltmc.app.application import Application
from ltmc.errors import ErrorCode, LtmcError, invalid, not_found, read_only, shorten
from ltmc.features.cache.service import CacheService
from ltmc.settings import PROJECT, Settings
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import tokens
from ltmc.storage.tables.tokens import Token
from ltmc.timestamps import format_utc, now
from ltmc.tools.caller import OWNER, ROLES, Caller, Role

__all__ = ["PREFIX", "Known", "Token", "TokenService", "is_project", "new_token", "requests_of_all"]

PREFIX = "ltmc_"
"""Lets a person or a scanner tell what a leaked token opens."""

RANDOM_BYTES = 32
MOST_DAYS = 36_500
MOST_PROJECTS = 50

KNOWN_SECONDS = 1.0
"""How long the tokens that were read last are believed: a revoked one is refused after that."""

APART_SECONDS = 0.1
"""How much time passes at least between two readings; who brings a token that is not known yet waits for the next."""

NOTE_SECONDS = 60.0
"""How often it is noted at most that a token was used, and said that a revoked one was shown."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

logger = logging.getLogger(__name__)


def new_token() -> str:
    """Return a token that nobody guesses."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def is_project(name: object) -> bool:
    """Tell whether something can be the id of a project."""
    return isinstance(name, str) and PROJECT.fullmatch(name) is not None


def _digest(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()


class Known:
    """What tells whose a token is.

    It reads all tokens together, and not before each request: strangers may send any number of wrong ones.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._tokens: dict[str, Token] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._failure: tuple[float, LtmcError] | None = None
        self._noted: dict[tuple[str, str], float] = {}

    async def whose(self, presented: bytes) -> Caller | None:
        """Return whose a token is; None where it is nobody's, was revoked or has expired.

        Raises:
            LtmcError: the tokens cannot be read.
        """
        if not presented.startswith(PREFIX.encode()) or not self._settings.has_database():
            return None
        asked, digest = time.monotonic(), _digest(presented)
        await self._read_since(asked - KNOWN_SECONDS)
        if digest not in self._tokens:  # it may be new
            await self._read_since(asked)
        token = self._tokens.get(digest)
        if token is None:
            return None
        if ended := _ended(token):
            if self._is_time_for("refused", token.name):
                logger.warning("the token %r is refused: it %s", token.name, ended)
            return None
        role = next((role for role in ROLES if role == token.role), None)
        if role is None:  # a newer LTMC made it
            logger.warning("the token %r is refused: its role %s is unknown", token.name, shorten(token.role))
            return None
        if self._is_time_for("used", token.name):
            self._note_use(token.name)
        return Caller(token.name, role, tuple(token.projects))

    async def _read_since(self, moment: float) -> None:
        """Have the tokens read after a moment, and not too soon after the last time."""
        asked = time.monotonic()
        async with self._reading:
            if self._read_at >= moment:  # another request did meanwhile
                return
            if (
                self._failure and self._failure[0] >= asked
            ):  # or tried in vain: who waits does not wait for each
                raise self._failure[1]
            await asyncio.sleep(max(0.0, self._read_at + APART_SECONDS - time.monotonic()))
            began = time.monotonic()
            try:
                async with self._engine.read() as tx:
                    found = await tokens.everyone(tx)
            except LtmcError as error:
                self._failure = time.monotonic(), LtmcError(error.code, error.message)
                raise
            self._tokens = {token.digest: token for token in found}
            self._read_at = began

    def _is_time_for(self, what: str, name: str) -> bool:
        due = self._noted.get((what, name), float("-inf")) + NOTE_SECONDS
        if time.monotonic() < due:
            return False
        self._noted[what, name] = time.monotonic()
        return True

    def _note_use(self, name: str) -> None:
        async def write(tx: Transaction) -> None:
            await tokens.note_use(tx, name, moment)

        moment = now()
        self._engine.log(write)


def requests_of_all(app: Application) -> Callable[[int, Mapping[str, int]], Awaitable[Mapping[str, int]]]:
    """Return what adds to the requests of callers in a minute, and tells those to all servers; see `CacheBackend`."""
    return app.get(CacheService).backend.count_requests


class TokenService:
    """Makes, lists and revokes tokens."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine

    async def add(
        self, name: str, role: Role, projects: Sequence[str], days: int | None
    ) -> tuple[str, Token]:
        """Make a token; return it, which nobody can find out again, and what is stored of it.

        Args:
            projects: those that it is held to; none: all.
            days: how long it counts; None: until it is revoked.

        Raises:
            LtmcError: INVALID_ARGUMENT; CONFLICT for a name that is taken, also by a revoked token.
        """
        if self._settings.read_only:
            raise read_only()
        if not _NAME.fullmatch(name) or name == OWNER.name:
            allowed = (
                f"1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit, and not {OWNER.name}"
            )
            raise invalid("name", name, allowed)
        if role not in ROLES:
            raise invalid("role", role, ", ".join(ROLES))
        for project in projects:
            if not is_project(project):
                raise invalid("projects", project, "1 to 100 letters, digits, _ or -")
        if len(projects) > MOST_PROJECTS:
            raise invalid("projects", f"{len(projects)} projects", f"at most {MOST_PROJECTS}")
        if role == "admin" and projects:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"projects: got {', '.join(projects)}; a token with the role admin reaches all projects: leave them "
                "out, or give it the role write.",
                field="projects",
            )
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise invalid("expires", days, f"a whole number of days, 1 to {MOST_DAYS}")
        secret = new_token()
        until = None if days is None else format_utc(datetime.now(UTC) + timedelta(days=days))
        token = Token(
            name, role, list(dict.fromkeys(projects)), _digest(secret.encode()), now(), until, None, None
        )
        async with self._engine.write() as tx:
            if taken := await tokens.get(tx, name):
                when = f"revoked {taken.revoked_at}" if taken.revoked_at else f"made {taken.created_at}"
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"name: there is a token {name!r} ({when}); choose another name, so that the log stays clear.",
                    field="name",
                )
            await tokens.insert(tx, token)
        return secret, token

    async def everyone(self) -> list[Token]:
        """Return every token, revoked ones too, by name."""
        async with self._engine.read() as tx:
            return await tokens.everyone(tx)

    async def revoke(self, name: str) -> Token:
        """Have a token count no more; that it was revoked before is no error.

        Raises:
            LtmcError: NOT_FOUND that names tokens of a like name.
        """
        if self._settings.read_only:
            raise read_only()
        async with self._engine.write() as tx:
            await tokens.revoke(tx, name, now())
            found = await tokens.get(tx, name)
            names = [] if found else [token.name for token in await tokens.everyone(tx)]
        if found is None:
            near = difflib.get_close_matches(name[:100], names, n=3, cutoff=0.5)
            hint = f"near: {', '.join(near)}" if near else "`ltmc token list` shows them"
            raise not_found("name", name, "token", hint)
        return found


def _ended(token: Token) -> str | None:
    """Return why a token counts no more, if so."""
    if token.revoked_at is not None:
        return f"was revoked at {token.revoked_at}"
    if token.expires_at is not None and token.expires_at <= now():
        return f"expired at {token.expires_at}"
    return None
