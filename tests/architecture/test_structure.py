"""The shape of the code: import directions, one manifest, generated files in step."""

import ast
import inspect
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

import ltmc
from ltmc.tools import manifest
from ltmc.tools.__main__ import README_FILE, SCHEMAS_FILE, rendered_readme, rendered_schemas

ROOT = Path(ltmc.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

LAYERS = {
    "storage": {"storage", "search"},
    "search": {"storage", "search"},
    "services": {"services", "search", "storage"},
    "tools": {"tools", "services"},
}
"""Package to the packages of ltmc that it may import. Plain modules beside them are open to all."""

OPEN = {"errors", "timestamps", "manifest", "settings", "launch", "__init__"}


def imports(path: Path) -> set[str]:
    """The names of the ltmc packages or modules that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [
                f"{node.module}.{alias.name}" if node.module == "ltmc" else str(node.module)
                for alias in node.names
            ]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("ltmc.")}
    return found


@pytest.mark.parametrize("package", LAYERS)
def test_imports_point_one_way(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        wrong = imports(path) - LAYERS[package] - OPEN - {"__version__"}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_only_the_server_side_knows_fastmcp() -> None:
    imported = re.compile(r"^\s*(?:from|import) fastmcp", re.MULTILINE)
    users = {
        path.relative_to(ROOT).as_posix() for path in MODULES if imported.search(path.read_text("utf-8"))
    }
    assert users == {"server.py", "http.py", "demo.py"}


def test_modules_are_of_a_readable_size() -> None:
    long = {
        path.name: lines for path in MODULES if (lines := len(path.read_text("utf-8").splitlines())) > 520
    }
    assert not long


def test_every_tool_function_has_a_row_and_every_row_a_function() -> None:
    for category in manifest.CATEGORIES:
        module = import_module(f"ltmc.tools.{category}")
        functions = {
            name
            for name, value in vars(module).items()
            if inspect.iscoroutinefunction(value) and value.__module__ == module.__name__ and name[0] != "_"
        }
        assert functions == {tool.name for tool in manifest.TOOLS if tool.category == category}


def test_the_manifest_names_every_lazy_module_and_data_file() -> None:
    known = {*manifest.LAZY_MODULES, *manifest.tool_modules()}
    for package in ("services", "storage", "search"):
        for path in (ROOT / package).rglob("*.py"):
            relative = path.relative_to(ROOT.parent).with_suffix("")
            name = ".".join(part for part in relative.parts if part != "__init__")
            reached = name in known or any(
                name in source.read_text("utf-8") for source in MODULES if source != path
            )
            assert reached or path.name == "__init__.py", f"{name} is reached by nothing"
    data = {(package, file) for package, file in manifest.DATA_FILES}
    for path in ROOT.rglob("*"):
        if path.suffix in {".sql", ".json", ".ltmv"}:
            package = ".".join(path.parent.relative_to(ROOT.parent).parts)
            assert (package, path.name) in data, f"{path} is not in the manifest"


def test_generated_files_are_in_step() -> None:
    """After a change of a tool run python -m ltmc.tools."""
    assert SCHEMAS_FILE.read_text("utf-8") == rendered_schemas()
    readme = README_FILE.read_text("utf-8")
    assert readme == rendered_readme(readme)
    assert all(f"`{tool.name}`" in readme for tool in manifest.TOOLS)


def test_names_in_the_manifest_are_unique_and_in_order() -> None:
    names = [tool.name for tool in manifest.TOOLS]
    assert len(names) == len(set(names))
    assert sum(tool.core for tool in manifest.TOOLS) <= 15
    for entry in json.loads(rendered_schemas()).values():
        assert len(entry["description"]) <= 200
