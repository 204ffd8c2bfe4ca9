"""Listing, reading, changing, forgetting and tidying memories from the command line."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ltmc.settings import ENV_PREFIX, Settings
from tests.client import SOURCE_COMMAND, Session, run_cli


@pytest.fixture
def stored(db: Path) -> Path:
    """A database with some memories."""
    with Session(db, "--project", "auto") as client:
        client.ok(
            "store_memory", file_name="notes/bus.md", content="The bus is Kafka.\nIt is slow.", tags=["bus"]
        )
        client.ok(
            "store_memory", file_name="notes/bus.md", content="The bus is NATS.\nIt is slow.", tags=["bus"]
        )
        client.ok("store_memory", file_name="long.md", content="walnut " * 10_000)
        client.ok(
            "store_memory", file_name="a.md", content="The staging server is restored every night at two."
        )
        client.ok(
            "store_memory", file_name="b.md", content="The staging server is restored every night at two!"
        )
        client.ok(
            "store_memory", file_name="c.md", content="The staging server is restored every night at four."
        )
        client.ok(
            "store_memory",
            file_name="offer.md",
            content="Cheap tea.",
            valid_from="2020-01-01",
            valid_until="2020-02-01",
        )
        client.ok("log_chat", conversation_id="walk", content="I saw a heron.")
        client.ok("retrieve_memory", query="bus", top_k=1)
    return db


def ltmc(db: Path, *arguments: str, text: str | None = None, **env: str) -> CompletedProcess[str]:
    done = run_cli(*arguments, "--db", str(db), text=text, TZ="Asia/Kathmandu", **env)
    assert "Traceback" not in done.stderr
    return done


def answer(db: Path, *arguments: str) -> dict:
    done = ltmc(db, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_memories_are_listed_read_and_changed(stored: Path, tmp_path: Path) -> None:
    listed = ltmc(stored, "list", "--tag", "bus").stdout
    assert "notes/bus.md" in listed
    assert "1 of 1." in listed
    assert re.search(r"\d\d:\d\d\+05:45", listed), "times have a zone"
    assert "+05:45" in ltmc(stored, "recall", "bus").stdout
    assert answer(stored, "list", "--limit", "1", "--offset", "1")["count"] == 1
    shown = ltmc(stored, "show", "notes/bus.md")
    assert shown.stdout == "The bus is NATS.\nIt is slow.\n"
    assert "version 2" in shown.stderr
    assert "not current" in ltmc(stored, "show", "notes/bus.md", "--version", "1").stderr
    assert len(answer(stored, "show", "long.md")["content"]) == 70_000
    history = ltmc(stored, "history", "notes/bus.md").stdout
    assert "    -The bus is Kafka." in history
    assert "2 of 2." in history
    assert (
        ltmc(
            stored, "edit", "notes/bus.md", "--text", "-", "--tag", "mail", text="The bus is AMQP.\n"
        ).returncode
        == 0
    )
    assert ltmc(stored, "show", "notes/bus.md").stdout == "The bus is AMQP.\n"
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys; p = sys.argv[1]; t = open(p).read(); open(p, 'w').write(t.replace('AMQP', 'MQTT'))"
    )
    editor = f"{sys.executable} {script}"
    assert "version 4" in ltmc(stored, "edit", "notes/bus.md", EDITOR=editor).stdout
    assert "Nothing was changed" in ltmc(stored, "edit", "notes/bus.md", EDITOR=editor).stderr
    assert ltmc(stored, "show", "notes/bus.md").stdout == "The bus is MQTT.\n"
    ltmc(stored, "edit", "a.md", "--expires", "3")
    assert "expires 2" in ltmc(stored, "show", "a.md").stderr
    for wrong in (["show", "nowhere.md"], ["history", "99"], ["edit", "nowhere.md", "--text", "a"]):
        done = ltmc(stored, *wrong)
        assert (done.returncode, wrong[1] in done.stderr) == (1, True), done
    assert ltmc(stored, "edit", "a.md", "--expires", "yesterday").returncode == 2


def test_edit_and_remember_know_when_a_memory_holds(stored: Path) -> None:
    new = answer(stored, "remember", "The bus is MQTT.", "--name", "mqtt.md", "--supersedes", "notes/bus.md")
    newest = answer(stored, "remember", "The bus is Zenoh.", "--name", "zenoh.md", "--supersedes", "mqtt.md")
    assert newest["superseded"] == [new["resource_id"]]
    refused = ltmc(stored, "edit", "notes/bus.md", "--text", "The bus is slow.")
    assert refused.returncode == 1
    assert f"memory {newest['resource_id']} ('zenoh.md')" in refused.stderr
    edited = ltmc(
        stored, "edit", "zenoh.md", "--valid-from", "2020-01-01", "--tag", "bus", "--supersedes", "a.md"
    )
    assert edited.returncode == 0, edited.stderr
    assert "holds from 2020-01-01" in ltmc(stored, "show", "zenoh.md").stderr
    assert "not current" in ltmc(stored, "show", "a.md").stderr
    assert answer(stored, "show", "zenoh.md")["tags"] == ["bus"]
    assert ltmc(stored, "edit", "zenoh.md", "--tag", "").returncode == 0
    assert answer(stored, "show", "zenoh.md")["tags"] == []
    told = ("remember", "The bus was Kafka.", "--name", "kafka.md", "--valid-until", "2019-05-01")
    assert ltmc(stored, *told).returncode == 0
    assert "not current" in ltmc(stored, "show", "kafka.md").stderr


def test_forgetting_asks_first(stored: Path) -> None:
    asked = ltmc(stored, "forget", "--conversation", "walk")
    assert "I saw a heron." in asked.stdout
    assert "--yes" in asked.stderr
    done = ltmc(stored, "forget", "--conversation", "walk", "--yes").stdout
    assert answer(stored, "forget", "--conversation", "walk")["total"] == 0
    for nothing in ((), ("--yes",)):
        assert ltmc(stored, "forget", "--conversation", "walk", *nothing).stdout == "Nothing to forget.\n"
    (token,) = re.findall(r"fg_\w+", done)
    assert re.search(
        rf"{token} +[^ ]+ \d\d:\d\d\+05:45 +\S+ +1 chat", ltmc(stored, "forget", "--trash").stdout
    )
    assert "Put back 1 chat" in ltmc(stored, "forget", "--undo", token).stdout
    assert ltmc(stored, "forget", "--trash", "--json").stdout == "[]\n"
    assert answer(stored, "forget", "--conversation", "walk")["total"] == 1
    assert answer(stored, "forget", "a.md", "b.md")["kinds"] == {"memory": 2}
    assert ltmc(stored, "forget", "nowhere.md").returncode == 1
    assert ltmc(stored, "forget").returncode == 2
    assert ltmc(stored, "forget", "--purge", "--undo", token).returncode == 2


def test_what_is_purged_is_shown_and_asked_for_first(stored: Path) -> None:
    def purge(*arguments: str, typed: str) -> str:
        """What a purge at a terminal prints."""
        keyboard, screen = os.openpty()
        os.write(keyboard, typed.encode())
        command = [*SOURCE_COMMAND, "forget", "--purge", "--db", str(stored), *arguments]
        done = subprocess.run(command, stdin=screen, capture_output=True, text=True, timeout=60, check=True)
        for end in (keyboard, screen):
            os.close(end)
        return done.stdout + done.stderr

    (token,) = re.findall(r"fg_\w+", ltmc(stored, "forget", "a.md", "--yes").stdout)
    (other,) = re.findall(r"fg_\w+", ltmc(stored, "forget", "--conversation", "walk", "--yes").stdout)
    with Session(stored) as client:  # the project default
        client.ok("store_memory", file_name="d.md", content="It is in another project.")
        elsewhere = client.ok("forget", kind="memory", ids=["d.md"])
        elsewhere = client.ok("forget", kind="memory", ids=["d.md"], confirm=elsewhere["confirm"])["undo"]
    asked = ltmc(stored, "forget", "--purge")
    assert asked.returncode == 0
    assert all(one in asked.stdout for one in (token, other, elsewhere))
    assert asked.stderr == "Nothing is deleted yet; --yes does it.\n"
    assert len(answer(stored, "forget", "--purge")) == 3
    assert "Nothing is deleted yet" in purge(typed="n\n")
    assert len(answer(stored, "forget", "--trash", "--project", "default")) == 1
    here = purge("--project", "default", typed="y\n")
    assert elsewhere in here
    assert token not in here
    assert "Delete them for good?" in here
    assert {one["undo"] for one in answer(stored, "forget", "--trash")} == {token, other}
    assert "forgotten 2 times" in ltmc(stored, "forget", "--purge", "--yes").stdout
    assert answer(stored, "forget", "--trash") == []
    assert "forgotten 0 times" in ltmc(stored, "forget", "--purge").stdout
    assert ltmc(stored, "forget", "--undo", token).returncode == 1


def test_tidy_shows_what_may_go_and_takes_it_only_when_told(stored: Path) -> None:
    with closing(sqlite3.connect(stored)) as connection, connection:
        connection.execute(
            "UPDATE resources SET created_at = '2020-01-01T00:00:00.000000Z' WHERE file_name = 'long.md'"
        )
    found = answer(stored, "tidy")
    names = {why: [one["file_name"] for one in found[why]] for why in found if why != "undo"}
    assert names == {
        "near_duplicate": ["a.md"],
        "superseded": ["notes/bus.md"],
        "expired": ["offer.md"],
        "never_recalled": ["long.md"],
    }
    (duplicate,) = found["near_duplicate"]
    kept = duplicate["duplicate_of"]
    assert kept["file_name"] == "b.md"
    assert answer(stored, "tidy") == found, "nothing was changed"
    shown = ltmc(stored, "tidy", COLUMNS="200").stdout
    assert "4 may go" in shown
    assert f"near duplicate of b.md (id {kept['resource_id']})" in shown
    assert list(answer(stored, "tidy", "--only", "expired")) == ["expired", "undo"]
    done = answer(stored, "tidy", "--apply")
    assert not any(answer(stored, "tidy").values())
    assert answer(stored, "list")["total"] == 3
    assert ltmc(stored, "forget", "--undo", *done["undo"]).returncode == 0
    assert ltmc(stored, "reindex").returncode == 0, "what is long is embedded later"
    assert answer(stored, "tidy") == found


def test_tidy_takes_nothing_that_says_something_else(db: Path) -> None:
    texts = [
        "A full queue drops the newest message and logs a warning to the console of the broker.",
        "A full queue drops the oldest message and logs a warning to the console of the broker.",
        "Rechnungen werden jede Nacht um drei vom Drucker in den Ordner Eingang gelegt.",
        "Rechnungen werden jede Nacht um drei vom Drucker in den Ordner Ausgang gelegt.",
        "The staging server is to be restored from the backup every night.",
        "The staging server is restored from the backup every night!",
    ]
    with Session(db, "--project", "auto") as client:
        for number, text in enumerate(texts):
            client.ok("store_memory", file_name=f"{number}.md", content=text)
    assert [one["file_name"] for one in answer(db, "tidy")["near_duplicate"]] == ["4.md"]


def test_help_names_every_setting_and_command() -> None:
    shown = run_cli("--help").stdout
    for name in {*Settings._fields} - {"postgres_url"}:  # which LTMC_DB gives
        assert re.search(rf"\b{ENV_PREFIX}{name.upper()}\b", shown), name
    for command in ("list", "show", "edit", "history", "forget", "tidy"):
        assert re.search(rf"^  {command} ", shown, re.MULTILINE)
