"""What HTTP clients get when they are turned away."""

import json

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ltmc.app.redaction import masked_json
from ltmc.server import stdio

SHOWS_INPUT = "Validation error:"
"""How the SDK's messages begin that show what was sent, in pieces of which none looks like a secret."""

ERROR_WITHIN = 300
"""In so many bytes of an answer its error begins; before it stand the id and the version."""


def refusal(status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a response that says why."""
    return JSONResponse({"error": why}, status, headers)


class MaskedErrors:
    """Masks secrets in JSON answers that are errors: the SDK's repeat what was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, errors masked."""
        held: list[Message] = []  # the start of an answer that may be an error

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and _may_be_error(message):
                held.append(message)
                return
            if held:
                start = held.pop()
                if not message.get("more_body"):
                    start, message = _masked(start, message)
                await send(start)
            await send(message)

        await self._app(scope, receive, sent)


def _may_be_error(start: Message) -> bool:
    return (b"content-type", b"application/json") in [
        (name.lower(), kind.partition(b";")[0]) for name, kind in start["headers"]
    ]


def _masked(start: Message, message: Message) -> tuple[Message, Message]:
    body = message.get("body", b"")
    if start["status"] < 400 and b'"error":' not in body[:ERROR_WITHIN]:
        return start, message
    answer = masked_json(json.loads(body))
    error = answer.get("error")
    if isinstance(error, dict) and "message" in error:
        shows_input = str(error["message"]).startswith(SHOWS_INPUT)
        error |= stdio.shown(stdio.NO_MESSAGE if shows_input else error["message"], error.get("data"))
    text = json.dumps(answer, separators=(",", ":")).encode()
    headers = [header for header in start["headers"] if header[0].lower() != b"content-length"]
    headers.append((b"content-length", b"%d" % len(text)))
    return {**start, "headers": headers}, {**message, "body": text}
