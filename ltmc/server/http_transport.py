"""The HTTP transport: MCP's Streamable HTTP behind a bearer token, with limits, health and metrics.

Requests pass, in this order, the check of Host and Origin, the token, the limits, and reach the server.
There are no sessions: each request stands alone, in both protocol eras, so nothing is kept between them,
and a restart goes unnoticed by clients.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.http import HostOriginGuardMiddleware, RequestContextMiddleware
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.server.middleware import Middleware as ServerMiddleware
from fastmcp.tools.base import ToolResult
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ltmc import __version__
from ltmc.app.application import Application
from ltmc.app.diagnosis import health
from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.server import bearer_token as tokens
from ltmc.server import metrics, stdio
from ltmc.server.mcp_server import build
from ltmc.settings import Settings

PATH = "/mcp"
HEALTH_PATH = "/health"
MAX_BODY_BYTES = stdio.MAX_LINE_BYTES

MIN_CONNECTIONS = 512
"""How many connections may be open; the usual limit of a process is 1,024 files."""

HEAD_SECONDS = 10
"""How long a request's head may take to arrive."""

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than clients keep theirs, or they send into a closing one."""

GRACE_SECONDS = 10
"""How long calls in flight may go on after SIGTERM."""

HEALTH_SECONDS = 5
"""How long a health report is shown again before the parts are probed anew: probes cost, and anyone may ask."""

PUBLIC_MEANS = (
    "other machines can reach it; the token is all that keeps them from every memory; and because this is "
    "plain HTTP, whoever sees the traffic reads the token and the memories. Put a proxy with TLS before it."
)


class HttpServer:
    """LTMC on a socket, bound but not serving yet.

    Raises:
        LtmcError: INVALID_ARGUMENT for an address that others reach without `http_public`;
            BACKEND_UNAVAILABLE if the address or the token file cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        public = not _only_this_machine(settings.http_host)
        if public and not settings.http_public:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"host: {settings.http_host} is not only of this machine. With --public {PUBLIC_MEANS}",
                field="host",
            )
        self._app = Application(settings)
        self._token_path = tokens.path_of(settings.db)
        self._socket = _listen(settings.http_host, settings.http_port)
        token = tokens.ensure(self._token_path)
        address, port = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{port}{PATH}"
        self.notices = []
        if token is not None:
            self.notices.append(f"The new token, shown this once: {token}")
        if public:
            self.notices.append(f"Warning: {settings.http_host} is public: {PUBLIC_MEANS}")
        self.notices.append(f"LTMC {__version__} serves {self.url}; the token is in {self._token_path}.")

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; calls in flight are finished."""
        for name in ("fastmcp", "mcp", "uvicorn"):
            logging.getLogger(name).setLevel(self._settings.log_level)
        config = uvicorn.Config(
            self._application(),
            http=_Protocol,
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
        try:
            asyncio.run(uvicorn.Server(config).serve(sockets=[self._socket]))
        finally:
            stdio.leave()

    def _application(self) -> Starlette:
        settings = self._settings
        server = build(settings, self._app)
        # No argument of LTMC is repeated in a header; left unsaid, the SDK lists all tools before each call.
        server._mcp_server.get_tool_input_schema = lambda _: None
        calls = metrics.CallFigures()
        server.add_middleware(_CountCalls(calls))
        report_health = _Health(self._app)

        async def show_health(_: Request) -> Response:
            report = await report_health.report()
            services = {name: result["status"] for name, result in report["services"].items()}
            body = {"status": report["status"], "services": services, "version": __version__}
            return JSONResponse(body, 503 if report["status"] == "unhealthy" else 200)

        async def show_metrics(_: Request) -> Response:
            report = await report_health.report()
            page = metrics.render(calls, health=report, database=settings.db, version=__version__)
            return Response(page, media_type=metrics.CONTENT_TYPE)

        return application(
            server,
            tokens.TokenCheck(self._token_path),
            hosts=[settings.http_host, *settings.http_allowed_hosts.split()],
            max_calls=settings.http_max_calls,
            call_seconds=settings.http_call_seconds,
            routes=[
                Route(HEALTH_PATH, show_health, methods=["GET"]),
                Route("/metrics", show_metrics, methods=["GET"]),
            ],
        )


def application(
    server: FastMCP[Any],
    check: tokens.TokenCheck,
    *,
    hosts: Sequence[str] = (),
    max_calls: int,
    call_seconds: float,
    routes: Sequence[BaseRoute] = (),
    sessions: bool = False,
) -> Starlette:
    """The ASGI application that serves `server` at `PATH`.

    Args:
        hosts: what the Host header may name, besides this machine.
        max_calls: how many requests are answered at a time; more get 503.
        call_seconds: how long one may take; then it is cancelled and gets 504.
        routes: what else is served.
        sessions: keep sessions and stream answers, for servers that ask their clients back; LTMC does not.
    """
    manager = StreamableHTTPSessionManager(
        server._mcp_server,
        json_response=not sessions,
        stateless=not sessions,
        max_request_body_size=MAX_BODY_BYTES,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    app = Starlette(
        routes=[
            Route(
                PATH,
                CallLimits(manager.asgi_app, max_calls, call_seconds),
                methods=["GET", "POST", "DELETE"] if sessions else ["POST"],
            ),
            *routes,
        ],
        middleware=[
            Middleware(HostOriginGuardMiddleware, allowed_hosts=hosts, mode="strict"),
            Middleware(TokenGate, check=check),
            Middleware(RequestContextMiddleware),
        ],
        lifespan=lifespan,
    )
    app.state.transport_type = "streamable-http"
    return app


class TokenGate:
    """Answers 401 to requests without the token, except for the health report, which tells no secrets."""

    def __init__(self, app: ASGIApp, check: tokens.TokenCheck) -> None:
        self._app, self._check = app, check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse."""
        if scope["type"] == "http" and scope["path"] != HEALTH_PATH:
            headers = [value for name, value in scope["headers"] if name == b"authorization"]
            kind, _, presented = headers[0].partition(b" ") if len(headers) == 1 else (b"", b"", b"")
            bearer = kind.lower() == b"bearer"
            if not bearer or not self._check.admits(presented.strip()):
                challenge = 'Bearer error="invalid_token"' if bearer else "Bearer"  # RFC 6750, section 3
                refusal = _refusal(401, "the token is missing or wrong", {"WWW-Authenticate": challenge})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class CallLimits:
    """Answers 503 beyond a number of requests at a time, and 504 to one that takes too long."""

    def __init__(self, app: ASGIApp, max_calls: int, seconds: float) -> None:
        self._app, self._max_calls, self._seconds = app, max_calls, seconds
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse."""
        if self._in_flight >= self._max_calls:
            refusal = _refusal(503, f"{self._max_calls} requests are being answered", {"Retry-After": "1"})
            await refusal(scope, receive, send)
            return
        open_ = True  # to what the application sends
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if open_:
                started = True
                await send(message)

        self._in_flight += 1
        answering = asyncio.ensure_future(self._app(scope, receive, watched))
        answering.add_done_callback(self._count_down)
        try:
            # Not by cancelling and waiting: a call that has begun to wait for the database's lock ends late.
            done, _ = await asyncio.wait([answering], timeout=self._seconds)
        except asyncio.CancelledError:
            answering.cancel()
            raise
        if done:
            answering.result()
            return
        open_ = False
        answering.cancel()
        if not started:
            await _refusal(504, f"no answer within {self._seconds:g} s")(scope, receive, send)

    def _count_down(self, _: object) -> None:
        self._in_flight -= 1


class _CountCalls(ServerMiddleware):
    """Counts the calls of tools that there are."""

    def __init__(self, calls: metrics.CallFigures) -> None:
        self._calls = calls

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        started = time.perf_counter()
        error_code: str | None = "CANCELLED"
        self._calls.in_flight += 1
        try:
            result = await call_next(context)
            error_code = (result.structured_content or {}).get("error_code")
        finally:
            self._calls.in_flight -= 1
            self._calls.add(context.message.name, time.perf_counter() - started, error_code)
        return result


class _Health:
    """The health report, probed anew when the last one is old."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._probing = asyncio.Lock()
        self._report: dict[str, Any] = {}
        self._until = 0.0

    async def report(self) -> dict[str, Any]:
        async with self._probing:
            if time.monotonic() >= self._until:
                self._report = dict(await health(self._app))
                self._until = time.monotonic() + HEALTH_SECONDS
            return self._report | {"uptime_seconds": round(time.monotonic() - self._app.started, 3)}


class _Protocol(H11Protocol):
    """HTTP/1.1 that closes connections on which a request's head does not arrive in time."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if self._idle() and self._head_timer is None:
            self._expect_head()
        super().data_received(data)
        if not self._idle():
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _stop_expecting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _refusal(status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": why}, status, headers)


def _only_this_machine(host: str) -> bool:
    return all(ip_address(address[4][0]).is_loopback for address in _addresses(host, 0))


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = _addresses(host, port)[0]
    # Made with its protocol, unlike by socket.create_server: asyncio sets TCP_NODELAY only where it sees
    # TCP, and without that each answer waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let a second server take the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise LtmcError(
            ErrorCode.BACKEND_UNAVAILABLE, f"Cannot listen on {host}, port {port}: {error.strerror or error}."
        ) from error
    return listener


def _addresses(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT, f"host: {shorten(host)} is no address of this machine.", field="host"
        ) from error
