"""One session with every tool, in each form in which LTMC is shipped."""

import json
import subprocess
from pathlib import Path

import pytest

from ltmc.tools import manifest
from tests import artefacts
from tests.client import Session
from tests.forms import steps

forms = pytest.mark.parametrize("form", artefacts.FORMS)


@forms
def test_every_tool_once_then_restart_and_read_back(db: Path, tmp_path: Path, form: str) -> None:
    command = artefacts.command(form)
    with Session(db, command=command) as client:
        called = steps.Recorder(client)
        steps.use_every_tool(called, tmp_path)
        assert called.names == {tool.name for tool in manifest.tools()}
        steps.use_prompts_and_resources(client)
    with Session(db, command=command) as client:
        steps.read_back(client)


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
def test_the_check_reads_the_same_list_in_every_form(tmp_path: Path, form: str) -> None:
    report = check(artefacts.command(form))
    assert report["ok"]
    assert report["form"] == ("frozen" if form == "onefile" else form)
    assert names(report) == names(check(artefacts.command("source")))


def check(command: list[str]) -> dict:
    done = subprocess.run(
        [*command, "check", "--json"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def names(report: dict) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["name"]) for entry in report["entries"]]
