"""The log without secrets."""

import logging
from contextlib import suppress
from typing import Any

from ltmc.app.redaction import masked

_TRACEBACKS = logging.Formatter()


class MaskedRecord(logging.LogRecord):
    """A record of the log without secrets, be they in the message, its arguments or a traceback."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with suppress(Exception):  # arguments that do not fit are reported by the handler
            self.msg, self.args = masked(self.getMessage()), ()
        if self.exc_info:
            self.exc_text = masked(_TRACEBACKS.formatException(self.exc_info))
            self.exc_info = None
