"""One session with every tool, in each form in which LTMC is shipped."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from ltmc.distribution import contents
from tests import artefacts
from tests.client import Session
from tests.forms import steps
from tests.http.serving import Serving
from tests.upgrade import recorded

forms = pytest.mark.parametrize("form", artefacts.FORMS)


@forms
def test_every_tool_once_then_restart_and_read_back(db: Path, tmp_path: Path, form: str) -> None:
    command = artefacts.command(form)
    steps.whole_session(command, db, tmp_path)
    with Session(db, "--profile", "lean", command=command) as client:
        (found, *_) = client.ok("use_tool", query="list what is remembered")["tools"]
        assert client.ok("use_tool", name=found["name"])["memories"]


@forms
def test_what_one_form_writes_the_others_read(db: Path, form: str) -> None:
    with Session(db, command=artefacts.command(form)) as client:
        client.ok("store_memory", file_name=f"{form}.md", content=f"The {form} form saw a heron.")
        client.ok("redis_set_cache", key="form", value={"written by": form})
        todo = client.ok("add_todo", title=f"Ask the {form} form")["todo_id"]
    for other in artefacts.FORMS:
        with Session(db, command=artefacts.command(other)) as client:
            (found,) = client.ok("retrieve_memory", query="heron")["results"]
            assert found["content"] == f"The {form} form saw a heron."
            assert client.ok("redis_get_cache", key="form")["value"] == {"written by": form}
            listed = client.ok("list_todos")["todos"]
            assert [entry["todo_id"] for entry in listed] == [todo]


@forms
def test_an_old_database_is_upgraded_and_what_is_purged_leaves_the_file(tmp_path: Path, form: str) -> None:
    command, db = artefacts.command(form), recorded.restore(tmp_path)
    with Session(db, command=command) as client:
        old = client.ok("list_memories", project_id="shop", limit=1)["memories"][0]
        for name in ("plan.md", "retraction.md"):
            client.ok(
                "store_memory", file_name=name, content=f"A Quetzalcoatlus in {name}.", project_id="shop"
            )
        client.ok("update_memory", file_name="retraction.md", supersedes=["plan.md"], project_id="shop")
        found = client.ok("retrieve_memory", query="quetzalcoatlus", project_id="shop")["results"]
        assert found[0]["file_name"] == "retraction.md"
        assert all(one["file_name"] != "plan.md" for one in found)
        chosen = {"kind": "memory", "ids": ["plan.md", "retraction.md"], "project_id": "shop"}
        client.ok("forget", **chosen, confirm=client.ok("forget", **chosen)["confirm"])
    assert holding(db)
    purge = [*command, "forget", "--purge", "--yes", "--json", "--db", str(db)]
    done = subprocess.run(purge, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    (copy,) = json.loads(done.stdout)["copies"]
    assert Path(copy).parent == db.parent
    assert holding(db) == []
    with Session(db, command=command) as client:
        kept = client.ok("get_memory", file_name=old["file_name"], project_id="shop")
        assert kept["content"].startswith(old["line"][:20])


@forms
def test_the_check_reads_the_same_list_in_every_form(tmp_path: Path, form: str) -> None:
    report = check(artefacts.command(form))
    assert report["ok"]
    assert report["form"] == ("frozen" if form == "onefile" else form)
    assert names(report) == names(check(artefacts.command("source")))


@forms
def test_the_dashboard_is_in_every_form(db: Path, form: str) -> None:
    command = artefacts.command(form)
    with Serving(db, command=command) as server:
        server.call(
            "store_memory", file_name="heron.md", content="A heron <b>stands</b>.", project_id="default"
        )
        made = [*command, "dashboard", "--link", "--db", str(db), "--port", str(server.port)]
        link = subprocess.run(made, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        path = link.partition(str(server.port))[2]
        entered = server.request("GET", path, Authorization=None)
        cookie = str(entered.headers["Set-Cookie"]).partition(";")[0]
        page = server.request("GET", "/memories/1", Authorization=None, Cookie=cookie)
        assert "A heron &lt;b&gt;stands&lt;/b&gt;." in page.text
        for name in re.findall(r"/static/[\w.]+\?v=\w+", page.text):
            assert server.request("GET", name, Authorization=None).status == 200, name


def holding(db: Path) -> list[str]:
    """The files of a database, and copies of it, that hold a word."""
    files = db.parent.glob(f"{db.name}*")
    return [path.name for path in files if b"quetzalcoatlus" in path.read_bytes().lower()]


def check(command: list[str]) -> dict:
    done = subprocess.run(
        [*command, "check", "--json"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def names(report: dict) -> list[tuple[str, str]]:
    """What was loaded, without modules for what an extra brings."""
    optional = tuple(f"{package}." for package in contents.OPTIONAL)
    found = [(entry["kind"], entry["name"]) for entry in report["entries"]]
    return [(kind, name) for kind, name in found if kind != "module" or not f"{name}.".startswith(optional)]
