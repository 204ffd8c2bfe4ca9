"""Tools of other packages, found by the entry point group ``ltmc.tools``; docs/plugins.md tells how to write one."""

import re
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ltmc.tools import manifest
from ltmc.tools.manifest import Tool

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "ltmc.tools"

_TOOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""What clients accept as the name of a tool."""


class Plugin(NamedTuple):
    """A module of tools that another package brings.

    Attributes:
        name: the name of its entry point.
        package: the name and version of the package.
        tools: what it adds; nothing when it is broken.
        error: why it is left out; None when all is well.
    """

    name: str
    package: str
    tools: tuple[Tool, ...] = ()
    error: str | None = None


@cache
def plugins() -> tuple[Plugin, ...]:
    """Load the installed plugins, once, in the order of their names. A broken one harms nothing else."""
    if not any(map(_may_hold_one, sys.path)):
        return ()
    from importlib.metadata import entry_points

    taken = {tool.name for tool in manifest.tools()}
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        plugin = _load(point, taken)
        taken.update(tool.name for tool in plugin.tools)
        found.append(plugin)
    return tuple(found)


def _may_hold_one(folder: str) -> bool:
    """Tell whether the metadata of a package in `folder` names the group; much faster than to read it all."""
    try:
        found = [path for path in Path(folder).iterdir() if path.suffix in (".dist-info", ".egg-info")]
    except OSError:  # a zip file, or nothing
        return False
    for path in found:
        try:
            if GROUP.encode() in path.joinpath("entry_points.txt").read_bytes():
                return True
        except OSError:
            continue
    return False


def _load(point: "EntryPoint", taken: Collection[str]) -> Plugin:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown package"
    import contextlib

    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout carries only protocol
            tools = _tools(point, taken)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever keeps it from loading is reported
        return Plugin(point.name, package, error=f"{type(error).__name__}: {error}")
    return Plugin(point.name, package, tools)


def _tools(point: "EntryPoint", taken: Collection[str]) -> tuple[Tool, ...]:
    from ltmc.tools.binding import declared_tools

    point.load()
    tools = tuple(declared_tools(point.module))
    if not tools:
        raise ValueError(f"{point.module} declares no tool")
    for tool in tools:
        if tool.name in taken:
            raise ValueError(f"{tool.name} is the name of another tool already")
        if not _TOOL_NAME.fullmatch(tool.name):
            raise ValueError(f"{tool.name} is no name for a tool; allowed: {_TOOL_NAME.pattern}")
        if not _TOOL_NAME.fullmatch(tool.category) or tool.category in ("all", "core", "lean"):
            raise ValueError(
                f"{tool.name}: {tool.category!r} is no category; allowed: a word, not all, core or lean"
            )
        if not tool.description:
            raise ValueError(f"{tool.name} has no docstring, so agents cannot know what it does")
    return tools
