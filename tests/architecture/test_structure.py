"""The shape of the code: which folder may import which, no circles, sizes."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import ltmc

ROOT = Path(ltmc.__file__).parent
BASE = {"errors", "settings", "timestamps", "__init__"}
"""Modules at the root that every folder may import."""

ALLOWED = {
    "errors": set(),
    "settings": set(),
    "timestamps": set(),
    "__init__": set(),
    "__main__": {"cli"},
    "cli": {"server", "app", "tools", "distribution"},
    "server": {"app", "tools", "features"},
    "app": {"features", "tools", "search", "storage", "distribution"},
    "distribution": {"tools"},
    "features": {"tools", "search", "code", "documents", "files", "storage"},
    "code": {"files"},
    "documents": set(),
    "files": set(),
    "search": {"storage", "code", "documents"},
    "storage": set(),
    "tools": set(),
    "tools.__main__": {"features", "tools"},  # the program that reads all declarations to write the manifest
}
"""Folder to the folders that it may import, whether at the top of a module or inside a function."""

BETWEEN_FEATURES = {
    ("blueprints", "projects"),
    ("code_structure", "blueprints"),
    ("documentation", "blueprints"),
    ("documentation", "code_structure"),
    ("documentation", "memory"),
    ("documentation", "projects"),
    ("performance", "team"),
    ("sync", "documentation"),
    ("sync", "projects"),
    ("team", "blueprints"),
}
"""The features that use another one."""


def modules() -> dict[str, Path]:
    """Name to file of each module of LTMC."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path, *, types_too: bool = True) -> set[str]:
    """The modules of LTMC that a file imports, wherever it does."""
    found: set[str] = set()
    for node in _nodes(ast.parse(path.read_text("utf-8")), types_too):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & set(MODULES)


def _nodes(node: ast.AST, types_too: bool) -> list[ast.AST]:
    found = [node]
    for child in ast.iter_child_nodes(node):
        if not types_too and isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        found += _nodes(child, types_too)
    return found


def folder_of(module: str) -> str:
    if module == "ltmc.tools.__main__":
        return "tools.__main__"
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@pytest.mark.parametrize("folder", sorted({folder_of(module) for module in MODULES}))
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    wrong = {
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if folder_of(module) == folder
        for name in imported(path)
        if folder_of(name)
        not in {folder, *ALLOWED[folder], *(BASE if folder not in BASE else {"__init__", "errors"})}
    }
    assert not wrong


def test_features_use_just_the_features_that_they_may() -> None:
    found = {
        (module.split(".")[2], name.split(".")[2])
        for module, path in MODULES.items()
        for name in imported(path)
        if module.startswith("ltmc.features.") and name.startswith("ltmc.features.") and name.count(".") > 2
    }
    assert {arrow for arrow in found if arrow[0] != arrow[1]} == BETWEEN_FEATURES


def test_no_modules_import_each_other_in_a_circle() -> None:
    arrows = {module: imported(path, types_too=False) - {module} for module, path in MODULES.items()}
    while leaves := [module for module, names in arrows.items() if not names & set(arrows)]:
        for leaf in leaves:
            del arrows[leaf]
    assert not {module: sorted(names & set(arrows)) for module, names in arrows.items()}


def test_only_the_server_and_the_demo_know_fastmcp() -> None:
    users = {
        folder_of(module) if folder_of(module) == "server" else module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)]
        )
        if name.split(".")[0] == "fastmcp"
    }
    assert users == {"server", "ltmc.cli.demo"}


def test_modules_and_functions_are_of_a_readable_size() -> None:
    long = {}
    for module, path in MODULES.items():
        text = path.read_text("utf-8")
        if (lines := len(text.splitlines())) > 500:
            long[module] = lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = int(node.end_lineno or 0) - node.lineno + 1
                if lines > 80:
                    long[f"{module}.{node.name}"] = lines
    assert not long


def test_nothing_is_written_that_only_tests_reach() -> None:
    """Each function is named somewhere outside its own definition, or declared to someone who calls it."""
    folders = [ROOT, *(ROOT.parent / name for name in ("bundles", "freeze"))]
    texts = [path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")]
    uses: dict[str, int] = defaultdict(int)
    defined: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Name):
                uses[node.id] += 1
            elif isinstance(node, ast.Attribute):
                uses[node.attr] += 1
            elif isinstance(node, ast.alias):
                uses[node.name.rpartition(".")[2]] += 1
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
                defined[node.name].append(module)
    unreached = {
        name: where for name, where in defined.items() if not uses[name] and not name.startswith("__")
    }
    assert set(unreached) <= CALLED_BY_LIBRARIES, unreached


CALLED_BY_LIBRARIES = {
    "connection_made",
    "connection_lost",
    "data_received",
    "dispatch",
    "emit",
    "on_call_tool",
    "hook_folders",
    "invoke",
    "run_stdio_async",
    "to_mcp_tool",
}
"""Methods that override a library's, and what an entry point names."""
