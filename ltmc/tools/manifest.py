"""The list of what LTMC is made of, as ``python -m ltmc.tools`` writes it to ``manifest.json``.

It is generated from the tools' own declarations and from the folders, so nothing is listed by hand. The
server registers its tools, both builds take their imports and data files from it, ``ltmc check`` proves that
each entry loads, and the tool tables in the docs come from it too.

Nothing here imports anything heavy: `ltmc serve` reads it before it answers ``initialize``.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("manifest.json")

UNLISTED = "unlisted"
"""The mark in the schema of an argument that is taken and not listed: no model needs it."""

SIZES = {"limit": 100, "top_k": 50, "max_depth": 5}
"""How large an answer may be, by the argument that says so: the server's instructions say it, and not each tool."""

COMMON = {
    "query": "a question or words",
    "tags": "short labels, as a filter any of them",
    "title": "a line",
    "description": "all details",
    "content": "the whole text",
    "file_name": "of a memory, or of code",
    "function_name": "of code",
    "module_name": "of code",
    "metadata": "JSON of your own",
    "conversation_id": "a name of your choice",
    "file_path": "absolute, or from the project's folder",
    "doc_path": "absolute, or from the project's folder",
    "dry_run": "only show what would be done",
    "resource_id": "from an answer",
    "todo_id": "from an answer",
    "blueprint_id": "from an answer",
    "required_skills": "such as python",
    "time_range_days": "how far back, else all",
    "key": "any name",
}
"""What the arguments mean that three or more tools list: the server's instructions say it, and not each tool."""


class Tool(NamedTuple):
    """A tool as data; see `ltmc.tools.declaration.tool` for what the hints mean.

    Attributes:
        name: the name clients call, and the name of the function.
        category: the feature that it belongs to.
        module: the module that holds the function.
        description: what agents read.
        parameters: the JSON schema of its arguments.
    """

    name: str
    title: str
    category: str
    module: str
    read_only: bool
    destructive: bool
    idempotent: bool
    core: bool
    lean: list[str]
    admin: bool
    description: str
    parameters: dict[str, Any]

    def __hash__(self) -> int:
        return hash((self.module, self.name))

    @property
    def listed(self) -> dict[str, Any]:
        """The JSON schemas of the arguments that are listed, by their names."""
        return {name: about for name, about in self.parameters["properties"].items() if UNLISTED not in about}


class Prompt(NamedTuple):
    """A prompt as data.

    Attributes:
        beside: the tools without which it is not offered.
        arguments: each with `name`, `required` and, if it has one, `description`.
    """

    name: str
    title: str
    module: str
    beside: list[str]
    description: str
    arguments: list[dict[str, Any]]


class Resource(NamedTuple):
    """A resource as data.

    Attributes:
        uri: its URI; a template ends with its one argument in braces.
        completion: the function in the module that completes the argument.
    """

    name: str
    uri: str
    title: str
    module: str
    beside: list[str]
    completion: str | None
    description: str

    @property
    def argument(self) -> str | None:
        """The argument of a template; None for one resource."""
        return self.uri.partition("{")[2].rstrip("}") or None


@cache
def _content() -> dict[str, Any]:
    try:
        text = FILE.read_bytes()
    except NotADirectoryError:  # inside ltmc.pyz, before it is unpacked
        import pkgutil

        text = pkgutil.get_data(__package__, FILE.name) or b""
    content: dict[str, Any] = json.loads(text)
    return content


@cache
def tools() -> tuple[Tool, ...]:
    """Return every tool of LTMC, in the order in which the server lists them."""
    return tuple(Tool(**entry) for entry in _content()["tools"])


def tool(name: str) -> Tool:
    """Return the tool of a name that is known to exist."""
    return next(tool for tool in tools() if tool.name == name)


def prompts() -> list[Prompt]:
    """Return every prompt."""
    return [Prompt(**entry) for entry in _content()["prompts"]]


def resources() -> list[Resource]:
    """Return every resource and template."""
    return [Resource(**entry) for entry in _content()["resources"]]


def categories() -> dict[str, str]:
    """Map each category to its heading in the docs, in the order of the docs."""
    return dict(_content()["categories"])


def modules() -> list[str]:
    """Return the modules of LTMC."""
    return list(_content()["modules"])


def data_files() -> dict[tuple[str, str], str]:
    """Map (package, file name) of each file that is read at run time to its sha256."""
    return {
        (package, name): digest
        for package, files in _content()["data_files"].items()
        for name, digest in files.items()
    }
