"""Live sync through a real client and server, on real files."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.client import Session

CODE = "def count(things):\n    return len(things)\n"
DEADLINE_SECONDS = 20
"""After so long what was waited for is held not to come."""


@pytest.fixture
def root(tmp_path: Path, shared: Session, project: str) -> Path:
    root = tmp_path / "root"
    (root / "app").mkdir(parents=True)
    (root / "app" / "m.py").write_text(CODE)
    shared.ok("register_project", project_id=project, root_path=str(root))
    return root


def wait(client: Session, project: str, until: Callable[[dict], Any], **more: Any) -> dict[str, Any]:
    """The status as soon as it is as wanted."""
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = client.ok("get_sync_status", project_id=project, limit=100, **more)
        if until(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.03)


def seen(found: dict, name: str, change: str | None = None) -> list[dict]:
    return [
        event
        for event in found["recent_events"]
        if event["file_path"] == name and change in (None, event["change_type"]) and "handled_at" in event
    ]


def start(client: Session, project: str, *paths: str, **more: Any) -> dict[str, Any]:
    more.setdefault("sync_interval_ms", 100)
    return client.ok("start_real_time_sync", file_paths=list(paths), project_id=project, **more)


def test_a_change_brings_the_document_up_to_date(shared: Session, project: str, root: Path) -> None:
    shared.ok("sync_documentation_with_code", file_path="app/m.py", project_id=project)
    started = start(shared, project, "app", "missing")
    assert (started["status"], started["created"], started["missing_paths"]) == ("active", True, ["missing"])
    assert (started["watched_files"], started["watched_directories"]) == (1, 1)
    (root / "app" / "m.py").write_text(CODE.replace("things)", "things, start=0)", 1))
    found = wait(shared, project, lambda found: found["sessions"][0]["syncs_done"] == 1)
    (event,) = seen(found, "app/m.py")
    assert (event["change_type"], event["sync_state"], event.get("error")) == ("modified", "synced", None)
    assert [(one["symbol"], one["change"]) for one in event["symbols"]] == [("count", "signature_changed")]
    assert "count(things, start=0)" in (root / "docs" / "api" / "app.m.md").read_text()
    assert found["overall"] == "healthy"
    (file,) = found["files"]
    assert (file["state"], file["consistency_score"]) == ("synced", 1.0)
    assert file["last_synced"] is not None
    again = shared.ok("get_sync_status", sync_id=started["sync_id"])
    assert again["recent_events"] == found["recent_events"], "reading consumes nothing"
    drift = shared.ok("detect_documentation_drift", file_path="app/m.py", project_id=project)
    assert drift["drift_detected"] is False
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_editors_that_replace_files_are_followed(shared: Session, project: str, root: Path) -> None:
    path = root / "app" / "m.py"
    started = start(shared, project, "app/m.py")
    for number in range(3):
        text = f"def count(things, a{number}): ...\n"
        if number == 0:  # write beside it, then rename over it
            (root / "app" / ".m.tmp").write_text(text)
            (root / "app" / ".m.tmp").replace(path)
        elif number == 1:  # move the old one away, then write anew
            path.rename(root / "app" / "m.py~")
            path.write_text(text)
        else:  # delete and write
            path.unlink()
            path.write_text(text)

        def is_seen(found: dict, number: int = number) -> bool:
            return len(seen(found, "app/m.py")) >= number + 1

        found = wait(shared, project, is_seen)
        assert "app/m.py~" not in {event["file_path"] for event in found["recent_events"]}
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_new_folders_and_deleted_files_are_seen(shared: Session, project: str, root: Path) -> None:
    started = start(shared, project, ".")
    (root / "app" / "deep" / "er").mkdir(parents=True)
    (root / "app" / "deep" / "er" / "n.py").write_text("def n(): ...\n")
    wait(shared, project, lambda found: seen(found, "app/deep/er/n.py", "created"))
    (root / "app" / "deep" / "er" / "n.py").write_text("def n(x): ...\n")
    found = wait(shared, project, lambda found: seen(found, "app/deep/er/n.py", "modified"))
    (event,) = seen(found, "app/deep/er/n.py", "modified")
    assert [(one["symbol"], one["change"]) for one in event["symbols"]] == [("n", "signature_changed")]
    assert event["sync_state"] == "ignored", "it has no document"
    (root / "app" / "deep" / "er" / "n.py").unlink()
    found = wait(shared, project, lambda found: seen(found, "app/deep/er/n.py", "deleted"))
    assert {file["file_path"]: file["state"] for file in found["files"]}["app/deep/er/n.py"] == "missing"
    os.utime(root / "app" / "m.py")
    (root / "app" / "last.txt").write_text("x")
    found = wait(shared, project, lambda found: seen(found, "app/last.txt", "created"))
    assert seen(found, "app/m.py") == [], "a touched file did not change"
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_a_failed_sync_is_an_event_and_the_watch_goes_on(shared: Session, project: str, root: Path) -> None:
    shared.ok("sync_documentation_with_code", file_path="app/m.py", project_id=project)
    started = start(shared, project, "app")
    (root / "app" / "m.py").write_text("def count(:\n")
    found = wait(shared, project, lambda found: found["sessions"][0]["syncs_failed"] == 1)
    (event,) = seen(found, "app/m.py")
    assert event["sync_state"] == "failed"
    assert "line 1" in event["error"]
    assert (found["overall"], found["files"][0]["state"]) == ("degraded", "failed")
    (root / "app" / "m.py").write_text("def count(a): ...\n")
    found = wait(shared, project, lambda found: found["sessions"][0]["syncs_done"] == 1)
    assert (found["overall"], found["sessions"][0]["status"]) == ("healthy", "active")
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_without_auto_sync_changes_wait(shared: Session, project: str, root: Path) -> None:
    shared.ok("sync_documentation_with_code", file_path="app/m.py", project_id=project)
    text = (root / "docs" / "api" / "app.m.md").read_text()
    started = start(shared, project, "app", auto_sync=False)
    (root / "app" / "m.py").write_text("def count(a): ...\n")
    found = wait(shared, project, lambda found: seen(found, "app/m.py") or found["pending_changes"])
    assert (found["pending_changes"], found["files"][0]["state"]) == (1, "pending")
    assert (root / "docs" / "api" / "app.m.md").read_text() == text
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_the_same_paths_are_one_session(shared: Session, project: str, root: Path) -> None:
    (root / "b.py").write_text("")
    first = start(shared, project, "app", "b.py")
    second = start(shared, project, "b.py", "./app", "app")
    assert (second["created"], second["sync_id"], second["started_at"]) == (
        False,
        first["sync_id"],
        first["started_at"],
    )
    third = start(shared, project, "b.py")
    assert third["sync_id"] != first["sync_id"]
    found = shared.ok("get_sync_status", project_id=project)
    assert {row["sync_id"] for row in found["sessions"]} == {first["sync_id"], third["sync_id"]}
    stopped = shared.ok("stop_real_time_sync", sync_id=first["sync_id"])
    assert (stopped["status"], stopped["already_stopped"]) == ("stopped", False)
    again = shared.ok("stop_real_time_sync", sync_id=first["sync_id"], project_id=project)
    assert (again["already_stopped"], again["stopped_at"]) == (True, stopped["stopped_at"])
    shared.ok("stop_real_time_sync", sync_id=third["sync_id"])
    idle = shared.ok("get_sync_status", project_id=project)
    assert (idle["overall"], {row["status"] for row in idle["sessions"]}) == ("idle", {"stopped"})
    (root / "b.py").write_text("x = 1\n")
    back = start(shared, project, "app", "b.py")
    assert (back["sync_id"], back["created"], back["status"]) == (first["sync_id"], False, "active")
    shared.ok("stop_real_time_sync", sync_id=first["sync_id"])


def test_sessions_end_with_the_server_and_start_again(tmp_path: Path, db: Path) -> None:
    (tmp_path / "m.py").write_text(CODE)
    with Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        started = start(client, "p", "m.py")
        report = client.ok("get_performance_report")
        assert report["backends"]["watchers"]["status"] == "ok"
        server = report["server"]["pid"]
    assert not _runs(server)
    with Session(db) as client:
        (row,) = client.ok("get_sync_status", project_id="p")["sessions"]
        assert row["status"] == "interrupted"
        assert client.ok("get_performance_report")["backends"]["watchers"]["status"] == "disabled"
        again = start(client, "p", "m.py")
        assert (again["sync_id"], again["created"], again["status"]) == (started["sync_id"], False, "active")
        with Session(db) as other:
            assert other.ok("get_sync_status", project_id="p")["sessions"][0]["status"] == "active"
            other.bad("stop_real_time_sync", "CONFLICT", "sync_id", sync_id=started["sync_id"])
            same = start(other, "p", "m.py")
            assert same["started_at"] == again["started_at"], "two servers do not watch the same twice"
        (tmp_path / "m.py").write_text("def count(): ...\n")
        wait(client, "p", lambda found: seen(found, "m.py"))


def test_where_the_system_cannot_watch_files_are_polled(tmp_path: Path, db: Path) -> None:
    (tmp_path / "m.py").write_text(CODE)
    with Session(db, env={"WATCHFILES_FORCE_POLLING": "1"}) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        start(client, "p", ".")
        (tmp_path / "m.py").write_text("def count(): ...\n")
        wait(client, "p", lambda found: seen(found, "m.py"))


def test_a_burst_of_changes_is_handled_once(shared: Session, project: str, root: Path) -> None:
    started = start(shared, project, "app", sync_interval_ms=400)
    for number in range(20):
        (root / "app" / "m.py").write_text(f"def count(a{number}): ...\n")
    (root / "app" / "done.py").write_text("")
    found = wait(shared, project, lambda found: seen(found, "app/done.py") and seen(found, "app/m.py"))
    assert len(seen(found, "app/m.py")) < 10
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_a_name_that_is_no_text_does_not_end_a_watch(shared: Session, project: str, root: Path) -> None:
    started = start(shared, project, "app", sync_interval_ms=100)
    try:
        (root / "app" / os.fsdecode(b"\xff.py")).write_text("")
    except OSError:
        pytest.skip("this file system takes no such names")
    (root / "app" / "one.py").write_text("")  # seen in the look that the name leads to
    wait(shared, project, lambda found: seen(found, "app/one.py"))
    (root / "app" / "two.py").write_text("")
    found = wait(shared, project, lambda found: seen(found, "app/two.py"))
    assert [(one["status"], one.get("error")) for one in found["sessions"]] == [("active", None)]
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])


def test_the_number_of_watches_is_bounded(tmp_path: Path, db: Path) -> None:
    with Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        for number in range(21):
            (tmp_path / f"{number}.txt").write_text("x")
        for number in range(20):
            start(client, "p", f"{number}.txt")
        error = client.bad("start_real_time_sync", "CONFLICT", file_paths=["20.txt"], project_id="p")
        client.ok("stop_real_time_sync", sync_id=error["details"]["active"][0])
        start(client, "p", "20.txt")
        (tmp_path / "20.txt").write_text("y")
        wait(client, "p", lambda found: seen(found, "20.txt"))
        assert client.ok("get_performance_report")["backends"]["watchers"]["active"] == 20


def test_a_killed_server_leaves_its_sessions_interrupted(tmp_path: Path, db: Path) -> None:
    (tmp_path / "m.py").write_text(CODE)
    with suppress(BaseExceptionGroup), Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        start(client, "p", "m.py")
        os.kill(client.ok("get_performance_report")["server"]["pid"], signal.SIGKILL)
    with Session(db) as client:
        found = client.ok("get_sync_status", project_id="p")
        assert [row["status"] for row in found["sessions"]] == ["interrupted"]
        assert found["overall"] == "degraded"


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_changes_since_the_baseline(shared: Session, project: str, root: Path) -> None:
    (root / "notes.md").write_text("a")

    def detect(*names: str, **more: Any) -> dict[str, Any]:
        return shared.ok("detect_code_changes", file_paths=list(names), project_id=project, **more)

    first = detect("app/m.py", "notes.md", "none.py")
    assert [file["status"] for file in first["files"]] == ["new", "new", "error"]
    assert first["files"][2]["error_code"] == "NOT_FOUND"
    assert first["summary"]["new"] == 2
    (root / "app" / "m.py").write_text("# only a comment\n" + CODE)
    (file,) = detect("app/m.py")["files"]
    assert (file["status"], file["hash_changed"], "changes" in file) == ("modified", True, False)
    shared.ok("sync_documentation_with_code", file_path="app/m.py", project_id=project)
    assert detect("app/m.py")["files"][0]["status"] == "unchanged", "a sync moves the baseline"
    (root / "app" / "m.py").write_text("def count(a, b): ...\ndef more(): ...\n")
    (root / "notes.md").write_text("b")
    for _ in range(2):
        found = detect("app/m.py", "notes.md")
        assert [(one["symbol"], one["change"]) for one in found["files"][0]["changes"]] == [
            ("count", "signature_changed"),
            ("count", "body_changed"),
            ("more", "added"),
        ]
        assert (found["files"][1]["status"], "changes" in found["files"][1]) == ("modified", False)
        assert found["docs_needing_update"] == [{"file_path": "app/m.py", "doc_path": "docs/api/app.m.md"}]
        assert found["next_actions"][0] == "sync_documentation_with_code for app/m.py"
    detect("app/m.py", update_baseline=True)
    assert detect("app/m.py")["files"][0]["status"] == "unchanged"
    (root / "app" / "m.py").unlink()
    (gone,) = detect("app/m.py")["files"]
    assert (gone["status"], [one["change"] for one in gone["changes"]]) == ("deleted", ["removed", "removed"])
    (root / "app" / "m.py").write_text("def broken(:\n")
    assert detect("app/m.py")["files"][0]["error_code"] == "PARSE_ERROR"


def test_bad_arguments_are_refused(shared: Session, project: str, root: Path) -> None:
    for tool, field, value in (
        ("start_real_time_sync", "file_paths", []),
        ("start_real_time_sync", "file_paths", ["x"] * 101),
        ("start_real_time_sync", "sync_interval_ms", 99),
        ("start_real_time_sync", "sync_interval_ms", 60_001),
        ("detect_code_changes", "file_paths", []),
        ("detect_code_changes", "update_baseline", "yes"),
        ("get_sync_status", "limit", 101),
    ):
        arguments = {"file_paths": ["app"], field: value, "project_id": project}
        if tool == "get_sync_status":
            del arguments["file_paths"]
        shared.bad(tool, "INVALID_ARGUMENT", field, **arguments)
    shared.bad("start_real_time_sync", "NOT_FOUND", "file_paths", file_paths=["none"], project_id=project)
    for tool in ("get_sync_status", "stop_real_time_sync"):
        shared.bad(tool, "NOT_FOUND", "sync_id", sync_id="sync_none")
    idle = shared.ok("get_sync_status", project_id=project)
    assert (idle["sessions"], idle["files"], idle["overall"]) == ([], [], "idle")


def test_what_a_module_does_not_export_is_seen_to_change(shared: Session, project: str, root: Path) -> None:
    path = root / "app" / "m.py"
    code = (
        "__all__ = ['count']\ndef count(): ...\n"
        "class Store:\n    def put(self, key): ...\nclass _Inner:\n    def get(self):\n        return 1\n"
    )
    path.write_text(code)

    def changes() -> list[tuple[str, str, bool]]:
        found = shared.ok("detect_code_changes", file_paths=["app/m.py"], project_id=project)["files"][0]
        return [
            (one["symbol"], one["change"], one["requires_doc_update"]) for one in found.get("changes", ())
        ]

    assert changes() == []
    path.write_text(code.replace("key)", "key, value)").replace("return 1", "return 2"))
    assert changes() == [
        ("Store.put", "signature_changed", False),
        ("_Inner", "body_changed", False),
    ]


@pytest.mark.parametrize("process", ["alive", "this server", "none"])
def test_a_process_id_that_is_used_again_does_not_block_watching(
    tmp_path: Path, db: Path, process: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "m.py").write_text(CODE)
    with suppress(BaseExceptionGroup), Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(root))
        start(client, "p", "m.py")
        os.kill(client.ok("get_performance_report")["server"]["pid"], signal.SIGKILL)
    with Session(db) as client:
        own = client.ok("get_performance_report")["server"]["pid"]
        process_id = {"alive": os.getpid(), "this server": own, "none": 2**22 - 1}[process]
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("UPDATE sync_sessions SET process_id = ?", (process_id,))
        (row,) = client.ok("get_sync_status", project_id="p")["sessions"]
        assert row["status"] == "interrupted", "nobody watches"
        assert start(client, "p", "m.py")["status"] == "active"
        (root / "m.py").write_text("def count(): ...\n")
        wait(client, "p", lambda found: seen(found, "m.py"))
        with Session(db) as other:  # a container's servers often have the same process id
            if process == "this server":
                theirs = other.ok("get_performance_report")["server"]["pid"]
                with closing(sqlite3.connect(db)) as connection, connection:
                    connection.execute("UPDATE sync_sessions SET process_id = ?", (theirs,))
            assert other.ok("get_sync_status", project_id="p")["sessions"][0]["status"] == "active"
            other.bad("stop_real_time_sync", "CONFLICT", "sync_id", sync_id=row["sync_id"])
        client.ok("stop_real_time_sync", sync_id=row["sync_id"])


def test_of_servers_that_start_at_once_one_watches(tmp_path: Path, db: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "m.py").write_text(CODE)
    with Session(db) as first, Session(db) as second, Session(db) as third, ThreadPoolExecutor(3) as pool:
        servers = (first, second, third)
        first.ok("register_project", project_id="p", root_path=str(root))
        arguments = {"file_paths": ["m.py"], "sync_interval_ms": 100, "project_id": "p"}
        answers = [*pool.map(lambda one: one.any("start_real_time_sync", **arguments), servers)]
        assert {answer.get("status", answer.get("error_code")) for answer in answers} <= {
            "active",
            "CONFLICT",
        }
        assert sum(answer.get("created", False) for answer in answers) >= 1
        (root / "m.py").write_text("def count(): ...\n")
        wait(first, "p", lambda found: seen(found, "m.py"))
        time.sleep(0.5)  # whoever else watched would have told by now
        assert len(first.ok("get_sync_status", project_id="p")["recent_events"]) == 1
        (sync_id,) = {answer["sync_id"] for answer in answers if answer["success"]}
        stopped = [one.any("stop_real_time_sync", sync_id=sync_id) for one in servers]
        assert "stopped" in {answer.get("status") for answer in stopped}


def test_the_state_of_a_file_is_what_its_document_is(shared: Session, project: str, root: Path) -> None:
    (root / "app" / "n.py").write_text("def n(): ...\n")
    (root / "app" / "notes.txt").write_text("x")
    shared.ok("sync_documentation_with_code", file_path="app/m.py", project_id=project)
    (root / "app" / "m.py").write_text("def count(): ...\n")  # before anyone watches
    started = start(shared, project, "app", auto_sync=False)

    def states() -> dict[str, str]:
        found = shared.ok("get_sync_status", project_id=project)
        return {file["file_path"]: file["state"] for file in found["files"]}

    expected = {"app/m.py": "pending", "app/n.py": "undocumented", "app/notes.txt": "undocumented"}
    assert states() == expected
    shared.ok("sync_documentation_with_code", file_path="app/m.py", project_id=project)
    assert states() == expected | {"app/m.py": "synced"}
    (root / "app" / "n.py").unlink()
    wait(shared, project, lambda found: seen(found, "app/n.py", "deleted"))
    assert states() == expected | {"app/m.py": "synced", "app/n.py": "missing"}
    shared.ok("stop_real_time_sync", sync_id=started["sync_id"])
