"""Limits of the HTTP transport: requests at a time, the time of each, and the time for a request's head."""

import asyncio
import json
from contextlib import suppress

import h11
from mcp_types import INVALID_PARAMS, INVALID_REQUEST, JSONRPCError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ltmc.server import stdio
from ltmc.server.bearer_token import ADMITTED
from ltmc.server.refusals import refusal

DRAIN_BYTES = 2 * stdio.MAX_LINE_BYTES
"""How much of a body is still taken once its request is answered. To close at once would lose the answer
for a client that sends first and reads then."""

STRANGERS_DRAIN_BYTES = 1024 * 1024
"""The same for a request without the token."""

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


class AnswerEveryRequest:
    """Mends what the SDK answers to what is no message.

    It takes a request whose id it does not know the type of for a notification, where it could not read a body
    it names no id though it stands there, of one that is too long it does not say what is allowed, and in the older
    eras it takes text that is no Unicode for no JSON, at which clients give up the connection and not the call.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at what was refused, or accepted without an answer."""
        body: list[bytes] = []
        held: list[Message] = []  # the start of a refusal
        refused = False

        async def noted() -> Message:
            message = await receive()
            body.append(message.get("body", b""))
            return message

        async def checked(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 202:
                found = stdio.parse(b"".join(body))
                if isinstance(found, JSONRPCError):
                    refused = True
                    answer = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
                    await JSONResponse(answer, 400)(scope, receive, send)
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = True
                found = stdio.refusal(
                    INVALID_REQUEST, stdio.TOO_LONG, stdio.id_at_an_end(b"".join(body[:1]), b"")
                )
                await JSONResponse(found.model_dump(mode="json", by_alias=True, exclude_unset=True), 413)(
                    scope, receive, send
                )
            if refused:
                return
            if message["type"] == "http.response.start" and message["status"] >= 400:
                held.append(message)
                return
            if held and (invalid := _lone_surrogates(b"".join(body))):
                refused = True
                await JSONResponse(invalid.model_dump(mode="json", by_alias=True, exclude_unset=True))(
                    scope, receive, send
                )
                return
            if held:
                message = {**message, "body": _under_its_id(message.get("body", b""), b"".join(body))}
                length = b"%d" % len(message["body"])
                start = held.pop()
                headers = [header for header in start["headers"] if header[0].lower() != b"content-length"]
                await send({**start, "headers": [*headers, (b"content-length", length)]})
            await send(message)

        await self._app(scope, noted, checked)


def _lone_surrogates(body: bytes) -> JSONRPCError | None:
    """Return the error for a request that is JSON but for text with lone surrogates."""
    with suppress(ValueError, RecursionError):
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            identity = stdio.id_of(body)
            if identity is not None:
                return stdio.refusal(INVALID_PARAMS, "Invalid params: text with lone surrogates", identity)
    return None


def _under_its_id(answer: bytes, body: bytes) -> bytes:
    """Return an answer, under the id of the request in `body` if it is an error without one."""
    with suppress(ValueError):
        error = json.loads(answer)
        if isinstance(error, dict) and "error" in error and error.get("id") is None:
            return json.dumps({**error, "id": stdio.id_of(body)}, separators=(",", ":")).encode()
    return answer


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that closes connections whose client takes too long over a head, or sends a body without end."""

    _head_timer: asyncio.TimerHandle | None = None
    _drained = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if self._idle() and self._head_timer is None:
            self._expect_head()
        super().data_received(data)
        if not self._idle():
            self._stop_expecting()
            self._drained = 0
        elif self.conn.their_state is h11.SEND_BODY:
            self._drained += len(data)
            admitted = self.cycle.scope["state"].get(ADMITTED, False)
            if self._drained > (DRAIN_BYTES if admitted else STRANGERS_DRAIN_BYTES):
                self.transport.close()

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
