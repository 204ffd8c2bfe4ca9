"""What nobody fills in by mistake: forms of others, values that are none, and all of it twice, at every address."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from ltmc.dashboard.application import PAGES
from ltmc.dashboard.page import Handler
from ltmc.dashboard.pages.access import OPEN
from tests.dashboard.content import PROJECT, store_hostile
from tests.dashboard.test_access import ask, cookie_of, csrf, link, send
from tests.http.serving import Answer, Serving

ROUTES: list[Handler] = [handler for module in PAGES for handler in module.ROUTES]
GETS = [one for one in ROUTES if one.method == "GET" and not one.stream]
POSTS = [one for one in ROUTES if one.method == "POST"]

WRONG = {
    "a large number": "9" * 30,
    "a negative number": "-1",
    "another number": "٣",
    "no number": "nan",
    "a control character": "a\x00b",
    "a path": "../../etc/passwd",
    "a quote": "'; DROP TABLE resources; --",
    "a glob": "[*",
    "a template": "{{ 7 * 7 }}%s",
    "a right-to-left override": "\u202eok\u200b",
    "a long text": "x" * 20_000,
}

ASKED = (
    "q node offset from to as_of tag type prefix range of status kind parts most steps direction relation_type "
    "open other before conversation_id result language role agent tool newest whole only after superseded id"
).split()
"""The parameters of all pages."""

FIELDS = (
    "title description content file_name tags add id undo theme node other relation link_id minutes priority "
    "progress hours assignment_id member new_id prerequisite template text name due valid_from valid_until expires "
    "resource_type kind holds confirm before prefix status skills notes from into seen back token"
).split()
"""The fields of all forms."""


def ids(handler: Handler) -> str:
    return f"{handler.method} {handler.path}"


def path_of(handler: Handler, value: str) -> str:
    """An address of a page, with a value where it has one."""
    numbered = re.sub(r"\{\w+:int\}", "9" * 30 if value == WRONG["a large number"] else "1", handler.path)
    return re.sub(r"\{\w+\}", quote(value, safe=""), numbered)


class Attacker:
    """A client with a session of a server whose fields are all filled with hostile text."""

    def __init__(self, server: Serving) -> None:
        self.server = server
        self.cookie = cookie_of(ask(server, link(server)))
        self.csrf = csrf(server, self.cookie)

    def get(self, path: str) -> Answer:
        return ask(self.server, path, self.cookie)

    def post(self, path: str, **fields: str) -> Answer:
        given = {"csrf": self.csrf, "project": PROJECT, **fields}
        return send(self.server, path, urlencode(given), self.cookie)


@pytest.fixture(scope="module")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacker]:
    with Serving(
        tmp_path_factory.mktemp("attacked") / "ltmc.db",
        XDG_CONFIG_HOME=str(tmp_path_factory.mktemp("config")),
    ) as server:
        store_hostile(server)
        yield Attacker(server)
        assert [line for line in server.log if "Traceback" in line or " ERROR " in line] == []


@pytest.mark.parametrize("handler", [one for one in ROUTES if one.path not in OPEN], ids=ids)
def test_nothing_is_answered_without_a_session_or_to_another_site(
    attacker: Attacker, handler: Handler
) -> None:
    path, server = path_of(handler, "1"), attacker.server
    if handler.method == "GET":
        assert ask(server, path).status == (401 if handler.stream else 303)
        assert ask(server, path, attacker.cookie, Origin="http://localhost:3000").status == 403
    else:
        assert send(server, path, f"csrf={attacker.csrf}").status == 401
        assert send(server, path, "", attacker.cookie).status == 403
        assert send(server, path, "csrf=%C3%BC", attacker.cookie).status == 403
        good = f"csrf={attacker.csrf}"
        assert send(server, path, good, attacker.cookie, Origin="https://evil.example").status == 403
    assert ask(server, path, attacker.cookie, Host="evil.example").status == 421


@pytest.mark.parametrize("handler", GETS, ids=ids)
def test_a_page_answers_whatever_it_is_asked(attacker: Attacker, handler: Handler) -> None:
    one_by_one = [
        (value, {name: value})
        for value in (WRONG["a large number"], WRONG["a control character"])
        for name in ASKED
    ]
    together = [(value, {"q": value, "offset": value, "project": value[:2000]}) for value in WRONG.values()]
    for value, given in [*one_by_one, *together]:
        answer = attacker.get(f"{path_of(handler, value)}?{urlencode({'project': PROJECT, **given})}")
        assert answer.status < 500, (given, answer)
        is_page = answer.headers["Content-Type"].startswith("text/html")
        assert not (is_page and "<script>broken" in answer.text)


@pytest.mark.parametrize(
    "handler",
    [one for one in POSTS if one.path not in ("/sign-out", "/settings/reindex", "/settings/doctor")],
    ids=ids,
)
def test_a_form_answers_whatever_stands_in_it_and_however_often(attacker: Attacker, handler: Handler) -> None:
    for value in (one for one in WRONG.values() for _ in range(2)):
        answer = attacker.post(path_of(handler, value), **dict.fromkeys(FIELDS, value))
        assert answer.status < 500, answer
        where = answer.headers["Location"] or "/"
        assert where.startswith("/")
        assert not where.startswith(("//", "/\\"))


def test_a_read_only_server_refuses_every_change(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with Serving(db) as server:
        store_hostile(server)
    with Serving(db, "--read-only") as server:
        attacker = Attacker(server)
        for handler in (one for one in POSTS if one.path != "/sign-out"):
            answer = attacker.post(path_of(handler, "1"), **dict.fromkeys(FIELDS, "1"))
            if handler.writes:
                assert answer.status == 403, handler
                assert "read-only" in answer.text, handler
        assert server.call("list_todos", project_id=PROJECT)["total"] == 1


def test_a_session_is_of_one_server(attacker: Attacker, tmp_path: Path) -> None:
    with Serving(tmp_path / "ltmc.db") as other:
        value = attacker.cookie.partition("=")[2]
        for cookie in (attacker.cookie, f"ltmc_session_{other.port}={value}"):
            assert ask(other, "/memories", cookie).status == 303
        assert ask(other, link(attacker.server)).status == 403


def test_a_change_that_is_sent_twice_is_made_once(attacker: Attacker) -> None:
    server = attacker.server
    one = server.call("store_memory", file_name="twice.md", content="first", project_id=PROJECT)[
        "resource_id"
    ]
    edit = attacker.get(f"/memories/{one}/edit?project={PROJECT}").text
    (seen,) = re.findall(r'name="seen" value="(\w+)"', edit)
    changed = {"content": "second", "tags": "", "resource_type": "document", "seen": seen}
    assert attacker.post(f"/memories/{one}/edit", **changed).status == 303
    assert attacker.post(f"/memories/{one}/edit", **changed).status == 409
    assert server.call("memory_history", file_name="twice.md", project_id=PROJECT)["total"] == 2
    new = {"content": "new", "file_name": "new.md"}
    assert attacker.post("/memories/new", **new).status == 303
    attacker.post("/memories/new", **new)
    assert server.call("memory_history", file_name="new.md", project_id=PROJECT)["total"] == 1
    assert attacker.post(f"/memories/{one}/forget").status == 303
    assert attacker.post(f"/memories/{one}/forget").status == 404
    for path in (f"/memories/{one}", f"/memories/{one}/edit", f"/memories/{one}/history"):
        gone = attacker.get(f"{path}?project={PROJECT}")
        assert gone.status == 404, path
        assert "no memory" in gone.text


def test_a_text_of_a_million_characters_is_stored_shown_and_changed(attacker: Attacker) -> None:
    text = "Ein Häuschen 🏠 am Meer. " * 40_000
    stored = attacker.post("/memories/new", content=text, file_name="größe/🏠.md", tags="é, 家")
    assert stored.status == 303, stored
    where = str(stored.headers["Location"])
    page = attacker.get(where)
    assert "größe/🏠.md" in page.text
    assert len(page.text) < 100_000
    assert len(attacker.get(f"{where}&whole=1").text) > 900_000
    assert len(attacker.get(where.replace("?", "/edit?")).text) > 900_000
