"""The HTTP transport: MCP's Streamable HTTP behind a bearer token, with limits, health and metrics.

Requests pass, in this order, the check of Host and Origin, the answer to preflights, the token, the
limits, and reach the server of the role that the token has.
There are no sessions: each request stands alone, in both protocol eras, so nothing is kept between them,
and a restart goes unnoticed by clients.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.http import HostOriginGuardMiddleware, RequestContextMiddleware
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ltmc import __version__
from ltmc.app.application import Application
from ltmc.app.tokens import Known, requests_of_all
from ltmc.app.usage import process_use
from ltmc.errors import ErrorCode, LtmcError
from ltmc.server import bearer_token, metrics, stdio
from ltmc.server.access import PATH, Access, OAuth, TokenGate
from ltmc.server.health import HealthReports
from ltmc.server.limits import AnswerEveryRequest, BoundedProtocol, CallLimits
from ltmc.server.listening import is_of_this_machine, listen
from ltmc.server.mcp_server import build
from ltmc.server.rate_limit import RateLimit
from ltmc.server.refusals import MaskedErrors
from ltmc.settings import Settings
from ltmc.tools.caller import ROLES, Role, caller

HEALTH_PATH = "/health"
METHODS = ["GET", "POST", "DELETE"]
MAX_BODY_BYTES = stdio.MAX_LINE_BYTES

MIN_CONNECTIONS = 512
"""How many connections may be open; the usual limit of a process is 1,024 files."""

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than clients keep theirs, or they send into a closing one."""

GRACE_SECONDS = 10
"""How long calls in flight may go on after SIGTERM."""

PUBLIC_MEANS = (
    "other machines can reach it; the token is all that keeps them from every memory; and because this is "
    "plain HTTP, whoever sees the traffic reads the token and the memories. Put a proxy with TLS before it."
)


class Pages(Protocol):
    """Pages for browsers, which see to it themselves who may read them."""

    def claims(self, path: str) -> bool:
        """Whether a path is theirs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

    def end(self) -> None:
        """End the answers that would go on for as long as the client listens: the server ends."""


MakePages = Callable[[Application, Path], Pages]
"""Makes the pages of a running LTMC and its token file."""


class HttpServer:
    """LTMC on a socket, bound but not serving yet.

    Attributes:
        origin: where it is, without a path.
        notices: what whoever starts it should read.

    Raises:
        LtmcError: INVALID_ARGUMENT for an address that others reach without `http_public`;
            BACKEND_UNAVAILABLE if the address or the token file cannot be used.
    """

    def __init__(self, settings: Settings, origins: Mapping[str, str], make_pages: MakePages) -> None:
        self._settings = settings
        public = not is_of_this_machine(settings.http_host)
        if public and not settings.http_public:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"host: {settings.http_host} can be reached from other machines. With --public {PUBLIC_MEANS}",
                field="host",
            )
        self._issuer: OAuth | None = None
        if settings.oauth_issuer is not None:
            from ltmc.server.oauth import Issuer

            self._issuer = Issuer(settings)
        self._app = Application(settings, origins)
        self._token_path = bearer_token.path_of(settings.db)
        self._socket = listen(settings.http_host, settings.http_port)
        token = None
        if settings.read_only:
            bearer_token.read(self._token_path)
        else:
            token = bearer_token.ensure(self._token_path)
        address, port = self._socket.getsockname()[:2]
        self.origin = f"http://{f'[{address}]' if ':' in address else address}:{port}"
        self._pages = make_pages(self._app, self._token_path)
        self.notices = []
        if token is not None:
            self.notices.append(f"The new token, shown this once: {token}")
        if public:
            self.notices.append(f"Warning: {settings.http_host} is public: {PUBLIC_MEANS}")
        self.notices.append(
            f"LTMC {__version__} serves {self.origin}{PATH}; the token is in {self._token_path}."
        )

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; calls in flight are finished."""
        for name in ("fastmcp", "mcp", "uvicorn"):
            logging.getLogger(name).setLevel(self._settings.log_level)
        config = uvicorn.Config(
            self._application(),
            http=BoundedProtocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            server_header=False,
            limit_concurrency=max(MIN_CONNECTIONS, 2 * self._settings.http_max_calls),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        # uvicorn raises the signal again once all is finished and closed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        self._server = _Server(config, self._pages, self._settings.http_drain_seconds)
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            stdio.leave()

    def _application(self) -> Starlette:
        settings = self._settings
        calls = metrics.CallCounts()
        servers = {role: build(settings, self._app, [metrics.CountCalls(calls)], role) for role in ROLES}
        for server in servers.values():
            # No argument of LTMC is repeated in a header; left unsaid, the SDK lists all tools before each call.
            server._mcp_server.get_tool_input_schema = lambda _: None
        most = settings.http_calls_per_minute
        names = [] if self._issuer is None else [self._issuer.host]
        report_health = HealthReports(self._app)

        async def show_health(_: Request) -> Response:
            report = await report_health.report()
            services = {name: result["status"] for name, result in report["services"].items()}
            status = "ending" if self._server.is_ending else report["status"]
            body = {"status": status, "services": services, "version": __version__}
            return JSONResponse(body, 503 if status in ("ending", "unhealthy") else 200)

        async def show_metrics(_: Request) -> Response:
            report = await report_health.report()
            process = await process_use(self._app)
            page = metrics.render(calls, health=report, process=process, version=__version__)
            return Response(page, media_type=metrics.CONTENT_TYPE)

        return application(
            servers,
            Access(bearer_token.TokenCheck(self._token_path), self._app.get(Known), self._issuer),
            limit=RateLimit(most, requests_of_all(self._app)) if most else None,
            hosts=[*names, settings.http_host, *settings.http_allowed_hosts.split()],
            max_calls=settings.http_max_calls,
            call_seconds=settings.http_call_seconds,
            routes=[
                Route(HEALTH_PATH, show_health, methods=["GET"]),
                Route("/metrics", show_metrics, methods=["GET"]),
            ],
            pages=self._pages,
        )


class _Server(uvicorn.Server):
    """Ends the answers that go on before it waits for those in flight, and all of it once balancers know that it ends.

    Args:
        drain_seconds: how long they have to learn it; a second signal is not waited for.

    Attributes:
        is_ending: it is about to end, and still takes requests.
    """

    def __init__(self, config: uvicorn.Config, pages: Pages, drain_seconds: float) -> None:
        super().__init__(config)
        self._pages, self._drain_seconds = pages, drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_ending = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or not self._drain_seconds or self.is_ending or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self.is_ending = True
        end = partial(super().handle_exit, sig, frame)
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, end)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._pages.end()
        await super().shutdown(sockets)


class _ByRole:
    """The servers of MCP, one for each role."""

    def __init__(self, servers: Mapping[Role, FastMCP[Any]], *, sessions: bool) -> None:
        self._managers = {
            role: StreamableHTTPSessionManager(
                server._mcp_server,
                json_response=not sessions,
                stateless=not sessions,
                max_request_body_size=MAX_BODY_BYTES,
            )
            for role, server in servers.items()
        }

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """Have them run inside the block."""
        async with AsyncExitStack() as stack:
            for manager in self._managers.values():
                await stack.enter_async_context(manager.run())
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the server of who calls."""
        await self._managers[caller.get().role].asgi_app(scope, receive, send)


def application(
    servers: Mapping[Role, FastMCP[Any]],
    access: Access,
    *,
    limit: RateLimit | None = None,
    hosts: Sequence[str] = (),
    max_calls: int,
    call_seconds: float,
    routes: Sequence[BaseRoute] = (),
    pages: Pages | None = None,
    sessions: bool = False,
) -> Starlette:
    """Return the ASGI application that serves at `PATH` to each role its server.

    Args:
        limit: how many requests each caller may send.
        hosts: what the Host header may name, besides this machine.
        max_calls: how many requests are answered at a time; more get 503.
        call_seconds: how long one may take; then it is cancelled and gets 504.
        routes: what else is served.
        pages: what is served to browsers.
        sessions: keep sessions and stream answers, for servers that ask their clients back; LTMC does not.
    """
    by_role = _ByRole(servers, sessions=sessions)
    of_oauth = [] if access.oauth is None else access.oauth.routes
    open_paths = {HEALTH_PATH, *(route.path for route in of_oauth if isinstance(route, Route))}

    def is_open(path: str) -> bool:
        return path in open_paths or (pages is not None and pages.claims(path))

    app = Starlette(
        routes=[
            Route(
                PATH,
                CallLimits(MaskedErrors(AnswerEveryRequest(by_role)), max_calls, call_seconds),
                methods=METHODS if sessions else ["POST"],
            ),
            *routes,
            *of_oauth,
        ],
        middleware=[
            Middleware(
                HostOriginGuardMiddleware,
                allowed_hosts=hosts,
                allowed_origins=[f"https://{host}" for host in hosts],  # behind a proxy with TLS
                mode="strict",
            ),
            Middleware(  # for pages of the origins that the guard lets pass; a preflight cannot bring the token
                CORSMiddleware,
                allow_origin_regex=".*",
                allow_methods=METHODS,
                allow_headers=["*"],
                expose_headers=["Mcp-Session-Id", "WWW-Authenticate"],
            ),
            Middleware(TokenGate, access=access, is_open=is_open, limit=limit),
            Middleware(RequestContextMiddleware),
        ],
        lifespan=by_role.running,
    )
    if pages is not None:
        app.router.default = pages  # answers what no route has, by any method
    app.state.transport_type = "streamable-http"
    return app
