"""Coming in and leaving: the one-time link, the sign-in with the token, signing out, and how the pages look."""

from starlette.responses import RedirectResponse, Response

from ltmc.dashboard.page import Page, get, post
from ltmc.dashboard.session import SESSION_SECONDS

ENTER, SIGN_IN, SIGN_OUT = "/enter", "/sign-in", "/sign-out"

OPEN = (ENTER, SIGN_IN)
"""The addresses that need no session."""

THEMES = ("light", "dark")

YEAR = 365 * 24 * 3600


async def enter(page: Page) -> Response:
    """Let a browser in that brings the code of a link."""
    cookie = page.sessions.open_by_link(page.text("code"))
    if cookie is None:
        return page.part("sign_in.html", {"why": "link", "back": ""}, status=403)
    # A page of its own, not a redirect: what another program led to brings no strict cookie along at first.
    answer = page.part(
        "enter.html", {"first": page.address("/memories") if page.text("project") else "/memories"}
    )
    _give(page, answer, cookie)
    return answer


async def ask(page: Page) -> Response:
    """Ask for the token."""
    return page.part("sign_in.html", {"why": "", "back": page.text("back")})


async def sign_in(page: Page) -> Response:
    """Let a browser in that brings the token."""
    cookie = page.sessions.open_by_token(page.text("token"))
    if cookie is None:
        return page.part("sign_in.html", {"why": "token", "back": page.text("back")}, status=403)
    answer = page.back("/memories")
    _give(page, answer, cookie)
    return answer


async def sign_out(page: Page) -> Response:
    """End the session."""
    page.sessions.end(page.request.cookies.get(page.cookie_name))
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(page.cookie_name, httponly=True, samesite="strict")
    return answer


async def theme(page: Page) -> Response:
    """Have the pages light, dark, or as the system has it."""
    answer = page.back("/memories")
    wanted = page.text("theme")
    if wanted in THEMES:
        answer.set_cookie("ltmc_theme", wanted, max_age=YEAR, httponly=True, samesite="strict")
    else:
        answer.delete_cookie("ltmc_theme", httponly=True, samesite="strict")
    return answer


async def undo(page: Page) -> Response:
    """Take a deletion back."""
    found = await page.change("forget", undo=page.text("undo"))
    page.tell(f"Put back: {found['restored']}.")
    return page.back("/memories")


def _give(page: Page, answer: Response, cookie: str) -> None:
    answer.set_cookie(
        page.cookie_name,
        cookie,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=page.request.url.scheme == "https",
    )


ROUTES = [
    get(ENTER, enter),
    get(SIGN_IN, ask),
    post(SIGN_IN, sign_in, writes=False),
    post(SIGN_OUT, sign_out, writes=False),
    post("/theme", theme, writes=False),
    post("/undo", undo),
]
