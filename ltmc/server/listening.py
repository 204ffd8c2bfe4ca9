"""The socket that the HTTP transport listens on."""

import os
import socket
from ipaddress import ip_address
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, shorten


def is_of_this_machine(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    return all(ip_address(address[4][0]).is_loopback for address in _addresses(host, 0))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 is any free one.

    Raises:
        LtmcError: INVALID_ARGUMENT for a host that there is not; BACKEND_UNAVAILABLE if it cannot be used.
    """
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
