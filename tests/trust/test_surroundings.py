"""What stands around the server, in its folder and its settings, does not change what it does."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.app.redaction import found_in, masked_json
from ltmc.features.projects.roots import why_refused
from tests.client import SOURCE_COMMAND, Session, run_cli


@pytest.mark.parametrize(
    "content", [b"FASTMCP_LOG_LEVEL=bogus\n", b"FASTMCP_LOG_ENABLED=maybe", b"\xff\xfe=\x80"]
)
def test_an_env_file_of_the_folder_is_not_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    done = subprocess.run(
        [*SOURCE_COMMAND, "serve", "--db", str(tmp_path / "a.db")],
        cwd=tmp_path,
        input=json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                },
            }
        )
        + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "serverInfo" in done.stdout) == (0, True), done.stderr


def test_a_database_behind_a_link_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link, real = tmp_path / "link.db", tmp_path / "real" / "m.db"
    link.symlink_to(real)
    with Session(link) as client:
        client.ok("add_todo", title="kept in the copy")
        assert run_cli("backup", str(tmp_path / "copy"), "--db", str(link)).returncode == 0
        for n in range(30):
            client.ok("add_todo", title=f"before {n}")
        (tmp_path / "copy").replace(real)
        written = {client.ok("add_todo", title=f"after {n}")["todo_id"] for n in range(5)}
    with closing(sqlite3.connect(real)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert written <= {row[0] for row in connection.execute("SELECT id FROM todos")}
    assert run_cli("todo", "list", "--db", str(link), LTMC_READ_ONLY="1").returncode == 0


@pytest.mark.parametrize("db", ["/dev/zero", "/dev/full", "sqlite:x.db", "postgresql:u:pw@h/db", "file:x.db"])
def test_what_is_no_file_is_no_database(tmp_path: Path, db: str) -> None:
    done = subprocess.run(
        [*SOURCE_COMMAND, "todo", "add", "x"],
        cwd=tmp_path,
        env={**os.environ, "LTMC_DB": db},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Setting db" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert "pw@h" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_no_token(db: Path) -> None:
    db.parent.mkdir()
    os.mkfifo(f"{db}.token", 0o600)
    done = run_cli("serve", "--transport", "http", "--port", "0", "--db", str(db))
    assert (done.returncode, "no ordinary file" in done.stderr) == (1, True), done


@pytest.mark.parametrize("name", ["/home", "/opt", "/mnt", "/srv"])
def test_folders_of_many_are_no_project(name: str) -> None:
    assert why_refused(Path(os.path.realpath(name)), [])


@pytest.mark.parametrize(
    "value",
    [
        {"password": 84731920},
        {"key": "DB_PASSWORD", "value": "Zq004vXk!pLm"},
        {"Name": "API_TOKEN", "Value": "a8Kd03mQz77xTr2"},
    ],
)
def test_named_values_of_json_are_secrets(value: dict[str, object]) -> None:
    assert [one.kind for one in found_in(value, "metadata")] == ["assigned secret"]
    assert "[masked assigned secret]" in masked_json(value).values()
    assert list(found_in({"password_length": 12, "tokens": 128_000, "secret": True}, "metadata")) == []
