"""The first messages of a client on stdio, answered while FastMCP is still being imported.

An agent waits at its start for every server's ``initialize`` and lists. What they say is known from the manifest,
so a thread answers them here, as the server itself would, byte for byte. The first message that it does not know
to the letter, a tool call as a rule, ends the greeting: the server reads that message and all that follow, after
those that open a session, whose answers it keeps to itself.

Settings that are wrong end the process before anything is answered, as they do without a greeting. Nothing slow is
imported here.
"""

import _thread
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ltmc import settings
from ltmc.errors import LtmcError
from ltmc.server import listing

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The protocol versions that begin with ``initialize``; a client that wants another gets the newest of them."""

MODERN_VERSION = "2026-07-28"
"""The version without a handshake: each request says who asks."""

LONGEST_GREETING = 64 * 1024
"""In bytes, of one message; the server takes a longer one."""

AT_A_TERMINAL = (
    "LTMC waits for an agent that speaks MCP on stdin. `ltmc install` adds it to your agents, `ltmc --help` lists what "
    "there is at a terminal; Ctrl+D ends this.\n"
)

_META = "io.modelcontextprotocol/"
_MODERN_META = {_META + "protocolVersion", _META + "clientInfo", _META + "clientCapabilities"}
_CAPABILITIES = {"elicitation", "experimental", "extensions", "roots", "sampling", "tasks"}
_FLAGS = {
    "--db": "db",
    "--durability": "durability",
    "--log-level": "log_level",
    "--profile": "profile",
    "--project": "project",
    "--transport": "transport",
}


class Greeting:
    """What is said on stdin and stdout before the server takes them.

    Attributes:
        wire_in, wire_out: the file descriptors of the client.
        opening: the id of the answered request that opens the session and that the server reads again; None if
            there is none.
        ended: the input has ended; a terminal would say so but once.
    """

    def __init__(self, offered: listing.Offered) -> None:
        self._offered = offered
        self.wire_in, self.wire_out = take_wire()
        self.opening: int | str | None = None
        self.ended = False
        self._version: str | None = None
        self._ready = False  # for requests after the handshake
        self._read_again = b""
        self._rest = b""
        self._over = _thread.allocate_lock()
        self._over.acquire()
        _thread.start_new_thread(self._greet, ())

    def rest(self) -> bytes:
        """Wait until the greeting is over; return what the server reads first."""
        with self._over:
            return self._rest

    def _greet(self) -> None:
        unread = b""
        try:
            while block := os.read(self.wire_in, LONGEST_GREETING):
                unread += block
                while b"\n" in unread:
                    line, _, after = unread.partition(b"\n")
                    if not self._answer(line):
                        return
                    unread = after
                if len(unread) > LONGEST_GREETING:
                    return
            self.ended = True
        except OSError:  # the client is gone, as the server will find
            return
        finally:
            self._rest = self._read_again + unread
            self._over.release()

    def _answer(self, line: bytes) -> bool:
        """Answer a message; tell whether that could be done."""
        try:
            message = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return False
        if (
            b"\\u" in line  # half of a character may be among them
            or not isinstance(message, dict)
            or not message.keys() <= {"jsonrpc", "id", "method", "params"}
            or message.get("jsonrpc") != "2.0"
            or not isinstance(message.get("params", {}), dict)
        ):
            return False
        method, params = message.get("method"), message.get("params", {})
        if "id" not in message:
            if method != "notifications/initialized" or params or self._version in (None, MODERN_VERSION):
                return False
            self._ready = True
            self._read_again += line + b"\n"
            return True
        request = message["id"]
        if isinstance(request, bool) or not (
            isinstance(request, str) or (isinstance(request, int) and abs(request) < 2**53)
        ):
            return False
        result = self._result(method, params)
        if result is None:
            return False
        if not self._read_again:
            self.opening, self._read_again = request, line + b"\n"
        frame = b'{"jsonrpc":"2.0","id":%s,"result":%s}\n' % (_json(request), _json(result))
        while frame:
            frame = frame[os.write(self.wire_out, frame) :]
        return True

    def _result(self, method: Any, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the result of a request; None for one that the server must answer."""
        if method == "initialize":
            if self._version is not None or not _introduces(params):
                return None
            wanted = params["protocolVersion"]
            self._version = wanted if wanted in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]
            return {
                "protocolVersion": self._version,
                "capabilities": listing.capabilities(self._offered),
                "serverInfo": listing.SERVER_INFO,
                "instructions": self._offered.instructions,
            }
        meta = params.get("_meta", {})
        if not params.keys() <= {"_meta"} or not isinstance(meta, dict):
            return None
        token = meta.get("progressToken", "")
        if not isinstance(token, str | int) or isinstance(token, bool):
            return None
        if meta.keys() >= _MODERN_META and self._version in (None, MODERN_VERSION):
            return self._modern_result(method, meta)
        if not self._ready or not meta.keys() <= {"progressToken"}:
            return None
        return {} if method == "ping" else self._listed(method)

    def _modern_result(self, method: Any, meta: dict[str, Any]) -> dict[str, Any] | None:
        if not (
            meta.keys() <= _MODERN_META | {"progressToken"}
            and meta[_META + "protocolVersion"] == MODERN_VERSION
            and _is_client(meta[_META + "clientInfo"])
            and _are_capabilities(meta[_META + "clientCapabilities"])
        ):
            return None
        about = {"_meta": {_META + "serverInfo": listing.SERVER_INFO}}
        if method == "server/discover":
            result = {
                **about,
                "ttlMs": 0,
                "cacheScope": "private",
                "supportedVersions": [MODERN_VERSION],
                "capabilities": listing.capabilities(self._offered) | {"extensions": {_META + "ui": {}}},
                "instructions": self._offered.instructions,
                "resultType": "complete",
            }
        elif listed := self._listed(method):
            result = {
                **dict(
                    sorted({**listed, "cacheScope": "private", "resultType": "complete", "ttlMs": 0}.items())
                ),
                **about,
            }
        else:
            return None
        self._version = MODERN_VERSION
        return result

    def _listed(self, method: Any) -> dict[str, Any] | None:
        found = listing.lists(self._offered).get(method) if isinstance(method, str) else None
        if found and self._version in HANDSHAKE_VERSIONS:  # the SDK sorts the members of what these list
            for tool in found.get("tools", ()):
                tool["inputSchema"] = dict(sorted(tool["inputSchema"].items()))
        return found


current: Greeting | None = None
"""That of this process, where there is one."""


def begin(words: Sequence[str]) -> None:
    """Greet the client of ``ltmc serve``, unless the server itself must speak first.

    That is over HTTP, with flags that are not known to the letter, and where the settings are wrong, which the
    command then tells.

    Args:
        words: the arguments of ``serve``.
    """
    global current  # noqa: PLW0603 - a process has one stdin
    flags = _flags(words)
    if flags is None:
        return
    with suppress(LtmcError, ValueError, OSError):
        found, _ = settings.load(**flags)
        if found.transport == "stdio":
            current = Greeting(listing.offered(found))
            for number in (signal.SIGTERM, signal.SIGINT):  # as they end the server, once that is there
                signal.signal(number, lambda *_: sys.exit(0))


def take_wire() -> tuple[int, int]:
    """Return stdin and stdout, and put the null device and stderr in their place: nothing else touches them then.

    Raises:
        OSError: one of them is closed.
    """
    if os.isatty(0):
        sys.stderr.write(AT_A_TERMINAL)
    wire_in, wire_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return wire_in, wire_out


def _flags(words: Sequence[str]) -> dict[str, Any] | None:
    """Return the settings that the arguments give; None for arguments that are not these."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--read-only" and not equals:
            found["read_only"] = True
            continue
        if name not in _FLAGS or not (equals or rest):
            return None
        found[_FLAGS[name]] = value if equals else rest.pop(0)
    return found


def _introduces(params: dict[str, Any]) -> bool:
    return (
        params.keys() == {"protocolVersion", "capabilities", "clientInfo"}
        and isinstance(params["protocolVersion"], str)
        and _are_capabilities(params["capabilities"])
        and _is_client(params["clientInfo"])
    )


def _is_client(value: Any) -> bool:
    texts = {"name", "version", "title", "description", "websiteUrl"}
    return (
        isinstance(value, dict)
        and {"name", "version"} <= value.keys() <= texts
        and all(isinstance(text, str) for text in value.values())
    )


def _are_capabilities(value: Any) -> bool:
    """Tell whether these are capabilities in the usual form; there are more that the server understands."""
    return isinstance(value, dict) and all(
        _only_objects(
            {} if name == "roots" and one in ({"listChanged": True}, {"listChanged": False}) else one
        )
        for name, one in value.items()
        if name in _CAPABILITIES
    )


def _only_objects(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_only_objects, value.values()))


def _refuse(name: str) -> None:
    raise ValueError(name)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
