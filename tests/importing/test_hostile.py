"""Torn, huge, bad and hostile files, an import that is killed, secrets, and how much memory it takes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ltmc.features.hooks.marked_parts import PRIVATE, without
from ltmc.importing import streams
from ltmc.importing.items import Position
from tests.client import SOURCE_COMMAND, Session, run_cli
from tests.importing import samples
from tests.importing.samples import claude_record, write_lines
from tests.importing.test_formats import SHOP, imported


def count(db: Path, table: str = "chat_messages", where: str = "TRUE") -> int:
    """How many rows a table has."""
    with closing(sqlite3.connect(db)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])


def test_no_secret_comes_in_by_a_name(db: Path, tmp_path: Path) -> None:
    core = "zqxjkvwp"
    token = f"ghp_{core * 4}zqxj"
    odd = {
        "sessionId": f"{token[:9]}\0{token[9:]}",
        "gitBranch": f"{'x' * 480}/{token}",
        "cwd": f"/work/no-such/{token}",
    }
    path = write_lines(tmp_path / f"{token}.jsonl", [claude_record(1, "user", "first", **odd)])
    assert imported(db, path, LTMC_SECRETS="refuse")["new"] == {"messages": 1}
    engram = samples.engram(tmp_path)
    with closing(sqlite3.connect(engram)) as connection, connection:
        connection.execute(
            "UPDATE observations SET project = ?1, title = ?1, session_id = ?1, type = ?1", (token,)
        )
        connection.execute("UPDATE sessions SET id = ?1, project = ?1, directory = ''", (token,))
        connection.execute("UPDATE user_prompts SET project = ?1, session_id = ?1", (token,))
    assert sum(imported(db, engram, LTMC_SECRETS="refuse")["new"].values()) == 2
    written = b"".join(one.read_bytes() for one in db.parent.iterdir())
    assert core.encode() not in written.lower()


def test_what_is_bad_is_left_out_and_counted(db: Path, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "s.jsonl", [claude_record(1, "user", "first")])
    with path.open("ab") as file:
        file.write(b'{"type": "user", "uuid": "bad\n')
        file.write(b"\xff\xfe\x00\n")
        file.write(b"[" * 100_000 + b"\n")
        file.write(b'"' + b"x" * (9 << 20) + b'"\n')
        file.write(json.dumps(claude_record(2, "user", "sec\udc80ond \x00 half")).encode() + b"\n")
        file.write(
            json.dumps(claude_record(3, "user", "third") | {"timestamp": [], "cwd": 7}).encode() + b"\n"
        )
        bad = json.dumps(claude_record(4, "user", "fourth")).encode().replace(b"fourth", b"four\xffth")
        file.write(bad + b"\n" + json.dumps(claude_record(5, "user", "fifth")).encode()[:-9])
    report = imported(db, path)
    assert report["new"] == {"messages": 4}
    assert report["skipped"] == {
        "lines that are no JSON objects": 3,
        "lines that are too long": 1,
        "unfinished last lines": 1,
    }
    with path.open("ab") as file:
        file.write(json.dumps(claude_record(5, "user", "fifth")).encode()[-9:] + b"\n")
    assert imported(db, path)["new"] == {"messages": 1}, "the torn line, which was ended"


def test_a_file_that_grew_is_read_on_and_one_that_was_changed_anew(db: Path, tmp_path: Path) -> None:
    records = [claude_record(number, "user", f"text {number}") for number in range(5)]
    path = write_lines(tmp_path / "s.jsonl", records)
    assert imported(db, path)["new"] == {"messages": 5}
    with path.open("a") as file:
        file.write(json.dumps(claude_record(9, "assistant", "more")) + "\n")
    report = imported(db, path)
    assert (report["new"], report["skipped"]) == ({"messages": 1}, {}), "what was read is not read again"
    write_lines(path, [claude_record(20, "user", "before all")] + records)
    report = imported(db, path)
    assert report["new"] == {"messages": 1}
    assert report["skipped"] == {"things that came in before": 5}


def test_what_was_forgotten_does_not_come_back(db: Path, tmp_path: Path) -> None:
    path = samples.vault(tmp_path)
    imported(db, path)
    with Session(db) as client:
        chosen = {"kind": "memory", "ids": ["vault/kiosk.md"]}
        client.ok("forget", **chosen, confirm=client.ok("forget", **chosen)["confirm"])
    assert imported(db, path)["new"] == {}


@pytest.mark.parametrize("setting", ["warn", "mask", "refuse"])
def test_secrets_and_private_parts_are_nowhere_in_the_file(db: Path, tmp_path: Path, setting: str) -> None:
    secrets = ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAIOSFODNN7EXAMPLQ", "tell-nobody-of-the-heron"]
    said = f"Use {secrets[0]} here. <private>{secrets[2]}</private> Then go on."
    write_lines(tmp_path / "t" / "s.jsonl", [claude_record(1, "user", said)])
    vault = samples.vault(tmp_path / "t")
    (vault / "key.md").write_text(
        f"---\naws: {secrets[1]}\n---\nThe key is {secrets[1]}, <PRIVATE>{secrets[2]}"
    )
    report = imported(db, tmp_path / "t", LTMC_SECRETS=setting)
    assert report["skipped"]["texts with secrets, which are masked"] == 2
    assert report["skipped"]["private parts"] == 2
    written = b"".join(path.read_bytes() for path in db.parent.iterdir())
    assert [secret for secret in secrets if secret.encode() in written] == []
    with Session(db) as client:
        [message] = client.ok("get_chat_history", conversation_id="claude-session", project_id=SHOP)[
            "messages"
        ]
        assert message["content"].startswith("Use [masked ")
        assert message["content"].endswith(" Then go on.")


def test_an_import_that_is_killed_goes_on(db: Path, tmp_path: Path) -> None:
    total = 3_000
    records = [claude_record(number, "user", f"Message {number} of the hangar.") for number in range(total)]
    path = write_lines(tmp_path / "s.jsonl", records)
    command = [*SOURCE_COMMAND, "import", str(path), "--db", str(db)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and not (db.exists() and _began(db)):
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    there = count(db)
    assert 0 < there < total, "it was killed in between"
    report = imported(db, path)
    assert report["new"] == {"messages": total - there}
    assert report["skipped"].get("things that came in before", 0) <= 1, "it went on where it was"
    assert count(db) == count(db, "search_entries") == total
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT count(DISTINCT content) FROM chat_messages").fetchone() == (total,)


def _began(db: Path) -> bool:
    try:
        return count(db) > 0
    except sqlite3.Error:
        return False


MEASURED = """
import resource, sys
from ltmc.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def megabytes_of(*arguments: str) -> int:
    """The most memory that a command held."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.splitlines()[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no count of the memory a process held")
def test_large_files_are_never_held(db: Path, tmp_path: Path) -> None:
    small = write_lines(tmp_path / "small.jsonl", [claude_record(1, "user", "hello")])
    before = megabytes_of("import", str(small), "--db", str(db))
    output = [{"type": "tool_result", "tool_use_id": "t", "content": "line of output\n" * 7_000}]
    large = tmp_path / "large.jsonl"
    with large.open("w") as file:
        for number in range(600):
            role = "user" if number % 20 else "assistant"
            content = output if number % 20 else f"Message {number} of the hangar."
            file.write(json.dumps(claude_record(100 + number, role, content)) + "\n")
    talks = tmp_path / "talks.zip"
    with (
        zipfile.ZipFile(talks, "w", zipfile.ZIP_STORED) as archive,
        archive.open("conversations.json", "w") as file,
    ):
        for number in range(600):
            said = {
                "uuid": f"{number}",
                "sender": "human",
                "text": f"Talk {number}",
                "files": ["y" * 100_000],
            }
            talk = {"uuid": f"talk-{number}", "name": "x", "chat_messages": [said]}
            file.write(b",["[number == 0 : 1 + (number == 0)] + json.dumps(talk).encode())
        file.write(b"]")
    assert min(large.stat().st_size, talks.stat().st_size) > 60_000_000
    assert megabytes_of("import", str(large), str(talks), "--db", str(db)) < before + 60
    assert count(db) == 1 + 30 + 600


def test_zip_files_that_unpack_to_too_much_are_refused(db: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", b"[" + b" " * 400_000_000 + b"]")
        archive.writestr("../../conversations.json", b'[{"uuid": "u", "chat_messages": []}]')
    report = imported(db, bomb)
    assert report["new"] == {}
    assert report["skipped"] == {"members of zip files that unpack to too much": 1}
    torn = samples.chatgpt(tmp_path)
    content = bytearray(torn.read_bytes())
    content[60:90] = bytes(30)
    torn.write_bytes(content)
    assert imported(db, torn)["skipped"]["members of zip files that are damaged"] == 1
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "damaged or cut off" in imported(db, tmp_path / "no.zip", code=1)["sources"][0]["error"]


def test_links_out_of_a_folder_are_not_followed(db: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("Not to be read.")
    vault = samples.vault(tmp_path)
    (vault / "link.md").symlink_to(outside / "secret.md")
    (vault / "folder").symlink_to(outside)
    os.mkfifo(vault / "pipe.md")
    report = imported(db, vault)
    assert report["new"]["memories"] == 2
    assert report["skipped"]["links to files, and what is no file"] == 2


def test_a_database_that_a_program_has_open_is_read_with_its_log_and_left_alone(
    db: Path, tmp_path: Path
) -> None:
    path = samples.opencode(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        program.execute("PRAGMA journal_mode = WAL")
        program.execute("INSERT INTO message VALUES ('m3', 'opencode-session', 1, '{\"role\": \"user\"}')")
        program.execute(
            "INSERT INTO part VALUES ('p9', 'm3', 's', '{\"type\": \"text\", \"text\": \"only in the log\"}')"
        )
        before = {one.name: one.read_bytes() for one in tmp_path.glob("opencode.db*")}
        assert imported(db, path)["new"] == {"messages": 3}
        left = {one.name: one.read_bytes() for one in tmp_path.glob("opencode.db*")}
        assert left["opencode.db"] == before["opencode.db"]
        assert left["opencode.db-wal"] == before["opencode.db-wal"]
        assert left.keys() == before.keys()
        copy = tmp_path / "dead"
        copy.mkdir()
        for name in ("opencode.db", "opencode.db-wal"):
            (copy / name).write_bytes(before[name])
    imported(db, copy / "opencode.db")
    assert sorted(one.name for one in copy.iterdir()) == ["opencode.db", "opencode.db-wal"]
    (copy / "opencode.db-wal").unlink()
    (copy / "opencode.db").write_bytes(before["opencode.db"][:5_000])
    done = run_cli("import", str(copy / "opencode.db"), "--db", str(db))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def parsed(text: str, size: int) -> tuple[list[Any], int]:
    """What is read of an array that comes in blocks of a size, and how many elements were left out."""
    content, position = text.encode(), Position()
    blocks = (content[place : place + size] for place in range(0, len(content), size))
    return list(streams.array(blocks, position)), position.skipped.total()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_arrays_are_split_at_any_place(size: int) -> None:
    values = [{"a": '"]},[{\\'}, {"b": ["é", {"c": [[], {}]}]}, {"d": "\\\\"}, {}]
    for indent in (None, 1):
        assert parsed(json.dumps(values, indent=indent), size) == (values, 0)
        assert parsed(json.dumps(values, indent=indent, ensure_ascii=False), size) == (values, 0)
    assert parsed("[]", size) == parsed(" [ ] ", size) == parsed("", size) == ([], 0)
    assert parsed('[{"a": 1}, 7, {"b": ', size) == ([{"a": 1}], 2)
    assert parsed('[{"a": 1}, {"b" 2}, {"c": 3}]', size) == ([{"a": 1}, {"c": 3}], 1)


def test_an_element_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_ELEMENT", 50)
    assert parsed(json.dumps([{"a": 1}, {"b": "x" * 100}, {"c": 3}]), 7) == ([{"a": 1}, {"c": 3}], 1)


def test_what_hooks_kept_of_a_session_does_not_come_in_again(db: Path, tmp_path: Path) -> None:
    path = samples.claude_code(tmp_path)
    with Session(db) as client:
        where = {"conversation_id": "claude-session", "project_id": SHOP, "source_tool": "hook"}
        client.ok("log_chat", content="Why is the kiosk slow?", **where)
    report = imported(db, path)
    assert report["new"] == {"messages": 1}
    assert report["skipped"]["things that came in before"] == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a<private>b</private>c<Private>d</PRIVATE>e", "ace"),
        ("a<private>b<private>c</private>d</private>e", "ae"),
        ("a<private>b<private>c</private>d", "a"),
        ("a</private>b", "a</private>b"),
        ("a< private >b</private >c", "ac"),
        ('a<Private reason="x > y">b</ private>c', "ac"),
        ("a<private\nreason=x>b", "a"),
    ],
)
def test_private_parts(text: str, left: str) -> None:
    assert without(text, PRIVATE) == left
