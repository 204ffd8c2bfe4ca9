"""Adds the bearer token to each request on its way to a server: the conformance suite cannot send one."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress


@contextmanager
def with_token(port: int, token: str) -> Iterator[int]:
    """Run a proxy to 127.0.0.1:`port` in a thread; its own port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            first, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
            # One request on a connection: then all that follows the head is passed on as it is.
            kept = [line for line in rest.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            added = [first, b"Authorization: Bearer " + token.encode(), b"Connection: close"]
            upstream_writer.write(b"\r\n".join(added + kept))
            forward = asyncio.create_task(_pipe(reader, upstream_writer))
            await _pipe(upstream_reader, writer)
            forward.cancel()
            upstream_writer.close()
        writer.close()

    started: Future[int] = Future()
    stop = asyncio.Event()
    loop: asyncio.AbstractEventLoop | None = None

    async def run() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        started.set_result(int(server.sockets[0].getsockname()[1]))
        await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield started.result()
    finally:
        assert loop is not None
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
