"""Who may look: links, the token, sessions, forms of others, read-only servers."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from tests.client import SOURCE_COMMAND, run_cli
from tests.dashboard.browsing import Dashboard
from tests.http.serving import Answer, Serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that the tests of this module share."""
    db = tmp_path_factory.mktemp("access") / "ltmc.db"
    with Serving(db, "--allow-host", "memory.example", LTMC_LOG_LEVEL="DEBUG") as server:
        yield server


def ask(server: Serving, path: str, cookie: str | None = None, **headers: str | None) -> Answer:
    """A page, as a browser without the bearer asks for it."""
    return server.request("GET", path, **{"Authorization": None, "Cookie": cookie, **headers})


def send(server: Serving, path: str, body: str, cookie: str | None = None, **headers: str | None) -> Answer:
    """A form, as a browser sends it."""
    given = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": None, "Cookie": cookie}
    return server.request("POST", path, body, **{**given, **headers})


def link(server: Serving) -> str:
    """The path of a new link."""
    db = str(server.token_path).removesuffix(".token")
    found = run_cli("dashboard", "--link", "--db", db, "--port", str(server.port))
    assert found.returncode == 0, found
    assert found.stdout.startswith(f"http://127.0.0.1:{server.port}/enter?code=")
    return found.stdout.strip().partition(str(server.port))[2]


def cookie_of(answer: Answer) -> str:
    """The session that an answer gives."""
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


def csrf(server: Serving, cookie: str) -> str:
    """The token against forms of others, as it stands in a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', ask(server, "/memories", cookie).text)
    assert found is not None
    return found[1]


def test_without_a_session_there_is_only_the_sign_in(server: Serving) -> None:
    assert ask(server, "/").headers["Location"] == "/memories"
    for path in ("/memories?project=a", "/chats", "/live", "/settings"):
        answer = ask(server, path)
        assert answer.status == 303, path
        assert answer.headers["Location"].startswith("/sign-in")
    assert send(server, "/undo", "undo=x").status == 401
    assert ask(server, "/memories", "ltmc_session_1=x; ltmc_session=y").status == 303
    assert ask(server, "/metrics").status == 401
    assert ask(server, "/nothing").status == 401
    assert server.request("POST", "/mcp", "{}", Authorization=None).status == 401
    assert "Bearer" not in str(ask(server, "/sign-in").headers)


def test_a_link_lets_one_browser_in_once(server: Serving) -> None:
    path = link(server)
    answer = ask(server, path)
    assert answer.status == 200
    given = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(given.split("; "))
    assert ask(server, "/memories", cookie_of(answer)).status == 200
    again = ask(server, path)
    assert again.status == 403
    assert again.headers["Set-Cookie"] is None


CHANGES: dict[str, Callable[[str], str]] = {
    "changed": lambda code: code[:-2] + "AA",
    "none": lambda _: "",
    "no code": lambda _: "%C3%BC",
    "twice": lambda code: code * 2,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_link_lets_nobody_in(server: Serving, change: str) -> None:
    path, _, code = link(server).partition("code=")
    code = code.partition("&")[0]
    answer = ask(server, f"{path}code={CHANGES[change](code)}")
    assert answer.status == 403
    assert answer.headers["Set-Cookie"] is None


def test_a_link_of_before_the_start_lets_nobody_in(db: Path) -> None:
    with Serving(db) as first:
        old = link(first)
    with Serving(db) as second:
        assert ask(second, old).status == 403
        assert ask(second, link(second)).status == 200


def test_the_token_lets_in_and_stays_out_of_addresses_and_logs(server: Serving) -> None:
    wrong = send(server, "/sign-in", "token=ltmc_wrong")
    assert wrong.status == 403
    assert "ltmc_wrong" not in wrong.text
    answer = send(server, "/sign-in", f"token={server.token}&back=/todos")
    assert answer.status == 303
    assert answer.headers["Location"] == "/todos"
    assert ask(server, "/todos", cookie_of(answer)).status == 200
    log = "\n".join(server.log).replace("The new token, shown this once: " + server.token, "")
    assert server.token not in log
    assert "ltmc_wrong" not in log


@pytest.mark.parametrize(
    "back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/%09/evil.example"]
)
def test_signing_in_leads_to_no_other_host(server: Serving, back: str) -> None:
    answer = send(server, "/sign-in", f"token={server.token}&back={back}")
    assert answer.headers["Location"].startswith("/memories")


def test_signing_out_and_a_new_token_end_a_session(db: Path) -> None:
    with Serving(db) as server:
        first, second = (cookie_of(ask(server, link(server))) for _ in range(2))
        assert send(server, "/sign-out", f"csrf={csrf(server, first)}", first).status == 303
        assert ask(server, "/memories", first).status == 303
        assert ask(server, "/memories", second).status == 200
        assert run_cli("token", "rotate", "--db", str(db)).returncode == 0
        assert ask(server, "/memories", second).status == 303
        assert ask(server, link(server)).status == 200


def test_forms_of_other_sites_and_sessions_change_nothing(server: Serving) -> None:
    cookie, other = (cookie_of(ask(server, link(server))) for _ in range(2))
    token = csrf(server, cookie)
    good = f"csrf={token}&theme=dark"
    assert send(server, "/theme", good, cookie).status == 303
    assert send(server, "/theme", "theme=dark", cookie).status == 403
    assert send(server, "/theme", f"csrf={csrf(server, other)}&theme=dark", cookie).status == 403
    same = f"http://127.0.0.1:{server.port}"
    assert send(server, "/theme", good, cookie, Origin=same).status == 303
    for origin in ("http://127.0.0.1:1", "http://localhost:3000", "https://evil.example", "null"):
        assert send(server, "/theme", good, cookie, Origin=origin).status == 403, origin
    assert ask(server, "/memories", cookie, Host="evil.example").status == 421


def test_the_pages_work_behind_a_proxy_with_tls(server: Serving) -> None:
    proxied = {"Host": "memory.example", "Origin": "https://memory.example", "X-Forwarded-Proto": "https"}
    answer = send(server, "/sign-in", f"token={server.token}", **proxied)
    assert answer.status == 303, answer
    assert "; Secure" in answer.headers["Set-Cookie"]
    cookie = cookie_of(answer)
    page = ask(server, "/memories", cookie, **proxied)
    (token,) = set(re.findall(r'name="csrf" value="([^"]+)"', page.text))
    assert send(server, "/theme", f"csrf={token}&theme=dark", cookie, **proxied).status == 303


def test_every_answer_has_the_headers_that_keep_others_out(server: Serving) -> None:
    cookie = cookie_of(ask(server, link(server)))
    for path in ("/memories", "/sign-in", "/enter", "/static/ltmc.css", "/memories/nothing", "/"):
        headers = ask(server, path, cookie).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        kept = path.startswith("/static/")
        assert headers["Cache-Control"] == ("max-age=31536000, immutable" if kept else "no-store")


def test_static_files_are_those_of_the_folder_alone(server: Serving) -> None:
    for path in (
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static//etc/passwd",
        "/static/..%2fpage.py",
    ):
        assert ask(server, path).status in (404, 400, 401), path


def test_a_form_that_is_too_long_or_none_is_refused(server: Serving) -> None:
    cookie = cookie_of(ask(server, link(server)))
    answer = send(server, "/theme", "x=" + "a" * 16 * 1024 * 1024, cookie)
    assert answer.status == 400
    assert str(16 * 1024 * 1024) in answer.text
    many = "&".join(f"a{number}=1" for number in range(2000))
    assert send(server, "/theme", many, cookie).status == 400
    assert send(server, "/theme", "csrf=%ff%fe", cookie).status == 403


def test_a_refused_form_leads_back_to_a_page_that_there_is(server: Serving) -> None:
    cookie = cookie_of(ask(server, link(server)))
    refused = send(server, "/todos/999/done", f"csrf={csrf(server, cookie)}", cookie)
    assert 400 <= refused.status < 500
    (back,) = set(re.findall(r'name="back" value="([^"]+)"', refused.text))
    assert ask(server, back, cookie).status == 200


def test_a_read_only_server_shows_no_buttons_and_changes_nothing(db: Path, browser: Browser) -> None:
    with Serving(db) as server:
        assert server.call("add_todo", title="kept", project_id="default")["success"]
    with Serving(db, "--read-only") as server:
        site = Dashboard(browser, server, db)
        for path in ("/memories", "/chats", "/code", "/todos", "/graph", "/plans", "/live", "/settings"):
            page = site.visit(path)
            forms = page.locator("main form[method=post]")
            assert forms.count() == 0, path
        cookie = f"ltmc_session_{server.port}={site.context.cookies()[0]['value']}"
        refused = send(server, "/undo", f"csrf={csrf(server, cookie)}&undo=x", cookie)
        assert refused.status == 403
        assert "read-only" in refused.text
        site.close()


def test_the_command_serves_prints_and_serves_the_link(db: Path) -> None:
    process = subprocess.Popen(
        [*SOURCE_COMMAND, "dashboard", "--db", str(db), "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LTMC_PROJECT": "mine"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/enter\?code=[\w=%-]+", address)
        with urlopen(address, timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_a_server_on_stdio_imports_nothing_of_it() -> None:
    code = (
        "import sys, ltmc.cli.main, ltmc.server.mcp_server\n"
        "print([name for name in sys.modules if 'dashboard' in name or 'jinja' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
