"""Who may look: one-time links, and the sessions that they or the token open.

A link holds a code that only who can read the token file can make: `ltmc dashboard` makes it without asking the server.
"""

import base64
import hashlib
import hmac
import secrets
import time
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltmc.errors import LtmcError
from ltmc.server import bearer_token

LINK_SECONDS = 300
"""How long a link may be used, once."""

SESSION_SECONDS = 12 * 3600
"""How long a session lasts."""

MOST_SESSIONS = 100
"""Of one server; the oldest ends for a new one."""

_NONCE_BYTES = 16
_TIME_BYTES = 8


def link_code(token: str) -> str:
    """Return a code for a link that works once, within `LINK_SECONDS`, at a server that runs now."""
    body = int(time.time() * 1000).to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_NONCE_BYTES)
    return base64.urlsafe_b64encode(body + _signature(token, body)).decode()


def _signature(token: str, body: bytes) -> bytes:
    return hmac.digest(token.encode(), b"ltmc dashboard link\0" + body, hashlib.sha256)


@dataclass(slots=True)
class Session:
    """A browser that was let in.

    Attributes:
        csrf: what each change has to bring along.
        ends: when it is over, in seconds of `time.time`.
        token: the digest of the token that it was opened with; another token ends it.
        notices: what the next page tells of the changes before it.
    """

    csrf: str
    ends: float
    token: bytes
    notices: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def none(cls) -> "Session":
        """Return what stands for the session of a browser that was not let in."""
        return cls("", 0, b"")

    @property
    def is_open(self) -> bool:
        """Whether the browser was let in."""
        return self.token != b""


class Sessions:
    """The sessions of one server; they end with it."""

    def __init__(self, token_path: Path) -> None:
        self._token_path = token_path
        self._check = bearer_token.TokenCheck(token_path)
        self._began_ms = int(time.time() * 1000)
        self._used: dict[bytes, float] = {}
        self._sessions: dict[bytes, Session] = {}

    def open_by_link(self, code: str) -> str | None:
        """Return the cookie of a new session, or None where the code is wrong, used or too old."""
        token = self._token()
        try:
            given = base64.b64decode(code.encode("ascii", "replace"), b"-_", validate=True)
        except (NotBase64, ValueError):
            return None
        body, signature = given[: _TIME_BYTES + _NONCE_BYTES], given[_TIME_BYTES + _NONCE_BYTES :]
        if token is None or not hmac.compare_digest(signature, _signature(token, body)):
            return None
        now = time.time()
        made_ms = int.from_bytes(body[:_TIME_BYTES], "big")
        self._used = {used: until for used, until in self._used.items() if until > now}
        too_old = made_ms < self._began_ms or made_ms / 1000 + LINK_SECONDS < now
        if (
            too_old or body in self._used
        ):  # which codes an earlier process let in is not known: all are too old
            return None
        self._used[body] = now + LINK_SECONDS
        return self._open(token)

    def open_by_token(self, presented: str) -> str | None:
        """Return the cookie of a new session, or None where this is not the token."""
        if not self._check.admits(presented.strip().encode()):
            return None
        token = self._token()
        return None if token is None else self._open(token)

    def find(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, if it lasts."""
        session = self._sessions.get(_digest(cookie)) if cookie else None
        if session is None or session.ends < time.time():
            return None
        token = self._token()
        if token is None or not hmac.compare_digest(session.token, _digest(token)):
            return None
        return session

    def end(self, cookie: str | None) -> None:
        """End the session of a cookie."""
        self._sessions.pop(_digest(cookie or ""), None)

    def _open(self, token: str) -> str:
        cookie = secrets.token_urlsafe(32)
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_digest(cookie)] = Session(
            secrets.token_urlsafe(32), time.time() + SESSION_SECONDS, _digest(token)
        )
        return cookie

    def _token(self) -> str | None:
        try:
            return bearer_token.read(self._token_path)  # each time: a new token ends what the old one opened
        except LtmcError:
            return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
