"""Limits of the HTTP transport: requests at a time, the time of each, and the time for a request's head."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ltmc.server.refusals import refusal

HEAD_SECONDS = 10
"""How long a request's head may take to arrive."""


class CallLimits:
    """Answers 503 beyond a number of requests at a time, and 504 to one that takes too long."""

    def __init__(self, app: ASGIApp, max_calls: int, seconds: float) -> None:
        self._app, self._max_calls, self._seconds = app, max_calls, seconds
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse."""
        if self._in_flight >= self._max_calls:
            answer = refusal(503, f"{self._max_calls} requests are being answered", {"Retry-After": "1"})
            await answer(scope, receive, send)
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
            await refusal(504, f"no answer within {self._seconds:g} s")(scope, receive, send)

    def _count_down(self, _: object) -> None:
        self._in_flight -= 1


class HeadTimeoutProtocol(H11Protocol):
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
