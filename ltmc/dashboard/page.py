"""A request for a page: what was asked for, tools to answer it with, and the ways to answer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.app.exploring import project_names
from ltmc.dashboard.rendering import address, templates
from ltmc.dashboard.session import Session, Sessions
from ltmc.errors import ErrorCode, LtmcError
from ltmc.server.stdio import MAX_LINE_BYTES
from ltmc.settings import AUTO
from ltmc.tools import manifest
from ltmc.tools.project_scope import DEFAULT_PROJECT

SECTIONS = (
    ("memories", "Memories", "/memories"),
    ("chats", "Chats", "/chats"),
    ("code", "Code", "/code"),
    ("todos", "Todos", "/todos"),
    ("graph", "Graph", "/graph"),
    ("plans", "Plans", "/plans"),
    ("live", "Live", "/live"),
    ("settings", "Settings", "/settings"),
)
"""The navigation: a section's name, its label and its first page."""

MOST_PROJECTS = 500
"""That the project chooser lists; of more the name is typed."""


class Handler(NamedTuple):
    """What answers at an address.

    Attributes:
        method: GET, or POST for what changes something.
        path: as Starlette writes paths.
        answer: makes the response.
        stream: the response goes on for long: it is not counted among the requests at a time, and has no time limit.
        writes: refused where LTMC is read-only.
        most_bytes: of a form.
        again: shows the page of the form, with what was typed, when the form is refused; see `Page.typed`.
    """

    method: str
    path: str
    answer: Callable[["Page"], Awaitable[Response]]
    stream: bool = False
    writes: bool = False
    most_bytes: int = MAX_LINE_BYTES
    again: Callable[["Page"], Awaitable[Response]] | None = None


def get(path: str, answer: Callable[["Page"], Awaitable[Response]], *, stream: bool = False) -> Handler:
    """Return a page that shows."""
    return Handler("GET", path, answer, stream=stream)


def post(
    path: str,
    answer: Callable[["Page"], Awaitable[Response]],
    *,
    writes: bool = True,
    most_bytes: int = MAX_LINE_BYTES,
    again: Callable[["Page"], Awaitable[Response]] | None = None,
) -> Handler:
    """Return what a form is sent to; its CSRF token was checked when `answer` is called.

    Args:
        most_bytes: how long it may be; by default as long as a call of a tool.
        again: shows the page that the form is on, should it be refused.
    """
    return Handler("POST", path, answer, writes=writes, most_bytes=most_bytes, again=again)


class Page:
    """One request of a browser.

    Attributes:
        app: the running LTMC.
        request: the request; its path's parameters are in `request.path_params`.
        sessions: all sessions of this server.
        session: the browser's; an empty one where it needs none.
        asked: the parameters of the address; where a form is shown again, of the page that it was on.
        form: the fields of a POST.
        refused: why the form was refused, on the page that shows it again.
        read_only: nothing may be changed, and the pages show no buttons for it.
    """

    def __init__(self, app: Application, sessions: Sessions, request: Request) -> None:
        self.app, self.sessions, self.request = app, sessions, request
        self.session = sessions.find(request.cookies.get(self.cookie_name)) or Session.none()
        self.asked = request.query_params
        self.form = FormData()
        self.refused: LtmcError | None = None
        self.read_only = app.settings.read_only

    @property
    def project(self) -> str:
        """The project chosen in the header."""
        named = self.app.settings.project
        return self.text("project") or (DEFAULT_PROJECT if named == AUTO else named)

    # What was asked for: fields of the form, else parameters of the address.

    def text(self, name: str) -> str:
        """Return a field's text without spaces around it; "" where there is none."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """Return a field's text as it was typed; see `as_typed`."""
        value = self.form.get(name, self.asked.get(name, ""))
        return "" if isinstance(value, UploadFile) else as_typed(value)

    def filled(self, *names: str) -> dict[str, str]:
        """Return those of the fields that hold something."""
        return {name: text for name in names if (text := self.text(name))}

    def listed(self, name: str) -> list[str]:
        """Return what stands in a field between commas."""
        return [part for part in (part.strip() for part in self.raw(name).split(",")) if part]

    def chosen(self, name: str) -> list[str]:
        """Return the values of all fields of a name, such as ticked boxes."""
        values = self.form.getlist(name) or self.asked.getlist(name)
        return [value for value in values if isinstance(value, str)]

    def refuse(self, error: LtmcError) -> None:
        """Have the page that the form was on show it again."""
        self.refused, self.asked = error, QueryParams(self.text("back").partition("?")[2])

    def typed(self, path: str) -> FormData:
        """Return what was typed into the form that is sent to a path, if it was refused; else nothing."""
        return self.form if self.refused is not None and path == self.request.url.path else FormData()

    def offset(self) -> int:
        """Return where the page of a listing begins; 0 for what is no number."""
        text = self.text("offset")
        return min(int(text), 2**31) if text.isdecimal() and len(text) < 12 else 0

    @property
    def cookie_name(self) -> str:
        """The name of the session's cookie: browsers tell hosts apart, but not the ports of one."""
        return f"ltmc_session_{self.request.url.port or self.request.url.scheme}"

    # Tools.

    async def read(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that reads, in the chosen project; the log of use counts what agents do, so not this.

        Raises:
            LtmcError: the tool's error.
        """
        return await self._call(tool, arguments, counted=False)

    async def change(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that changes something, in the chosen project, as an agent would.

        Raises:
            LtmcError: the tool's error.
        """
        return await self._call(tool, arguments, counted=True)

    async def _call(self, name: str, arguments: dict[str, Any], *, counted: bool) -> dict[str, Any]:
        entry = manifest.tool(name)
        if "project_id" in entry.parameters["properties"]:
            arguments = {"project_id": self.project, **arguments}
        answer = await call(self.app, entry, arguments, counted=counted)
        if not answer["success"]:
            raise LtmcError(
                ErrorCode(answer["error_code"]),
                answer["error"],
                field=answer.get("field"),
                details=answer.get("details"),
            )
        for warning in answer.get("warnings", ()) if counted else ():
            self.tell(warning, kind="warning")
        return answer

    # Answers.

    def tell(self, text: str, *, kind: str = "done", undo: str | None = None) -> None:
        """Have the next page that is shown say something.

        Args:
            kind: done, warning or error.
            undo: the token of a deletion; the page offers to take it back.
        """
        self.session.notices.append({"text": text, "kind": kind, "undo": undo})

    def address(self, path: str, **parameters: object) -> str:
        """Return the address of a page for the chosen project."""
        return address(path, project=self.project, **parameters)

    async def show(
        self, template: str, context: Mapping[str, Any], *, section: str, status: int = 200
    ) -> Response:
        """Return a whole page.

        Args:
            template: the file, which extends base.html.
            section: the name of its section in the navigation.
        """
        names = await project_names(self.app, MOST_PROJECTS + 1)
        url = self.request.url
        if self.request.method != "GET":  # what a form was sent to may show nothing itself
            url = url.replace(path="/memories", query="")
        around = {
            "projects": names if self.project in names else [self.project, *names],
            "most_projects": MOST_PROJECTS,
            "section": section,
            "sections": SECTIONS,
            "notices": self.session.notices[:],
            "here": url.path,
            "back": str(url.replace(scheme="", netloc="")),
        }
        self.session.notices.clear()
        return self.part(template, {**around, **context}, status=status)

    def part(self, template: str, context: Mapping[str, Any], *, status: int = 200) -> Response:
        """Return a part of a page, for htmx to put in."""
        shared = {
            "address": self.address,
            "csrf": self.session.csrf,
            "project": self.project,
            "read_only": self.read_only,
            "refused": self.refused,
            "typed": self.typed,
            "theme": self.request.cookies.get("ltmc_theme", ""),
        }
        return HTMLResponse(templates().get_template(template).render({**shared, **context}), status)

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks, for a part of the page."""
        return (
            "hx-request" in self.request.headers and "hx-history-restore-request" not in self.request.headers
        )

    def go(self, path: str, **parameters: object) -> Response:
        """Return what sends the browser on to a page after a change."""
        return RedirectResponse(self.address(path, **parameters), 303)

    def back(self, otherwise: str) -> Response:
        """Return what sends the browser back to the page that the field `back` names, one of this server."""
        back = self.text("back")
        local = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
        return RedirectResponse(back if local else self.address(otherwise), 303)


def as_typed(text: str) -> str:
    """Return a text as it comes back when a person leaves it in a form as it is: browsers make all line ends one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
