"""LTMC as a resource server of OAuth 2.1: tokens that an issuer elsewhere gave out, as JWTs, are taken too.

Imported only where an issuer is configured. FastMCP checks of a token its signature, issuer, audience and expiry.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
from fastmcp.server.auth import AccessToken, RemoteAuthProvider, TokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from pydantic import AnyHttpUrl
from starlette.routing import BaseRoute

from ltmc.app.tokens import MOST_PROJECTS, is_project
from ltmc.errors import ErrorCode, LtmcError
from ltmc.server.access import PATH, ForNothingError
from ltmc.settings import Settings
from ltmc.tools.caller import ROLES, Caller

SCOPE, PROJECT_SCOPE, PROJECTS_CLAIM = "ltmc:", "ltmc:project:", "ltmc_projects"

LONGEST_TOKEN, LONGEST_NAME = 16_384, 100

AGAIN_SECONDS, KEYS_SECONDS = 2.0, 30.0
"""How long an issuer that failed to answer, and one whose keys do not have that of a token, is not asked again."""

ANSWER_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Issuer:
    """An issuer of tokens, and what clients read about it.

    Attributes:
        metadata_url: where clients read who the issuer is (RFC 9728).
        routes: what is served there.
        host: the name by which clients call this server.

    Raises:
        LtmcError: INVALID_ARGUMENT for settings that do not fit together.
    """

    def __init__(self, settings: Settings) -> None:
        issuer, resource = settings.oauth_issuer or "", settings.oauth_resource or ""
        if not resource.endswith(PATH):
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"Setting oauth_resource got {resource!r}: with oauth_issuer it must be the address that clients have "
                f"for this server, such as https://memory.example.org{PATH}.",
                field="oauth_resource",
            )
        self.host = urlsplit(resource).hostname or ""
        self.metadata_url = str(build_resource_metadata_url(AnyHttpUrl(resource)))
        self._verifier = _Verifier(settings)
        provider = RemoteAuthProvider(
            self._verifier,
            [AnyHttpUrl(issuer)],
            resource.removesuffix(PATH),
            scopes_supported=[SCOPE + role for role in ROLES],
            resource_name="LTMC",
        )
        self.routes: Sequence[BaseRoute] = provider.get_routes(PATH)

    async def whose(self, presented: bytes) -> Caller | None:
        """Tell whose a token is; None where it is none of the issuer's, or counts no more.

        Raises:
            ForNothingError: it lets its bearer into nothing.
            LtmcError: BACKEND_UNAVAILABLE if the issuer cannot be asked.
        """
        if presented.count(b".") != 2 or len(presented) > LONGEST_TOKEN or not presented.isascii():
            return None
        found = await self._verifier.verify_token(presented.decode())
        if found is None or not _counts_now(found):
            return None
        return _caller(found)


class _Verifier(TokenVerifier):
    """FastMCP's, once the issuer has said where its keys are."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._found: JWTVerifier | None = None
        self._looking = asyncio.Lock()
        self._again_at = 0.0

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what a token says, if it is sound."""
        if self._found is None:
            async with self._looking:
                self._found = self._found or await self._look()
        return await self._found.verify_token(token)

    async def _look(self) -> JWTVerifier:
        settings = self._settings
        keys = settings.oauth_jwks_url
        if keys is None:
            if time.monotonic() < self._again_at:
                raise _unreachable(settings.oauth_issuer, "it did not say where its keys are")
            try:
                keys = await _keys_of(settings.oauth_issuer or "")
            finally:
                self._again_at = time.monotonic() + AGAIN_SECONDS
        return _KeysVerifier(
            jwks_uri=keys,
            issuer=settings.oauth_issuer,
            audience=settings.oauth_audience or settings.oauth_resource,
            algorithm=settings.oauth_algorithm,
            jwks_refresh_interval=0,  # `_fetch_jwks` itself says when
        )


class _KeysVerifier(JWTVerifier):
    """FastMCP's, but keys that cannot be read are no fault of the token."""

    _read: dict[str, Any] | None = None
    _why = ""
    _again_at = 0.0

    async def _fetch_jwks(self) -> dict[str, Any]:
        """Return the keys of the issuer, those just read if it was just asked; one call at a time.

        Raises:
            LtmcError: BACKEND_UNAVAILABLE.
        """
        if time.monotonic() >= self._again_at:
            self._read, wait = None, AGAIN_SECONDS
            try:
                found = await super()._fetch_jwks()
                if isinstance(found, dict) and isinstance(found.get("keys"), list):
                    self._read, wait = found, KEYS_SECONDS
                self._why = "there are no keys"
            except (httpx2.HTTPError, ValueError) as error:
                self._why = str(error) or type(error).__name__
            self._again_at = time.monotonic() + wait
        if self._read is None:
            raise _unreachable(str(self.issuer), f"{self.jwks_uri}: {self._why}")
        return self._read


async def _keys_of(issuer: str) -> str:
    """Return where the keys of an issuer are, as it says itself (OpenID Connect Discovery, RFC 8414).

    Raises:
        LtmcError: BACKEND_UNAVAILABLE.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    places = (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )
    why = ""
    async with httpx2.AsyncClient(timeout=ANSWER_SECONDS) as client:
        for place in places:
            try:
                answer = await client.get(place)
                answer.raise_for_status()
                said = answer.json()
                if said["issuer"] == issuer:
                    return str(said["jwks_uri"])
                why = f"{place} is of the issuer {said['issuer']!r}"
            except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
                why = why or f"{place}: {error}"
    raise _unreachable(issuer, why)


def _unreachable(issuer: str | None, why: str) -> LtmcError:
    return LtmcError(ErrorCode.BACKEND_UNAVAILABLE, f"The issuer of tokens {issuer} cannot be asked: {why}.")


def _counts_now(token: AccessToken) -> bool:
    """Tell whether a token ends, and has begun."""
    begins = token.claims.get("nbf", 0)
    begun = isinstance(begins, int | float) and begins <= time.time()
    if token.expires_at is None:
        logger.warning("a token of %r is refused: it never expires", _name_of(token))
    return token.expires_at is not None and begun


def _caller(token: AccessToken) -> Caller:
    """Return who a token is of.

    Raises:
        ForNothingError: it lets its bearer into nothing.
    """
    scopes = {scope for scope in token.scopes if isinstance(scope, str)}
    name = _name_of(token)
    role = next((role for role in reversed(ROLES) if SCOPE + role in scopes), None)
    if role is None:
        needed = ", ".join(SCOPE + role for role in ROLES)
        raise ForNothingError(f"the token of {name!r} has none of the scopes {needed}")
    named = _projects(scopes, token.claims)
    if named is None:
        return Caller(name, role)
    projects = tuple(dict.fromkeys(one for one in named if is_project(one)))
    if not projects:
        raise ForNothingError(f"the token of {name!r} lets into no project")
    if len(projects) > MOST_PROJECTS:
        raise ForNothingError(
            f"the token of {name!r} names {len(projects)} projects; at most {MOST_PROJECTS} are allowed"
        )
    return Caller(name, "write" if role == "admin" else role, projects)


def _projects(scopes: set[str], claims: Mapping[str, Any]) -> Iterable[Any] | None:
    """Return the projects that a token names; None if it says nothing of projects."""
    scoped = sorted(scope.removeprefix(PROJECT_SCOPE) for scope in scopes if scope.startswith(PROJECT_SCOPE))
    if PROJECTS_CLAIM not in claims:
        return scoped or None
    claimed = claims[PROJECTS_CLAIM]
    if isinstance(claimed, str):
        claimed = claimed.split()
    return [*claimed, *scoped] if isinstance(claimed, list) else scoped


def _name_of(token: AccessToken) -> str:
    """Return the name of who a token is of, which is no name of `ltmc token`."""
    named = token.claims.get("sub") or token.client_id
    return "oauth:" + "".join(one for one in str(named)[:LONGEST_NAME] if one.isprintable())
