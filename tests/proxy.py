"""A path to a server that can go silent, as where a host is lost or a firewall forgets its connections."""

import socket
import threading
from types import TracebackType


class Proxy:
    """Passes on what it gets to a port of this machine, and back.

    Attributes:
        port: where it listens.
        silent: whether new connections get no answer either.
        cut_at: a connection in which the client sends these texts, one after the other, ends before the server's answer
            to the last comes through.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.silent = False
        self.cut_at: tuple[bytes, ...] = ()
        self._paths: list[_Path] = []

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for path in self._paths:
            path.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            path = _Path(self, client, socket.create_connection(("127.0.0.1", self._to)))
            path.silent = self.silent
            self._paths.append(path)

    def forget(self) -> None:
        """Let nothing more through in the connections that there are; they stay open."""
        for path in self._paths:
            path.silent = True


class _Path:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self.silent, self._sent = False, 0
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                if self.silent:
                    continue
                texts = self._proxy.cut_at
                if one is self._client:
                    while self._sent < len(texts) and texts[self._sent] in data:
                        self._sent += 1
                elif texts and self._sent == len(texts):
                    break
                other.sendall(data)
        except OSError:
            pass
        if not self.silent:
            self.close()

    def close(self) -> None:
        """End both ends."""
        for one in (self._client, self._server):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            one.close()
