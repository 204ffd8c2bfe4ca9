"""The documentation tools through a real client, on files of a scratch project."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.client import Session

CODE = '''"""Counting things."""


def count(things, *, strict=False):
    """Count things.

    Args:
        things: what to count.
        strict: refuse what cannot be counted.
    """
    return len(things)


class Box:
    """Holds things."""

    def __init__(self, size: int = 1):
        self.size = size

    async def fill(self, thing: str) -> bool:
        """Put a thing in."""
        return True


def _hidden(): ...
'''
EDITED = CODE.replace("def count(things, *, strict=False)", "def count(things, *, strict=False, start=0)")
BODY = CODE.replace("return len(things)", "return sum(1 for _ in things)")
DOC = "docs/api/app.count.md"


@pytest.fixture
def root(tmp_path: Path, shared: Session, project: str) -> Path:
    """The root of a registered project with one module."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "count.py").write_text(CODE)
    shared.ok("register_project", project_id=project, root_path=str(tmp_path))
    return tmp_path


def call(client: Session, tool: str, project: str, **more: Any) -> dict[str, Any]:
    return client.ok(tool, file_path="app/count.py", project_id=project, **more)


def test_sync_writes_what_validation_then_finds(shared: Session, project: str, root: Path) -> None:
    dry = call(shared, "sync_documentation_with_code", project, dry_run=True)
    assert not (root / DOC).exists()
    assert dry["created"] is False
    made = call(shared, "sync_documentation_with_code", project)
    assert (made["created"], made["skipped"], made["doc_path"]) == (True, False, DOC)
    assert made["changes"] == dry["changes"]
    assert [(one["symbol"], one["change"]) for one in made["changes"]] == [
        ("count", "added"),
        ("Box", "added"),
        ("Box.fill", "added"),
    ]
    assert (made["symbols_total"], made["consistency_before"], made["consistency_after"]) == (3, 0.0, 1.0)
    found = call(shared, "validate_documentation_consistency", project)
    assert (found["is_consistent"], found["consistency_score"], found["issues"]) == (True, 1.0, [])
    assert (found["doc_source"], found["doc_exists"], found["consistency_level"]) == ("file", True, "HIGH")
    before = (root / DOC).stat().st_mtime_ns
    again = call(shared, "sync_documentation_with_code", project)
    assert (again["skipped"], again["changes"]) == (True, [])
    forced = call(shared, "sync_documentation_with_code", project, force_update=True)
    assert (forced["skipped"], forced["changes"]) == (False, [])
    assert (root / DOC).stat().st_mtime_ns == before, "what is right is not written again"
    assert not list(root.rglob("*.tmp"))
    kept = shared.ok("retrieve_memory", query="count things strict", project_id=project)
    assert kept["results"][0]["file_name"] == DOC
    linked = shared.ok("get_document_relationships", doc_id=DOC, project_id=project)
    assert [(one["relation"], one["target_id"]) for one in linked["outgoing"]] == [
        ("documents", "file:app/count.py")
    ]


def test_a_persons_text_stays(shared: Session, project: str, root: Path) -> None:
    (root / "docs" / "api").mkdir(parents=True)
    mine = "# Counting\r\n\r\nMy words: `count(x)` é漢\r\n"
    (root / DOC).write_bytes(mine.encode())
    call(shared, "sync_documentation_with_code", project)
    text = (root / DOC).read_bytes()
    assert text.startswith(mine.encode())
    (root / DOC).write_bytes(text + b"More below.")
    (root / "app" / "count.py").write_text(EDITED)
    changed = call(shared, "sync_documentation_with_code", project)
    assert changed["changes"] == [
        {
            "symbol": "count",
            "change": "updated",
            "before": "def count(things, *, strict=False)",
            "after": "def count(things, *, strict=False, start=0)",
        }
    ]
    after = (root / DOC).read_bytes()
    assert after.startswith(mine.encode())
    assert after.endswith(b"More below.")
    assert (changed["consistency_before"], changed["consistency_after"]) == (round(2 / 3, 4), 1.0)
    (root / DOC).write_bytes(after.replace(b"<!-- ltmc:end", b"<!-- end"))
    error = shared.bad(
        "sync_documentation_with_code", "CONFLICT", "doc_path", file_path="app/count.py", project_id=project
    )
    assert error["details"]["line"] == 5
    assert (root / DOC).read_bytes() == after.replace(b"<!-- ltmc:end", b"<!-- end")


def test_a_recorded_document_is_found_again(shared: Session, project: str, root: Path) -> None:
    made = call(shared, "sync_documentation_with_code", project, doc_path="notes/count.md")
    assert made["doc_path"] == "notes/count.md"
    assert call(shared, "validate_documentation_consistency", project)["doc_path"] == "notes/count.md"
    elsewhere = call(shared, "validate_documentation_consistency", project, doc_path=DOC)
    assert (elsewhere["doc_exists"], elsewhere["doc_source"]) == (False, "docstrings")
    assert not (root / DOC).exists()


def test_two_files_share_a_document(shared: Session, project: str, root: Path) -> None:
    (root / "app" / "other.py").write_text("def other(a): ...\n")
    call(shared, "sync_documentation_with_code", project, doc_path="API.md")
    for _ in range(2):
        shared.ok(
            "sync_documentation_with_code", file_path="app/other.py", doc_path="API.md", project_id=project
        )
    assert call(shared, "validate_documentation_consistency", project)["is_consistent"] is True
    assert shared.ok("validate_documentation_consistency", file_path="app/other.py", project_id=project)[
        "is_consistent"
    ]


def test_issues_name_what_is_wrong(shared: Session, project: str, root: Path) -> None:
    (root / "d.md").write_text(
        "# x\n## `count(things, strict=False)`\n\n## `gone(a)`\n\n## `Box(size: int = 1)`\n"
    )
    found = call(shared, "validate_documentation_consistency", project, doc_path="d.md")
    shown = [
        (one["type"], one["symbol"], one["severity"], one.get("line"), one.get("doc_line"))
        for one in found["issues"]
    ]
    assert shown == [
        ("signature_mismatch", "count", "high", 4, 2),
        ("undocumented", "Box.fill", "medium", 20, None),
        ("stale", "gone", "high", None, 4),
    ]
    assert found["consistency_score"] == round(1 / 3, 4)
    assert found["consistency_level"] == "LOW"
    assert found["counts"]["by_severity"] == {"high": 2, "medium": 1}
    scored = call(
        shared, "get_documentation_consistency_score", project, doc_path="d.md", detailed_analysis=True
    )
    assert scored["consistency_score"] == found["consistency_score"]
    assert (scored["public_symbols"], scored["documented_symbols"], scored["matching_symbols"]) == (3, 2, 1)
    assert scored["stale_symbols"] == 1
    assert scored["components"]["coverage"] == round(2 / 3, 4)
    assert [(row["symbol"], row["documented"], row["matches"]) for row in scored["per_symbol"]] == [
        ("count", True, False),
        ("Box", True, True),
        ("Box.fill", False, False),
    ]


def test_without_a_document_docstrings_count(shared: Session, project: str, root: Path) -> None:
    found = call(shared, "validate_documentation_consistency", project)
    assert (found["doc_source"], found["consistency_score"], found["doc_exists"]) == (
        "docstrings",
        1.0,
        False,
    )
    strict = call(shared, "get_documentation_consistency_score", project, doc_source="file")
    assert (strict["doc_source"], strict["consistency_score"]) == ("file", 0.0)
    assert "per_symbol" not in strict
    (root / "app" / "count.py").write_text(EDITED)
    stale = call(shared, "detect_documentation_drift", project)
    assert [(one["symbol"], one["kind"]) for one in stale["drift_items"]] == [("count", "signature_changed")]


def test_drift_names_what_changed_and_alone_that(shared: Session, project: str, root: Path) -> None:
    path = root / "app" / "count.py"
    call(shared, "sync_documentation_with_code", project)
    none = call(shared, "detect_documentation_drift", project)
    assert (none["drift_detected"], none["drift_score"], none["drift_items"]) == (False, 0.0, [])
    assert none["baseline"] is True
    assert none["last_sync"] is not None

    def drift(text: str, **more: Any) -> list[tuple[str, str]]:
        path.write_text(text)
        found = call(shared, "detect_documentation_drift", project, **more)
        assert found["drift_detected"] == bool(found["drift_items"])
        return [(one["symbol"], one["kind"]) for one in found["drift_items"]]

    assert drift(EDITED) == [("count", "signature_changed")]
    assert drift(BODY) == [("count", "body_changed_doc_unchanged")]
    assert drift(CODE.replace("async def fill", "def fill")) == [("Box.fill", "signature_changed")]
    assert drift(CODE + "\n\ndef new(): ...\n") == [("new", "new_undocumented")]
    assert drift(CODE.replace("class Box", "class Tin")) == [
        ("Tin", "new_undocumented"),
        ("Tin.fill", "new_undocumented"),
        ("Box", "removed_still_documented"),
        ("Box.fill", "removed_still_documented"),
    ]
    assert drift("# a comment\n" + CODE.replace("size: int = 1", "size:int=1")) == [], "layout is no drift"
    path.write_text(EDITED)
    day_ago = time.time() - 25 * 3600
    os.utime(path, (day_ago, day_ago))
    for hours, recent in ((24, False), (26, True), (0, False)):
        found = call(shared, "detect_documentation_drift", project, time_threshold_hours=hours)
        (item,) = found["drift_items"]
        assert item["recent"] is recent
        assert item["age_hours"] == pytest.approx(25, abs=0.1)
    assert found["drift_score"] == round(1 / 3, 4)


def test_without_a_baseline_only_the_document_is_compared(shared: Session, project: str, root: Path) -> None:
    (root / "d.md").write_text(
        "## `count(things, *, strict=False)`\n## `Box(size=1)`\n## `Box.fill(thing)`\n"
    )
    found = call(shared, "detect_documentation_drift", project, doc_path="d.md")
    assert (found["baseline"], found["drift_items"], found["last_sync"]) == (False, [], None)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("bad.py", b"def f(:\n", "PARSE_ERROR"),
        ("binary.py", b"\x00\x01", "UNSUPPORTED"),
        ("latin.py", b"x = '\xe9'\n", "UNSUPPORTED"),
        ("big.py", b"#" * (2 * 1024 * 1024 + 1), "UNSUPPORTED"),
        ("deep.py", b"x = " + b"(" * 5000 + b")" * 5000, "UNSUPPORTED"),
        ("script.sh", b"echo\n", "UNSUPPORTED"),
        ("missing.py", None, "NOT_FOUND"),
    ],
)
def test_files_that_cannot_be_read_leave_the_document_alone(
    shared: Session, project: str, root: Path, name: str, content: bytes | None, code: str
) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "x.md").write_text("mine\n")
    if content is not None:
        (root / name).write_bytes(content)
    for tool in ("sync_documentation_with_code", "validate_documentation_consistency"):
        error = shared.any(tool, file_path=name, doc_path="docs/x.md", project_id=project)
        expected = {code, "PARSE_ERROR"} if name == "deep.py" else {code}
        assert error["error_code"] in expected, error
    if code == "PARSE_ERROR":
        assert error["details"]["line"] == 1
    assert (root / "docs" / "x.md").read_text() == "mine\n"


def test_bad_arguments_are_refused(shared: Session, project: str, root: Path) -> None:
    for tool, field, value in (
        ("validate_documentation_consistency", "doc_source", "wiki"),
        ("get_documentation_consistency_score", "detailed_analysis", "yes"),
        ("detect_documentation_drift", "time_threshold_hours", -1),
        ("sync_documentation_with_code", "dry_run", 1),
        ("sync_documentation_with_code", "doc_path", " "),
    ):
        arguments = {"file_path": "app/count.py", "project_id": project, field: value}
        shared.bad(tool, "INVALID_ARGUMENT", field, **arguments)
    (root / "image.md").write_bytes(b"\xff\xfe\x00")
    shared.bad(
        "sync_documentation_with_code",
        "UNSUPPORTED",
        "doc_path",
        file_path="app/count.py",
        doc_path="image.md",
        project_id=project,
    )


def test_a_blueprint_is_documented_section_by_section(shared: Session, project: str, root: Path) -> None:
    key = shared.ok("create_blueprint_from_code", file_path="app/count.py", project_id=project)[
        "blueprint_id"
    ]
    doc = root / "docs" / "blueprints" / f"{key}.md"
    dry = shared.ok("update_documentation_from_blueprint", blueprint_id=key, dry_run=True)
    assert not doc.exists()
    made = shared.ok("update_documentation_from_blueprint", blueprint_id=key)
    assert made["updated_sections"] == dry["updated_sections"]
    assert made["updated_sections"] == ["api_documentation", "architecture_diagram", "user_guide"]
    assert [row["section"] for row in made["skipped_sections"]] == ["progress_report"]
    assert made["created"] is True
    text = doc.read_text()
    assert "def count(things, *, strict=False)" in text
    assert "```mermaid\ngraph LR\n" in text
    assert "from app.count import count, Box" in text
    assert "_hidden" not in text.partition("## Architecture")[0]
    doc.write_text(text + "\nMine.\n")
    again = shared.ok("update_documentation_from_blueprint", blueprint_id=key)
    assert (again["updated_sections"], again["unchanged_sections"]) == ([], made["updated_sections"])
    shared.ok("assign_task_to_team", blueprint_id=key, available_members=[{"id": "ann"}])
    third = shared.ok("update_documentation_from_blueprint", blueprint_id=key, sections=["progress_report"])
    assert third["updated_sections"] == ["progress_report"]
    assert "\nMine.\n" in doc.read_text()
    assert "| ann | assigned | 0 % |" in doc.read_text()
    error = shared.bad(
        "update_documentation_from_blueprint",
        "INVALID_ARGUMENT",
        "sections",
        blueprint_id=key,
        sections=["poem"],
    )
    assert "user_guide" in error["error"]
    shared.bad("update_documentation_from_blueprint", "NOT_FOUND", "blueprint_id", blueprint_id="bp_none")
