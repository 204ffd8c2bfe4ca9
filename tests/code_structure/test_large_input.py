"""Files as large as allowed, and texts made to be slow: they end, and the server goes on answering."""

from pathlib import Path

import pytest

from ltmc.code.docstrings import documented_parameters
from ltmc.code.signatures import from_text
from ltmc.code.symbols import MOST_PARAMETERS
from ltmc.features.blueprints.steps import read_steps
from ltmc.features.documentation.consistency import mentions
from tests.client import Session


def test_a_file_of_thousands_of_symbols(tmp_path: Path, db: Path) -> None:
    count = 1_000
    lines = [
        f"class K{number}:\n    def m(self, a={number}): return f{number}()\n" for number in range(count // 2)
    ]
    lines += [f"def f{number}(a, *, b={number}): ...\n" for number in range(count // 2)]
    (tmp_path / "m.py").write_text("".join(lines))
    with Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        made = client.ok("create_blueprint_from_code", file_path="m.py", project_id="p")
        symbols = sum(made["metrics"][kind] for kind in ("functions", "classes", "methods"))
        assert symbols == count * 3 // 2
        assert (
            client.ok("sync_documentation_with_code", file_path="m.py", project_id="p")["consistency_after"]
            == 1.0
        )
        renamed = "".join(lines).replace("K", "L")
        (tmp_path / "m.py").write_text(renamed)
        found = client.ok("detect_documentation_drift", file_path="m.py", project_id="p")
        assert len(found["drift_items"]) == count * 2
        key = made["blueprint_id"]
        done = client.ok("update_blueprint_structure", blueprint_id=key, file_path="m.py")
        assert len(done["renamed"]) == count
        assert client.ok("delete_task_blueprint", blueprint_id=key)["deleted"] is True


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"def f({', '.join(f'p{number}' for number in range(100_000))}): ...", 100_000),
        (f"class A({', '.join(f'B{number}' for number in range(100_000))}): ...", 100_000),
        ("".join(f"def f{number}(a, b, c, *, d, e=1): ...\n" for number in range(5_000)), 25_000),
    ],
    ids=["one function", "one class", "many functions"],
)
def test_more_parameters_than_a_person_writes_are_refused(
    tmp_path: Path, db: Path, text: str, count: int
) -> None:
    (tmp_path / "m.py").write_text(text)
    with Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        error = client.bad("create_blueprint_from_code", "UNSUPPORTED", file_path="m.py", project_id="p")
        assert f"{count} parameters and base classes; allowed: {MOST_PARAMETERS}" in error["error"]


@pytest.mark.parametrize(
    "text",
    [
        "# " + " " * 1_000_000 + "x",
        "# " + "# " * 500_000,
        "`" * 1_000_000,
        "`a(" * 300_000,
        "```python\ndef f(" + " " * 1_000_000,
        "```python\n" + "def f(\n" * 20_000,
        "```python\n" + "class A(\n" * 20_000,
        "<!-- ltmc:" * 100_000,
        "<!-- ltmc:begin " + " " * 1_000_000 + " -->",
    ],
    ids=range(9),
)
def test_documents_made_to_be_slow(text: str) -> None:
    assert mentions(text, "api:m.py") == []


def test_other_texts_made_to_be_slow() -> None:
    assert documented_parameters("Args:\n" + "a" + " " * 1_000_000 + "b\n" + "    c: d") is not None
    assert documented_parameters(":param " + "x " * 500_000) is None
    assert from_text("f(" + "(" * 100_000) is None
    assert from_text("f" + ".f" * 500_000) is None
    assert read_steps(" " * 9_999 + "x")
    assert read_steps("a, " * 3_000)
