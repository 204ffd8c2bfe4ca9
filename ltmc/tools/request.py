"""What a tool can know of the request that it answers."""

from contextvars import ContextVar

protocol_version: ContextVar[str | None] = ContextVar("protocol_version", default=None)
"""The protocol version of the client that called; None outside of a server."""
