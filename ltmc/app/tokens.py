"""The tokens of users: made, revoked and looked up. Only their digests are stored."""

import asyncio
import difflib
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
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

KNOWN_SECONDS, MOST_KNOWN = 1.0, 10_000
"""How long a token that was looked up is believed, since a revoked one is refused after that; and how many are kept."""

APART_SECONDS = 0.1
"""How much time passes at least between two queries for what is no known token; who brings that waits for the next."""

TELL_SECONDS = 10.0
"""How long a query for tokens may take."""

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

    Tokens are looked up one query at a time, those of all requests that wait together. Strangers, who may bring any
    number of wrong ones, wait a little for that, unless a known one is looked up anyway.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._known: dict[str, tuple[Token, float]] = {}  # by digest, with the time; the oldest first
        self._wanted: dict[str, asyncio.Future[Token | None]] = {}
        self._known_wanted = asyncio.Event()
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._noted: dict[tuple[str, str], float] = {}

    async def whose(self, presented: bytes) -> Caller | None:
        """Return whose a token is; None where it is nobody's, was revoked or has expired.

        Raises:
            LtmcError: the tokens cannot be read.
        """
        if not presented.startswith(PREFIX.encode()) or not self._settings.has_database():
            return None
        token = await self._token(_digest(presented))
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

    async def _token(self, digest: str) -> Token | None:
        token, looked_at = self._known.get(digest, (None, float("-inf")))
        if looked_at >= time.monotonic() - KNOWN_SECONDS:
            return token
        if digest not in self._wanted:
            self._wanted[digest] = asyncio.get_running_loop().create_future()
        if token is not None:
            self._known_wanted.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_up(), context=Context())
        return await asyncio.shield(self._wanted[digest])

    async def _look_up(self) -> None:
        """Look up what is wanted, until nothing is; where that fails it does for all who wait."""
        while self._wanted:
            if not any(digest in self._known for digest in self._wanted):
                self._known_wanted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._looked_at + APART_SECONDS - time.monotonic()):
                        await self._known_wanted.wait()
            wanted, self._wanted = self._wanted, {}
            self._looked_at = time.monotonic()
            query = asyncio.ensure_future(self._of_digests([*wanted]))
            # Not by cancelling and waiting: that takes its time where the database is silent.
            await asyncio.wait([query], timeout=TELL_SECONDS)
            try:
                if not query.done():
                    query.cancel()
                    raise LtmcError(
                        ErrorCode.BACKEND_UNAVAILABLE,
                        f"The tokens could not be read within {TELL_SECONDS:g} s.",
                    )
                found = query.result()
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get it
                for waiting in (*wanted.values(), *self._wanted.values()):
                    waiting.set_exception(error)
                    waiting.exception()  # seen: who waited may be gone
                self._wanted = {}
                return
            for digest, waiting in wanted.items():
                token = found.get(digest)
                self._known.pop(digest, None)
                if token is not None:
                    self._known[digest] = token, self._looked_at
                waiting.set_result(token)
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]

    async def _of_digests(self, digests: Sequence[str]) -> dict[str, Token]:
        async with self._engine.read() as tx:
            return {token.digest: token for token in await tokens.of_digests(tx, digests)}

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
