"""The stdio transport: newline-delimited JSON-RPC on stdin and stdout, for peers of any kind.

It replaces the SDK's own because that one leaves some requests without an answer and reads without limit.
Here every request with an id is answered, what is no message gets a JSON-RPC error, a line has a size limit,
and a client that sends without reading is stopped by back-pressure. Reading and writing block in daemon
threads, so that neither can keep the process from ending.
"""

import asyncio
import json
import logging
import os
import queue
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCRequest, JSONRPCResponse
from mcp_types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError

from ltmc.app.redaction import masked, masked_json
from ltmc.server.greeting import Greeting, take_wire

if sys.platform == "win32":
    from ltmc.server import pipes_windows as pipes
else:
    from ltmc.server import pipes_unix as pipes

Inbound = SessionMessage | Exception
Run = Callable[[MemoryObjectReceiveStream[Inbound], MemoryObjectSendStream[SessionMessage]], Awaitable[None]]

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The largest tool call is two texts of 1,000,000 characters, which JSON may write in 12 MB."""

TOO_LONG = f"A message has at most {MAX_LINE_BYTES} bytes"

HEAD_BYTES, TAIL_BYTES = 65_536, 1_024
"""How much of a longer line is looked through for its id, at either end."""

_ID_AT_THE_END = re.compile(
    rb'[{,]\s{0,9}"id"\s{0,9}:\s{0,9}(-?\d{1,20}|"(?:[^"\\]|\\.){0,255}")\s{0,9}'
    rb'(?:,\s{0,9}"jsonrpc"\s{0,9}:\s{0,9}"2\.0"\s{0,9})?\}\s*\Z'
)

MOST_SHOWN = 500
"""How much is shown of a message of an error, which may repeat what was sent."""

MAX_IN_FLIGHT = 64
"""How many requests may be unanswered before no more are read."""

GRACE_SECONDS = 0.5
"""How long calls in flight may go on after the end of the input of a client that is gone."""

LAST_ANSWERS_SECONDS = 10.0
"""How long they may where the client still reads: a program that sends its calls, closes its end and waits. One that
wants the server to end sends SIGTERM."""

NO_MESSAGE = (
    'Invalid request: jsonrpc must be "2.0", id a whole number or text, method text, params an object'
)

logger = logging.getLogger(__name__)


async def serve(run: Run, greeting: Greeting | None = None) -> None:
    """Run a server on stdin and stdout until the input ends, or SIGTERM or SIGINT comes.

    While it serves, fd 0 is the null device and fd 1 is stderr, so that nothing else can touch the wire.

    Args:
        greeting: what has answered the client's first messages.
    """
    with anyio.CancelScope() as scope, _signals(scope.cancel):
        wire = _Wire(greeting, scope.cancel)
        async with wire.streams() as (read_stream, write_stream):
            await run(read_stream, write_stream)


def leave() -> None:
    """End the process at once if a thread would keep it, such as one that waits for a database lock."""
    main = threading.main_thread()
    if any(thread is not main and not thread.daemon for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(0)


class _signals:  # noqa: N801 - reads as a statement
    """Calls `stop` on SIGTERM and SIGINT."""

    def __init__(self, stop: Callable[[], object]) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows ends the process by itself
                loop.add_signal_handler(number, self._stop)

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)


class _Wire:
    """The two threads and what they share with the event loop."""

    def __init__(self, greeting: Greeting | None, stop: Callable[[], object]) -> None:
        self._greeting = greeting
        self._wire_in, self._wire_out = (greeting.wire_in, greeting.wire_out) if greeting else take_wire()
        self._stop = stop
        self._writing_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._waiting: dict[int | str, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._to_write: queue.Queue[tuple[bytes, asyncio.Future[None]]] = queue.Queue()

    @asynccontextmanager
    async def streams(
        self,
    ) -> AsyncIterator[tuple[MemoryObjectReceiveStream[Inbound], MemoryObjectSendStream[SessionMessage]]]:
        """Return the message streams that a server runs on."""
        inbound, read_stream = anyio.create_memory_object_stream[Inbound](0)
        write_stream, outbound = anyio.create_memory_object_stream[SessionMessage](0)
        threading.Thread(target=self._write_forever, daemon=True, name="stdout").start()
        threading.Thread(target=self._read_forever, args=(inbound,), daemon=True, name="stdin").start()
        async with anyio.create_task_group() as tasks:
            sent = anyio.Event()
            tasks.start_soon(self._send_all, outbound, sent)
            try:
                async with read_stream, write_stream:
                    yield read_stream, write_stream
            finally:
                with anyio.move_on_after(GRACE_SECONDS, shield=True):
                    await sent.wait()
                tasks.cancel_scope.cancel()

    def _read_forever(self, inbound: MemoryObjectSendStream[Inbound]) -> None:
        line = _Line()
        with suppress(RuntimeError):  # the loop has ended
            for block in self._blocks():
                items = []
                *ends, rest = block.split(b"\n")
                for end in ends:
                    line.add(end)
                    items += line.messages()
                    line = _Line()
                line.add(rest)
                self._in_loop(self._feed(inbound, items))
            self._in_loop(self._feed(inbound, line.messages()))
            self._in_loop(self._end(inbound))

    def _blocks(self) -> Iterator[bytes]:
        if self._greeting is not None:
            yield self._greeting.rest()
            if self._greeting.ended:
                return
        with suppress(OSError):
            while block := os.read(self._wire_in, 1 << 16):
                yield block

    def _in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the loop do it, and wait: this is what holds a client back that sends faster than it reads."""
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        while True:
            try:
                return done.result(GRACE_SECONDS)
            except TimeoutError:
                since = self._writing_since
                if (
                    since is not None
                    and time.monotonic() - since > GRACE_SECONDS
                    and pipes.sender_left(self._wire_in)
                ):
                    self._loop.call_soon_threadsafe(self._stop)  # it reads no more and is gone

    async def _feed(
        self, inbound: MemoryObjectSendStream[Inbound], items: list[SessionMessage | JSONRPCError]
    ) -> None:
        for item in items:
            if isinstance(item, JSONRPCError):
                await self._write(item)
                continue
            if isinstance(item.message, JSONRPCRequest):
                await self._slots.acquire()
                request_id = item.message.id
                self._waiting[request_id] = self._waiting.get(request_id, 0) + 1
                self._idle.clear()

                async def settle(request_id: int | str = request_id) -> None:
                    self._settle(request_id)

                item.metadata = ServerMessageMetadata(on_request_unanswered=settle)
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await inbound.send(item)

    async def _end(self, inbound: MemoryObjectSendStream[Inbound]) -> None:
        """After the end of the input let calls in flight finish for a while."""
        until = anyio.current_time() + LAST_ANSWERS_SECONDS
        while self._waiting and anyio.current_time() < until:
            with anyio.move_on_after(GRACE_SECONDS):
                await self._idle.wait()
            if pipes.reader_left(self._wire_out):
                break
        inbound.close()

    def _settle(self, request_id: int | str | None) -> None:
        if request_id is None or request_id not in self._waiting:
            return
        self._waiting[request_id] -= 1
        if not self._waiting[request_id]:
            del self._waiting[request_id]
        self._slots.release()
        if not self._waiting:
            self._idle.set()

    async def _send_all(self, outbound: MemoryObjectReceiveStream[SessionMessage], sent: anyio.Event) -> None:
        async with outbound:
            async for item in outbound:
                message = item.message
                if not isinstance(message, JSONRPCResponse | JSONRPCError):
                    await self._write(message)
                    continue
                if self._greeting and message.id is not None and message.id == self._greeting.opening:
                    self._greeting.opening = None  # the client has this answer
                else:
                    await self._write(message)
                self._settle(message.id)
        sent.set()

    async def _write(self, message: Any) -> None:
        if isinstance(message, JSONRPCError):
            message.error = message.error.model_copy(update=shown(message.error.message, message.error.data))
        try:
            frame = message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        except ValueError:  # text that UTF-8 cannot carry
            logger.exception("a message could not be sent")
            error = refusal(INVALID_REQUEST, "The answer holds text that is not valid Unicode", message.id)
            frame = error.model_dump_json(by_alias=True).encode()
        written = self._loop.create_future()
        self._to_write.put((frame + b"\n", written))
        await written

    def _write_forever(self) -> None:
        broken = False
        while True:
            frame, written = self._to_write.get()
            with suppress(RuntimeError):  # the loop has ended
                self._writing_since = time.monotonic()
                try:
                    while frame and not broken:
                        frame = frame[os.write(self._wire_out, frame) :]
                except OSError:
                    broken = True  # the client is gone; its input will end too
                self._writing_since = None
                self._loop.call_soon_threadsafe(_done, written)


class _Line:
    """A line as it arrives; of one that is too long only the two ends are kept."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._head = b""

    def add(self, part: bytes) -> None:
        """Append what came next."""
        self._held += part
        if not self._head and len(self._held) > MAX_LINE_BYTES:
            self._head = bytes(self._held[:HEAD_BYTES])
        if self._head:
            del self._held[:-TAIL_BYTES]

    def messages(self) -> list[SessionMessage | JSONRPCError]:
        """Return the message of the finished line, or the error to answer it with; nothing for an empty one."""
        if self._head:
            return [refusal(INVALID_REQUEST, TOO_LONG, id_at_an_end(self._head, bytes(self._held)))]
        return [parse(bytes(self._held))] if self._held.strip() else []


def id_at_an_end(head: bytes, tail: bytes) -> int | str | None:
    """Return the id of a message of which there are only the ends: clients write it first or last."""
    identity = None
    if last := _ID_AT_THE_END.search(tail):
        with suppress(ValueError):
            identity = json.loads(last[1])
    text, decode = head.decode(errors="ignore"), json.JSONDecoder().raw_decode
    with suppress(ValueError, RecursionError):  # the member that is cut off
        at = text.index("{")
        while True:
            name, at = decode(text, _after_space(text, at + 1))
            value, at = decode(text, _after_space(text, text.index(":", at) + 1))
            if name == "id":
                identity = value
                break
            at = text.index(",", at)
    return identity if _is_id(identity) else None


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def id_of(line: bytes) -> int | str | None:
    """Return the id of a message, where it can be read."""
    found = parse(line)
    message = found if isinstance(found, JSONRPCError) else found.message
    return getattr(message, "id", None)


def parse(line: bytes) -> SessionMessage | JSONRPCError:
    """Return the message of a line, or the error to answer it with."""
    try:
        raw = json.loads(line, parse_constant=_no_constant)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        return refusal(PARSE_ERROR, f"Parse error: {error}")
    except (
        ValueError,
        RecursionError,
    ) as error:  # NaN, a number of thousands of digits, lists in lists in lists
        identity = id_at_an_end(line[:HEAD_BYTES], line[-TAIL_BYTES:])
        return refusal(PARSE_ERROR, f"Parse error: {error}", identity)
    if not isinstance(raw, dict):
        return refusal(INVALID_REQUEST, "Invalid request: a message is one JSON object")
    identity = raw.get("id")
    if not _is_id(identity):
        identity = None
    if b"\\u" in line and not _encodable(_without_arguments(raw)):
        return refusal(INVALID_REQUEST, "Invalid request: text with lone surrogates", identity)
    if identity is None and "id" in raw and "method" in raw:
        return refusal(INVALID_REQUEST, "Invalid request: id must be a whole number or text")
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_python(raw, by_name=False))
    except (ValidationError, RecursionError):
        return refusal(
            INVALID_REQUEST,
            NO_MESSAGE,
            identity,
        )


def refusal(code: int, message: str, request_id: int | str | None = None) -> JSONRPCError:
    """Return a JSON-RPC error."""
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def shown(message: str, data: Any) -> dict[str, Any]:
    """Return the parts of an error as they are shown: they may repeat what was sent, however long, and secrets."""
    parts: dict[str, Any] = {"message": masked(message)[:MOST_SHOWN]}
    if data is not None:
        parts["data"] = masked(data)[:MOST_SHOWN] if isinstance(data, str) else masked_json(data)
    return parts


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and _encodable(value)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _without_arguments(raw: dict[str, Any]) -> dict[str, Any]:
    """Without a tool's arguments, which the tool itself checks and names."""
    params = raw.get("params")
    if raw.get("method") != "tools/call" or not isinstance(params, dict):
        return raw
    return raw | {"params": {key: value for key, value in params.items() if key != "arguments"}}
