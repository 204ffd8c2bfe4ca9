"""``python -m ltmc.tools`` writes what is generated from the declarations: ``manifest.json``, ``docs/tools.md``."""

import hashlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import ltmc
from ltmc import features
from ltmc.tools import manifest
from ltmc.tools.binding import declared_prompts, declared_resources, declared_tools

TOOLS_FILE = Path(__file__).parents[2] / "docs" / "tools.md"
_TABLE = re.compile(
    r"(?<=<!-- tools: written by python -m ltmc\.tools -->\n).*(?=<!-- end of tools -->)", re.DOTALL
)


def rendered_manifest() -> str:
    """Return the text of ``manifest.json``.

    What is listed in the present file keeps its place, and what is new comes last: clients and their caches
    see no tool move.
    """
    known = json.loads(manifest.FILE.read_text("utf-8")) if manifest.FILE.exists() else {}
    places = {tool["name"]: place for place, tool in enumerate(known.get("tools", ()))}
    order = {category: place for place, category in enumerate(known.get("categories", ()))}
    categories = {
        name: _heading(name) for _, name, is_package in pkgutil.iter_modules(features.__path__) if is_package
    }
    found = [
        tool._asdict()
        for category in categories
        for tool in declared_tools(f"{features.__name__}.{category}.tools")
    ]
    content = {
        "categories": dict(sorted(categories.items(), key=lambda item: order.get(item[0], len(order)))),
        "tools": sorted(found, key=lambda entry: places.get(entry["name"], len(places))),
        "prompts": [
            found._asdict() for module in _beside(categories, "prompts") for found in declared_prompts(module)
        ],
        "resources": [
            found._asdict()
            for module in _beside(categories, "resources")
            for found in declared_resources(module)
        ],
        "modules": _modules(),
        "data_files": _data_files(),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _beside(categories: Iterable[str], name: str) -> list[str]:
    """Return the modules of a name that stand beside the tools of a category."""
    modules = [f"{features.__name__}.{category}.{name}" for category in categories]
    return [module for module in modules if find_spec(module)]


def _heading(category: str) -> str:
    return (
        (inspect.getdoc(import_module(f"{features.__name__}.{category}")) or category)
        .partition("\n")[0]
        .rstrip(".")
    )


def _modules() -> list[str]:
    """Return every module of LTMC that can be imported, by name."""
    return sorted(
        module.name
        for module in pkgutil.walk_packages(ltmc.__path__, f"{ltmc.__name__}.")
        if module.name.replace(".", "").isidentifier()
    )


_NOT_DATA = {".py", ".pyc", ".typed", ".c", ".h", ".so", ".dylib", ".dll"}
"""Modules, and the kernel: its source is not shipped, and what is built from it differs by platform."""


def _data_files() -> dict[str, dict[str, str]]:
    """Map each package to its files that are read at run time, with their sha256."""
    root = Path(__file__).parents[1]
    found: dict[str, dict[str, str]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix not in _NOT_DATA and path != manifest.FILE:
            package = ".".join(path.parent.relative_to(root.parent).parts)
            found.setdefault(package, {})[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def rendered_tools(text: str, content: str) -> str:
    """Return the text of `TOOLS_FILE` with its tables, a heading and a table a category."""
    described = json.loads(content)
    lines = []
    for category, heading in described["categories"].items():
        lines += ["", f"## {heading}", "", "| tool | what it does |", "| --- | --- |"]
        lines += [
            f"| `{tool['name']}`{' (core)' if tool['core'] else ''} | {tool['description']}. |"
            for tool in described["tools"]
            if tool["category"] == category
        ]
    lines += ["", "## Prompts and resources", "", "| prompt | what it says |", "| --- | --- |"]
    lines += [f"| `{prompt['name']}` | {prompt['description']}. |" for prompt in described["prompts"]]
    lines += ["", "| resource | what it is |", "| --- | --- |"]
    lines += [f"| `{resource['uri']}` | {resource['description']}. |" for resource in described["resources"]]
    return _TABLE.sub(lambda _: "\n".join([*lines, "", ""]), text)


if __name__ == "__main__":
    rendered = rendered_manifest()
    manifest.FILE.write_text(rendered, "utf-8")
    TOOLS_FILE.write_text(rendered_tools(TOOLS_FILE.read_text("utf-8"), rendered), "utf-8")
