"""The shape of the code: which room imports which, sizes, and what stands in storage alone."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ltmc
from ltmc.tools import manifest

ROOT = Path(ltmc.__file__).parent

SHARED = {"errors", "settings", "timestamps", "system"}
"""The modules, and the room of what systems differ in, that every room may import."""

ARROWS = {
    "__main__": {"cli", "app", "server"},
    "cli": {"app", "dashboard", "agents", "tools", "distribution", "server", "importing", "exporting"},
    "agents": {"distribution", "tools"},
    "importing": {"app", "tools", "features", "search", "storage"},
    "exporting": {"app", "storage"},
    "dashboard": {"app", "agents", "importing", "server", "tools"},
    "server": {"app", "tools", "distribution"},
    "app": {
        "features",
        "tools",
        "distribution",
        "search",
        "code",
        "documents",
        "files",
        "storage",
    },
    "distribution": {"tools", "search"},
    "features": {"tools", "search", "code", "documents", "files", "storage"},
    "search": {"storage"},
    "code": {"files"},
    "tools.__main__": {"features", "tools"},  # the program that reads all declarations to write the manifest
}
"""A room to the rooms that it may import; a room that is not named imports none."""

FEATURE_ARROWS = {
    "team": {"blueprints"},
    "code_structure": {"blueprints"},
    "documentation": {"memory", "blueprints", "code_structure", "projects"},
    "memory": {"projects", "blueprints"},
    "todos": {"memory"},
    "sync": {"documentation", "projects"},
    "performance": {"team", "blueprints"},
    "blueprints": {"projects"},
}
"""A feature to the features that it imports: exactly these."""

ENTRIES = {
    "ltmc.__main__": "python -m ltmc and the script ltmc",
    "ltmc.tools.__main__": "python -m ltmc.tools",
    "ltmc.distribution.pyinstaller": "the entry point of PyInstaller",
}
"""The modules at which something from outside begins, besides the tools."""

JSON = {
    "ltmc.features.cache.service": "values that the caller gives are stored as JSON texts, in Redis too",
    "ltmc.features.sync.service": "what was seen of a file is kept compressed in memory",
    "ltmc.features.blueprints.lexicon": "reads the file of its words",
    "ltmc.features.blueprints.templates": "reads files of templates",
    "ltmc.features.hooks.answers": "clients read an answer as JSON",
    "ltmc.features.hooks.payloads": "clients put JSON texts into their JSON",
    "ltmc.search.published_model": "reads a published model's files",
    "ltmc.search.sentence_model": "a model file holds its options as JSON",
}
"""The modules of features and search that encode or decode JSON, and why: columns are encoded by storage."""

CALLED_BY_LIBRARIES = {
    "connection_made",
    "connection_lost",
    "data_received",
    "dispatch",
    "emit",
    "create_module",
    "exec_module",
    "on_call_tool",
    "on_list_tools",
    "seal",
    "unseal",
    "hook_folders",
    "invoke",
    "run_stdio_async",
    "shutdown",
    "to_mcp_tool",
}
"""Methods that override a library's, and what an entry point names."""

LONGEST_MODULE, LONGEST_FUNCTION = 500, 80
"""In lines."""

SQL = re.compile(
    r"^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|PRAGMA)\s|\bSELECT\b.*\bFROM\b|\bDELETE FROM\b|\bINSERT INTO\b"
    r"|\bUPDATE \w+ SET\b|\b(?:ORDER|GROUP) BY\b",
    re.DOTALL,
)
"""What only a text in SQL holds."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of LTMC by name; a package is named as its ``__init__``."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name.replace(".", "").isidentifier():  # else a hook that PyInstaller finds by its file
            found[name] = ast.parse(path.read_text("utf-8"))
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of LTMC that a module imports, anywhere in it and for types alone too."""
    found: set[str] = set()
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else str(node.module) for name in names}
    return frozenset(name for name in found if name.split(".")[0] == ltmc.__name__)


def room(module: str) -> str:
    """The room in which a module stands, or its own name when it stands loose."""
    return "tools.__main__" if module == "ltmc.tools.__main__" else (module.split(".") + [""])[1]


def feature(module: str) -> str:
    """The feature that a module belongs to; empty when it belongs to none or to all."""
    _, _, name = module.partition(".features.")
    name = name.partition(".")[0]
    return name if (ROOT / "features" / name).is_dir() else ""


def texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings in a piece of code, but its docstrings."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    said = {
        id(body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and (body := node.body) and isinstance(body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node


def identifiers(tree: ast.AST) -> set[str]:
    """Every name that a piece of code speaks of."""
    found = set()
    for node in ast.walk(tree):
        found |= {
            value
            for field in ("id", "attr", "arg", "name")
            if isinstance(value := getattr(node, field, None), str)
        }
    return found


@pytest.mark.parametrize("source", sorted({room(name) for name in modules()}))
def test_rooms_import_only_what_the_arrows_allow(source: str) -> None:
    allowed = ARROWS.get(source, set()) | SHARED | {source, ""}
    wrong = {
        f"{module} imports {target}"
        for module in modules()
        if room(module) == source
        for target in imports(module)
        if room(target) not in allowed
    }
    assert not wrong


def test_features_import_each_other_exactly_as_drawn() -> None:
    drawn = {(source, target) for source, targets in FEATURE_ARROWS.items() for target in targets}
    found = {
        (feature(module), feature(target))
        for module in modules()
        for target in imports(module)
        if feature(module) and feature(target) and feature(module) != feature(target)
    }
    assert found == drawn


def test_nobody_but_app_and_what_runs_it_speaks_of_the_application() -> None:
    speaking = {room(module) for module, tree in modules().items() if "Application" in identifiers(tree)}
    assert speaking <= {"app", *(source for source, targets in ARROWS.items() if "app" in targets)}


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: imports(module) & modules().keys() for module in modules()}
    TopologicalSorter(graph).prepare()  # names the circle, if there is one


def test_packages_import_nothing() -> None:
    packages = {name for name in modules() if any(other.startswith(f"{name}.") for other in modules())}
    assert not {name for name in packages if imports(name)}


def test_every_module_is_reached() -> None:
    spoken_of = re.compile(r"ltmc(?:\.\w+)+")
    declared = [*manifest.tools(), *manifest.prompts(), *manifest.resources()]
    waiting = [*ENTRIES, *(one.module for one in declared)]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in modules() and name not in reached:
            reached.add(name)
            waiting += imports(name)
            waiting.append(name.rpartition(".")[0])
            for text in texts(modules()[name]):  # what is imported by name
                for found in spoken_of.findall(str(text.value)):
                    waiting += [found, found.rpartition(".")[0]]
    assert modules().keys() - reached == set()


def test_only_the_server_the_demo_and_the_making_of_schemas_import_fastmcp() -> None:
    imported = re.compile(r"^\s*(?:from|import) fastmcp\b", re.MULTILINE)
    users = {name for name, tree in modules().items() if imported.search(ast.unparse(tree))}
    assert {"server" if room(name) == "server" else name for name in users} == {
        "server",
        "ltmc.cli.demo",
        "ltmc.tools.binding",
    }


@pytest.mark.parametrize("source", sorted({room(name) for name in modules()}))
def test_modules_and_functions_are_of_a_readable_size(source: str) -> None:
    long = {}
    for module, tree in modules().items():
        if room(module) != source:
            continue
        path = ROOT.parent.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if (lines := len(file.read_text("utf-8").splitlines())) > LONGEST_MODULE:
            long[module] = lines
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long[f"{module}.{node.name}"] = lines
    assert not long


@pytest.mark.parametrize("source", sorted({room(name) for name in modules()} - {"storage"}))
def test_sql_stands_in_storage_alone(source: str) -> None:
    wrong = {
        f"{module}:{text.lineno}"
        for module, tree in modules().items()
        if room(module) == source
        for text in texts(tree)
        if SQL.search(str(text.value))
    }
    assert not wrong


def test_conditions_stay_in_storage_and_cursors_in_search() -> None:
    wrong = set()
    for module, tree in modules().items():
        names = identifiers(tree)
        if room(module) != "storage" and "Condition" in names:
            wrong.add(f"{module}: Condition")
        if room(module) not in ("storage", "search") and {"cursor", "Cursor"} & names:
            wrong.add(f"{module}: cursor")
    assert not wrong


def test_columns_are_encoded_in_storage() -> None:
    coding = re.compile(r"\bjson\.(?:dumps|loads)\b|\bfrom json import\b")
    found = {
        module
        for module, tree in modules().items()
        if room(module) in ("features", "search") and coding.search(ast.unparse(tree))
    }
    assert found == JSON.keys()


def test_nothing_is_written_that_only_tests_reach() -> None:
    """Each function is named somewhere outside of its own definition, or called by a library."""
    builds = [path for name in ("bundles", "freeze") for path in (ROOT.parent / name).rglob("*.py")]
    trees = [*modules().values(), *(ast.parse(path.read_text("utf-8")) for path in builds)]
    used = {
        name.rpartition(".")[2]
        for tree in trees
        for node in ast.walk(tree)
        for name in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))
        if isinstance(name, str) and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    unreached = {
        f"{module}.{node.name}"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.decorator_list
        and not node.name.startswith("__")
        and node.name not in used | CALLED_BY_LIBRARIES
    }
    assert not unreached
