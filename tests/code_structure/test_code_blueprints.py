"""Blueprints of code through a real client: on a scratch module, and on LTMC itself."""

import html
import html.parser
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import ltmc
from tests.client import Session

CODE = '''"""Shapes.

More words."""

import math
from app.base import Base


class Shape(Base):
    """A <b>shape</b> & "more"."""

    def area(self) -> float:
        """Its area."""
        return scale(1.0)


class Circle(Shape):
    def __init__(self, radius: float):
        self.radius = radius

    def area(self) -> float:
        return math.pi * self.radius**2


def scale(value: float, factor: float = 2.0) -> float:
    """Scale a value."""
    if factor == 1.0:
        return value
    return value * factor
'''


@pytest.fixture
def root(tmp_path: Path, shared: Session, project: str) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "base.py").write_text("class Base: ...\n")
    (tmp_path / "app" / "shapes.py").write_text(CODE)
    shared.ok("register_project", project_id=project, root_path=str(tmp_path))
    return tmp_path


def create(client: Session, project: str) -> dict[str, Any]:
    return client.ok("create_blueprint_from_code", file_path="app/shapes.py", project_id=project)


def check(client: Session, key: str) -> dict[str, Any]:
    return client.ok("validate_blueprint_consistency", blueprint_id=key, file_path="app/shapes.py")


def test_a_file_becomes_a_blueprint(shared: Session, project: str, root: Path) -> None:
    made = create(shared, project)
    assert (made["created"], made["title"], made["file_path"]) == (True, "app.shapes", "app/shapes.py")
    assert [(one["name"], one["kind"], one["line_start"]) for one in made["elements"]] == [
        ("Shape", "class", 9),
        ("Shape.area", "method", 12),
        ("Circle", "class", 17),
        ("Circle.area", "method", 21),
        ("scale", "function", 25),
    ]
    assert made["elements"][4]["signature"] == "scale(value: float, factor: float = 2.0) -> float"
    assert made["elements"][4]["complexity"] == 2
    node = {one["name"]: one["node_id"] for one in made["elements"]}
    edges = {(one["source_id"], one["type"], one["target_id"]) for one in made["relationships"]}
    assert edges == {
        ("file:app/shapes.py", "implements", made["blueprint_id"]),
        ("file:app/shapes.py", "imports", "module:math"),
        ("file:app/shapes.py", "imports", "file:app/base.py"),
        (node["Shape"], "belongs_to", made["blueprint_id"]),
        (node["Shape.area"], "belongs_to", node["Shape"]),
        (node["Circle"], "belongs_to", made["blueprint_id"]),
        (node["Circle.area"], "belongs_to", node["Circle"]),
        (node["scale"], "belongs_to", made["blueprint_id"]),
        (node["Shape"], "inherits", "class:app.base.Base"),
        (node["Circle"], "inherits", node["Shape"]),
        (node["Shape.area"], "calls", node["scale"]),
    }
    assert made["metrics"]["classes"] == 2
    stored = shared.ok("get_blueprint", blueprint_id=made["blueprint_id"])
    assert (stored["kind"], stored["description"], stored["status"]) == ("code", "Shapes.", "draft")
    assert [row["consistency_status"] for row in stored["files"]] == ["consistent"]
    again = create(shared, project)
    assert (again["created"], again["blueprint_id"]) == (False, made["blueprint_id"])
    assert again["elements"] == made["elements"], "a symbol keeps its node"
    assert shared.ok("list_project_blueprints", kind="code", project_id=project)["total"] == 1


def test_validation_tells_each_difference(shared: Session, project: str, root: Path) -> None:
    key = create(shared, project)["blueprint_id"]
    path = root / "app" / "shapes.py"
    assert (check(shared, key)["consistency_score"], check(shared, key)["status"]) == (1.0, "consistent")

    def differences(text: str) -> tuple[list[tuple[str, str]], float, str]:
        path.write_text(text)
        found = check(shared, key)
        assert found["is_consistent"] == (not found["inconsistencies"])
        return (
            [(one["type"], one["element"]) for one in found["inconsistencies"]],
            found["consistency_score"],
            found["status"],
        )

    assert differences(CODE.replace("factor: float = 2.0", "factor: float = 3.0")) == (
        [("signature_changed", "scale")],
        0.8,
        "drift",
    )
    assert differences(CODE.replace("def scale", "async def scale"))[0] == [("async_changed", "scale")]
    assert differences(CODE.replace("Circle(Shape)", "Circle(Base)"))[0] == [("bases_changed", "Circle")]
    assert differences(CODE.replace('    """Scale a value."""\n', ""))[0] == [("docstring_removed", "scale")]
    assert differences(CODE.replace("def scale", "def grow")) == (
        [("missing_in_code", "scale"), ("missing_in_blueprint", "grow")],
        round(4 / 6, 4),
        "conflict",
    )
    assert differences(CODE.replace("def scale(value: float, factor: float = 2.0) -> float", "class scale"))[
        0
    ][0] == (
        "kind_changed",
        "scale",
    )
    assert differences(CODE.replace("value * factor", "factor * value")) == ([], 1.0, "consistent")
    assert shared.ok("get_blueprint", blueprint_id=key)["files"][0]["consistency_status"] == "consistent"


def test_updating_takes_the_code_over(shared: Session, project: str, root: Path) -> None:
    key = create(shared, project)["blueprint_id"]
    path = root / "app" / "shapes.py"
    path.write_text(
        CODE.replace("def scale(value: float, factor: float = 2.0)", "def scale(value: float)")
        .replace("Circle.area", "x")
        .replace("class Circle(Shape):", "class Disc(Shape):")
        + "\n\ndef extra(): ...\n"
    )
    arguments = {"blueprint_id": key, "file_path": "app/shapes.py"}
    dry = shared.ok("update_blueprint_structure", dry_run=True, **arguments)
    assert check(shared, key)["is_consistent"] is False, "a dry run stores nothing"
    done = shared.ok("update_blueprint_structure", **arguments)
    for one in (dry, done):
        assert one["added"] == ["extra"]
        assert one["removed"] == []
        assert one["renamed"] == [
            {"from": "Circle", "to": "Disc"},
            {"from": "Circle.area", "to": "Disc.area"},
        ]
        assert [row["symbol"] for row in one["modified"]] == ["scale"]
        assert one["modified"][0]["after"] == "scale(value: float) -> float"
        assert one["unchanged"] == 2
        assert one["consistency_before"] == round(2 / 8, 4)
    assert done["relationships_added"] > 0
    assert done["relationships_removed"] > 0
    assert check(shared, key)["consistency_score"] == 1.0
    again = shared.ok("update_blueprint_structure", **arguments)
    assert (again["added"], again["removed"], again["modified"], again["renamed"]) == ([], [], [], [])
    assert (again["relationships_added"], again["relationships_removed"]) == (0, 0)


def test_several_files_are_attached_to_a_task(shared: Session, project: str, root: Path) -> None:
    task = shared.ok("create_task_blueprint", title="Shapes", description="Draw.", project_id=project)
    key = task["blueprint_id"]
    error = shared.bad(
        "validate_blueprint_consistency", "NOT_FOUND", "file_path", blueprint_id=key, file_path="app/base.py"
    )
    assert "update_blueprint_structure" in error["error"]
    for name in ("app/base.py", "app/shapes.py"):
        first = shared.ok("update_blueprint_structure", blueprint_id=key, file_path=name)
        assert first["attached"] is True
        assert first["consistency_before"] is None
    assert [row["file_path"] for row in shared.ok("get_blueprint", blueprint_id=key)["files"]] == [
        "app/base.py",
        "app/shapes.py",
    ]
    assert check(shared, key)["is_consistent"] is True
    shared.bad(
        "update_blueprint_structure", "NOT_FOUND", "file_path", blueprint_id=key, file_path="app/none.py"
    )
    shared.bad(
        "update_blueprint_structure",
        "NOT_FOUND",
        "blueprint_id",
        blueprint_id="bp_x",
        file_path="app/base.py",
    )


def test_relationships_are_walked(shared: Session, project: str, root: Path) -> None:
    made = create(shared, project)
    key = made["blueprint_id"]
    node = {one["name"]: one["node_id"] for one in made["elements"]}
    later = shared.ok("create_task_blueprint", title="Later", description="Do.", project_id=project)[
        "blueprint_id"
    ]
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=later, prerequisite_blueprint_id=key)
    shared.ok("sync_documentation_with_code", file_path="app/shapes.py", project_id=project)

    def walk(start: str, **more: Any) -> dict[str, Any]:
        return shared.ok("query_blueprint_relationships", node_id=start, **more)

    near = walk(key)
    assert {one["type"] for one in near["relationships"]} == {"implements", "belongs_to", "depends_on"}
    assert near["by_depth"] == {"1": near["count"]}
    kinds = {one["id"]: one["kind"] for one in walk(key, max_depth=3)["nodes"]}
    assert set(kinds.values()) == {"blueprint", "symbol", "file", "document"}
    assert kinds["file:app/base.py"] == "file"
    calls = walk(node["Shape.area"], relationship_types=["CALLS"], direction="outgoing")
    assert [(one["source_id"], one["target_id"]) for one in calls["relationships"]] == [
        (node["Shape.area"], node["scale"])
    ]
    assert walk(node["scale"], relationship_types=["calls"], direction="outgoing")["count"] == 0
    first, rest = walk(key, limit=2), walk(key, offset=2)
    assert (first["truncated"], first["has_more"], rest["has_more"]) == (True, True, False)
    assert first["relationships"] + rest["relationships"] == near["relationships"]
    error = shared.bad(
        "query_blueprint_relationships",
        "INVALID_ARGUMENT",
        "relationship_types",
        node_id=key,
        relationship_types=["likes"],
    )
    assert "belongs_to" in error["error"]
    shared.bad("query_blueprint_relationships", "NOT_FOUND", "node_id", node_id="sym_none")
    shared.ok("delete_task_blueprint", blueprint_id=key)
    shared.bad("query_blueprint_relationships", "NOT_FOUND", "node_id", node_id=node["scale"])


def test_a_label_by_hand_stays_and_can_be_taken_back(shared: Session, project: str, root: Path) -> None:
    made = create(shared, project)
    key = made["blueprint_id"]
    renamed = shared.ok(
        "update_blueprint_metadata", blueprint_id=key, description="Migrate Kafka on Kubernetes."
    )
    assert renamed["complexity_score"] == made["complexity_score"], "code is not scored by its description"
    by_hand = shared.ok("update_blueprint_metadata", blueprint_id=key, complexity="critical")
    assert (by_hand["complexity"], by_hand["complexity_score"]) == ("CRITICAL", 0.9)
    assert create(shared, project)["complexity"] == "CRITICAL"
    assert "CRITICAL" in shared.ok("generate_blueprint_documentation", blueprint_id=key)["documentation"]
    back = shared.ok("update_blueprint_metadata", blueprint_id=key, complexity="auto")
    assert (back["complexity"], back["complexity_score"], back["complexity_source"]) == (
        made["complexity"],
        made["complexity_score"],
        "auto",
    )


class Tags(html.parser.HTMLParser):
    """Counts tags, to see that they are balanced and none comes from the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_documents_in_every_format(shared: Session, project: str, root: Path) -> None:
    key = create(shared, project)["blueprint_id"]
    evil = '<script>alert("x")</script> | `code` *bold*'
    shared.ok("update_blueprint_metadata", blueprint_id=key, title=evil, description=evil)
    other = shared.ok("create_task_blueprint", title=evil, description="d", project_id=project)[
        "blueprint_id"
    ]
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=key, prerequisite_blueprint_id=other)
    texts = {}
    for form in ("markdown", "html", "rst", "json", "txt"):
        made = shared.ok("generate_blueprint_documentation", blueprint_id=key, format=form.upper())
        texts[form] = made["documentation"]
        assert made["format"] == form
        assert made["sections"] == [
            "overview",
            "complexity",
            "dependencies",
            "architecture_diagram",
            "api_documentation",
        ]
        assert made["statistics"]["elements"] == 5
        assert made["statistics"]["characters"] == len(texts[form])
        shown = html.unescape(texts[form]) if form == "html" else texts[form]
        assert "scale(value: float, factor: float = 2.0) -> float" in shown
    tags = Tags()
    tags.feed(texts["html"])
    assert tags.open == []
    assert "script" not in tags.seen
    assert "b" not in tags.seen
    assert "<script" not in texts["markdown"].replace("```", "")
    page = json.loads(texts["json"])
    assert page["title"] == evil
    assert page["dependencies"][0]["blueprint_id"] == other
    assert len(page["api_documentation"]) == 5
    diagram = re.search(r"```mermaid\n(.*?)\n```", texts["markdown"], re.DOTALL)
    assert diagram is not None
    for line in diagram.group(1).splitlines()[1:]:
        assert re.fullmatch(r"    n\d+(\[\"[\w .,:()/#;-]*\"\]| -->\|[\w ]+\| n\d+)", line), line
    plain = shared.ok("generate_blueprint_documentation", blueprint_id=key, include_relationships=False)
    assert plain["sections"] == ["overview", "complexity", "api_documentation"]
    shared.bad(
        "generate_blueprint_documentation", "INVALID_ARGUMENT", "format", blueprint_id=key, format="pdf"
    )
    shared.bad("generate_blueprint_documentation", "NOT_FOUND", "blueprint_id", blueprint_id="bp_x")


def test_on_ltmc_itself(tmp_path: Path) -> None:
    """Blueprint and document agree with the code; one edit is told by its symbol alone. Of all modules a fifth."""
    shutil.copytree(
        Path(ltmc.__file__).parent, tmp_path / "ltmc", ignore=shutil.ignore_patterns("__pycache__")
    )
    edited = "ltmc/features/todos/service.py"
    names = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "ltmc").rglob("*.py"))
    names = [*names[::5], edited]
    assert len(set(names)) > 60
    with Session(tmp_path / "data" / "ltmc.db") as client:
        client.ok("register_project", project_id="self", root_path=str(tmp_path))
        blueprints = {}
        for name in names:
            where = {"file_path": name, "project_id": "self"}
            blueprints[name] = client.ok("create_blueprint_from_code", **where)["blueprint_id"]
            assert client.ok("sync_documentation_with_code", **where)["consistency_after"] == 1.0
            written = client.ok("validate_documentation_consistency", **where)
            assert (written["consistency_score"], written["is_consistent"]) == (1.0, True), written["issues"]
            planned = client.ok(
                "validate_blueprint_consistency", blueprint_id=blueprints[name], file_path=name
            )
            assert (planned["consistency_score"], planned["is_consistent"]) == (1.0, True)
        path = tmp_path / edited
        before, after = (
            "async def complete(self, todo_id: int,",
            "async def complete(self, todo_id: int, force: bool,",
        )
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
        drifted = []
        for name in names:
            found = client.ok("detect_documentation_drift", file_path=name, project_id="self")
            drifted += [(name, item["symbol"], item["kind"]) for item in found["drift_items"]]
        assert drifted == [(edited, "TodoService.complete", "signature_changed")]
        planned = client.ok(
            "validate_blueprint_consistency", blueprint_id=blueprints[edited], file_path=edited
        )
        assert [one["element"] for one in planned["inconsistencies"]] == ["TodoService.complete"]


def test_the_measures_follow_every_file(shared: Session, project: str, root: Path) -> None:
    def measures() -> dict[str, Any]:
        return shared.ok("get_blueprint", blueprint_id=key)

    def update(name: str, **more: Any) -> dict[str, Any]:
        return shared.ok("update_blueprint_structure", blueprint_id=key, file_path=name, **more)

    branches = "".join(f"    if a > {n}:\n        a += 1\n" for n in range(60))
    (root / "app" / "more.py").write_text(f"def tangled(a):\n{branches}    return a\n")
    made = create(shared, project)
    key = made["blueprint_id"]
    before = measures()
    update("app/more.py", dry_run=True)
    assert measures() == before
    update("app/more.py")
    after = measures()
    both = after["complexity_factors"]
    assert both["functions"] == made["metrics"]["functions"] + 1
    assert both["loc"] == made["metrics"]["loc"] + 122
    assert (both["classes"], both["max_cyclomatic"]) == (2, 61)
    total = made["metrics"]["avg_cyclomatic"] * (both["functions"] + both["methods"] - 1) + 61
    assert both["avg_cyclomatic"] == round(total / (both["functions"] + both["methods"]), 2)
    assert after["complexity_score"] > before["complexity_score"]
    assert create(shared, project)["metrics"] == made["metrics"], "of the file alone"
    assert measures()["complexity_factors"] == both
    shared.ok("update_blueprint_metadata", blueprint_id=key, complexity="TRIVIAL")
    (root / "app" / "more.py").write_text("def plain(a):\n    return a\n")
    update("app/more.py")
    assert (measures()["complexity"], measures()["complexity_factors"]["max_cyclomatic"]) == ("TRIVIAL", 2)
    measured = shared.ok("update_blueprint_metadata", blueprint_id=key, complexity="AUTO")
    assert measured["complexity_score"] == before["complexity_score"]


def test_a_dry_run_counts_what_would_change(shared: Session, project: str, root: Path) -> None:
    key = create(shared, project)["blueprint_id"]
    (root / "app" / "shapes.py").write_text(
        CODE.replace("(Shape)", "").replace("import math\n", "import math\nimport json\n")
    )

    def counts(**more: Any) -> tuple[int, int]:
        found = shared.ok("update_blueprint_structure", blueprint_id=key, file_path="app/shapes.py", **more)
        return found["relationships_added"], found["relationships_removed"]

    assert counts(dry_run=True) == (1, 1)
    assert counts(dry_run=True) == (1, 1)
    assert counts() == (1, 1)
    assert counts(dry_run=True) == counts() == (0, 0)
    (root / "app" / "new.py").write_text("def f(): ...\n")

    def attach(**more: Any) -> int:
        return shared.ok("update_blueprint_structure", blueprint_id=key, file_path="app/new.py", **more)[
            "relationships_added"
        ]

    assert attach(dry_run=True) == attach() == 2


def test_a_title_given_again_is_taken(shared: Session, project: str, root: Path) -> None:
    key = create(shared, project)["blueprint_id"]
    again = shared.ok(
        "create_blueprint_from_code", file_path="app/shapes.py", title="Kumquat forms", project_id=project
    )
    assert (again["blueprint_id"], again["title"], again["created"]) == (key, "Kumquat forms", False)
    found = shared.ok("retrieve_by_type", query="kumquat", doc_type="blueprint", project_id=project)
    assert [one["blueprint_id"] for one in found["results"]] == [key]
    assert create(shared, project)["title"] == "Kumquat forms"


def test_a_large_file_is_shown_in_pages(root: Path, shared: Session, project: str) -> None:
    names = [f"function_{number:03}" for number in range(150)]
    code = "".join(
        f"def {name}(first: int, second: str = 'a') -> str:\n    return second\n" for name in names
    )
    (root / "app" / "large.py").write_text(code + f"def wide(first={'a' * 20_000!r}):\n    return first\n")
    shown: list[str] = []
    related: list[tuple[str, str]] = []
    while True:
        page = shared.ok(
            "create_blueprint_from_code", file_path="app/large.py", project_id=project, offset=len(shown)
        )
        assert len(json.dumps(page, ensure_ascii=False).encode()) < 12_000
        assert page["count"] == len(page["relationships"])
        assert page["created"] is (not shown)
        shown += [one["name"] for one in page["elements"]]
        related += [(one["source_id"], one["target_id"]) for one in page["relationships"]]
        if not page["has_more"]:
            break
    assert shown == [*names, "wide"]
    assert len(set(related)) == page["total"] == 152
