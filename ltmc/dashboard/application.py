"""The dashboard as an ASGI application: sessions, CSRF, limits and headers around the pages."""

import asyncio
import hmac
import logging
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from ltmc.app.application import Application
from ltmc.dashboard.page import Handler, Page
from ltmc.dashboard.pages import access, chats, cleaning, code, graph, live, memories, plans, todos, uploads
from ltmc.dashboard.pages import settings as settings_page
from ltmc.dashboard.rendering import MEDIA_TYPES, STATIC, address, static_files
from ltmc.dashboard.session import Sessions
from ltmc.dashboard.streams import Streams
from ltmc.errors import ErrorCode, LtmcError, read_only
from ltmc.server.bearer_token import ADMITTED
from ltmc.server.limits import CallLimits
from ltmc.server.stdio import MAX_LINE_BYTES

PAGES = (memories, cleaning, chats, code, todos, graph, plans, live, settings_page, uploads, access)

MOST_FIELDS = 1_000
"""Of a form."""

HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # With no-referrer browsers would say of a form that its origin is null, and the origin is looked at.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
"""Of every answer."""

STATUS = {
    ErrorCode.INVALID_ARGUMENT: 400,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.CYCLE_DETECTED: 409,
    ErrorCode.NO_SUITABLE_MEMBER: 409,
    ErrorCode.UNSUPPORTED: 403,
    ErrorCode.PATH_NOT_ALLOWED: 403,
    ErrorCode.BACKEND_UNAVAILABLE: 503,
}
"""Of a page that shows an error; others are 500."""

logger = logging.getLogger(__name__)


def dashboard(app: Application, token_path: Path) -> "Dashboard":
    """Return the dashboard of a running LTMC, within the limits of its settings."""
    settings = app.settings
    return Dashboard(
        app, token_path, max_calls=settings.http_max_calls, call_seconds=settings.http_call_seconds
    )


class Dashboard:
    """Answers at the addresses of `claims`; asks for a session itself, so the bearer is not asked for there.

    Args:
        token_path: the file of the bearer token.
        max_calls: how many requests are answered at a time; more get 503. Streams are not counted.
        call_seconds: how long one may take; then it gets 504.
    """

    def __init__(self, app: Application, token_path: Path, *, max_calls: int, call_seconds: float) -> None:
        self._app = app
        self.sessions = Sessions(token_path)
        handlers = [handler for module in PAGES for handler in module.ROUTES]
        usual = [self._route(handler) for handler in handlers if not handler.stream]
        static = Route("/static/{name}", _static)
        pages = Router([Route("/", _first_page), static, *usual], default=self._missing)
        limited = CallLimits(pages, max_calls, call_seconds)
        self._router = Router(
            [self._route(handler) for handler in handlers if handler.stream],
            default=limited,
            redirect_slashes=False,
        )
        self._segments = {"static", *(handler.path.split("/")[1] for handler in handlers)}

    def claims(self, path: str) -> bool:
        """Whether an address is one of the dashboard's."""
        return path == "/" or path.removeprefix("/").partition("/")[0] in self._segments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers of `HEADERS`."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = b"max-age=31536000, immutable" if scope["path"].startswith("/static/") else b"no-store"
                message["headers"] = [
                    *message["headers"],
                    *HEADERS.items(),
                    (b"cache-control", kept if message["status"] == 200 else b"no-store"),
                ]
            await send(message)

        scope.setdefault("state", {})
        await self._router(scope, receive, sent)

    def end(self) -> None:
        """End the streams: the server ends."""
        self._app.get(Streams).end()

    def _route(self, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._answer(handler, request)

        return Route(handler.path, endpoint, methods=[handler.method])

    async def _answer(self, handler: Handler, request: Request) -> Response:
        page = Page(self._app, self.sessions, request)
        try:
            if not _is_of_this_origin(request):
                return PlainTextResponse("Another site asks.", 403)
            if handler.path not in access.OPEN:
                if not page.session.is_open:
                    return _sign_in_first(handler, page)
                request.scope["state"][ADMITTED] = True
            if handler.method == "POST":
                page.form = await _form(request, handler.most_bytes)
                if not hmac.compare_digest(page.raw("csrf").encode(), page.session.csrf.encode()):
                    return PlainTextResponse("The form is not of this session: load the page again.", 403)
            if handler.writes and page.read_only:
                raise read_only()
            return await handler.answer(page)
        except LtmcError as error:
            return await _show_again(handler, page, error)
        except Exception:
            logger.exception("%s failed", handler.path)
            message = "The page failed inside LTMC; its log on stderr says why."
            return await _show_error(page, LtmcError(ErrorCode.INTERNAL, message))

    async def _missing(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = Page(self._app, self.sessions, Request(scope, receive))
        answer = await _show_error(page, LtmcError(ErrorCode.NOT_FOUND, "There is no such page."))
        await answer(scope, receive, send)


def _sign_in_first(handler: Handler, page: Page) -> Response:
    if page.is_partial:
        return Response(status_code=401, headers={"HX-Redirect": access.SIGN_IN})
    if handler.method == "POST" or handler.stream:
        return PlainTextResponse("Sign in first.", 401)
    url = page.request.url
    return RedirectResponse(
        address(access.SIGN_IN, back=f"{url.path}?{url.query}" if url.query else url.path), 303
    )


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in static_files():
        return PlainTextResponse("There is nothing here.", 404)
    return FileResponse(STATIC / name, media_type=MEDIA_TYPES[Path(name).suffix])


async def _first_page(request: Request) -> Response:
    return RedirectResponse(address("/memories", **request.query_params), 303)


async def _show_again(handler: Handler, page: Page, error: LtmcError) -> Response:
    """Show a form that was refused with what was typed; all else as an error."""
    if handler.again is not None:
        page.refuse(error)
        with suppress(LtmcError):  # what the form is about is gone
            answer = await handler.again(page)
            answer.status_code = STATUS.get(error.code, 500)
            return answer
        page.refused = None
    return await _show_error(page, error)


async def _show_error(page: Page, error: LtmcError) -> Response:
    status = STATUS.get(error.code, 500)
    context = {"error": error}
    if not page.session.is_open:
        return PlainTextResponse(error.message, status)
    if page.is_partial:
        return page.part("error_part.html", context, status=status)
    try:
        return await page.show("error.html", context, section="", status=status)
    except LtmcError:  # not even the projects can be read
        return PlainTextResponse(error.message, status)


def _is_of_this_origin(request: Request) -> bool:
    """Whether a page of this server asks, as far as the browser says; the token is asked for, too."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


async def _form(request: Request, most_bytes: int) -> FormData:
    """Return the fields of a form.

    Raises:
        LtmcError: INVALID_ARGUMENT if it is too long, or no form.
    """
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > most_bytes:
            raise LtmcError(ErrorCode.INVALID_ARGUMENT, f"A form may have {most_bytes} bytes; this has more.")
        return message

    form = Request(request.scope, bounded)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await form.form(max_part_size=min(most_bytes, MAX_LINE_BYTES))  # but files
    body = await form.body()
    try:
        return FormData(await asyncio.to_thread(_fields, body))
    except ValueError as error:
        raise LtmcError(ErrorCode.INVALID_ARGUMENT, f"This is no form: {error}.") from None


def _fields(body: bytes) -> list[tuple[str, str | UploadFile]]:
    return [*parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)]
