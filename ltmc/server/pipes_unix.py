"""Whether the other end of a pipe is there still, on POSIX: what `poll` says, which takes and sends nothing."""

import select
import sys

assert sys.platform != "win32"


def sender_left(fd: int) -> bool:
    """Return whether who writes into a pipe has closed it, though not all that it sent may be read."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))


def reader_left(fd: int) -> bool:
    """Return whether who reads from a pipe has closed it."""
    return sender_left(fd)
