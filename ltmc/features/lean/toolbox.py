"""Finding a tool that was not listed."""

import asyncio
import difflib
import re
from collections import Counter

from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.features.lean.results import ToolFound, ToolNames, ToolsFound
from ltmc.search import index
from ltmc.search.vectors import cosine
from ltmc.settings import Settings
from ltmc.tools import selection
from ltmc.tools.caller import caller, offers
from ltmc.tools.manifest import COMMON, Tool

SHOWN = 4
"""How many tools are shown with their arguments."""

NAMED = 0.2
"""What a word of the query adds to the score of the one tool that has it in its name; of several, to each a share."""


class Toolbox:
    """The tools that are offered behind one that finds and calls them."""

    def __init__(self, settings: Settings) -> None:
        self._offered = selection.select("all", read_only=settings.read_only)
        self._by_meaning = settings.search_mode != "lexical"
        self._vectors: dict[str, list[bytes]] = {}

    @property
    def _tools(self) -> dict[str, Tool]:
        role = caller.get().role
        return {tool.name: tool for tool in self._offered if offers(role, tool)}

    def named(self, name: str) -> Tool:
        """Return the tool of a name.

        Raises:
            LtmcError: NOT_FOUND that names tools of a like name.
        """
        tools = self._tools
        if name in tools:
            return tools[name]
        near = difflib.get_close_matches(name, tools, n=3)
        hint = f"Near: {', '.join(near)}." if near else "A query shows the tools that fit."
        raise LtmcError(
            ErrorCode.NOT_FOUND,
            f"Tool {shorten(name)} is not offered. {hint}",
            field="name",
            details={"value": shorten(name), "near": near},
        )

    async def find(self, query: str) -> ToolsFound | ToolNames:
        """Return the tools that fit a query best, with their arguments; for a blank one the names of all."""
        if not query.strip():
            names: dict[str, list[str]] = {}
            for tool in self._tools.values():
                names.setdefault(tool.category, []).append(tool.name)
            return {"names": names}
        scores = await asyncio.to_thread(self._scores, query)
        best = sorted(self._tools.values(), key=lambda tool: -scores[tool.name])
        return {"tools": [_shown(tool) for tool in best[:SHOWN]]}

    def _scores(self, query: str) -> dict[str, float]:
        """Return for each tool how like the query is to all that is said of it, and to the likest part of that."""
        asked = _words(query)
        texts = {tool.name: _said_of(tool) for tool in self._offered}
        if self._by_meaning:
            if not self._vectors:
                found = iter(index.embedded_together(text for said in texts.values() for text in said))
                self._vectors = {name: [next(found) for _ in said] for name, said in texts.items()}
            meant = index.query_vector(query)
            likeness = {name: [cosine(meant, one) for one in of] for name, of in self._vectors.items()}
        else:
            likeness = {name: [_shared(asked, text) for text in said] for name, said in texts.items()}
        named = {name: _words(name) & asked for name in texts}
        times = Counter(word for words in named.values() for word in words)
        return {
            name: (whole + max(whole, *parts)) / 2 + sum(NAMED / times[word] for word in named[name])
            for name, (whole, *parts) in likeness.items()
        }


def _said_of(tool: Tool) -> list[str]:
    """Return all that is said of a tool, and each part of that."""
    arguments = [about.get("description", "") for about in tool.listed.values()]
    parts = [tool.name.replace("_", " "), tool.title, *re.split(r"(?<=[.;:]) ", tool.description), *arguments]
    return [" ".join(parts[1:]), *filter(None, parts)]


def _shared(asked: set[str], text: str) -> float:
    """Return the share of the words of a query that a text has."""
    return len(asked & _words(text)) / (len(asked) or 1)


def _words(text: str) -> set[str]:
    return {word.removesuffix("s") for word in re.findall(r"[^\W_]+", text.lower())}


def _shown(tool: Tool) -> ToolFound:
    described = {
        name: about if "description" in about or name not in COMMON else about | {"description": COMMON[name]}
        for name, about in tool.listed.items()
    }
    return {
        "name": tool.name,
        "description": tool.description,
        "arguments": described,
        "required": tool.parameters.get("required", []),
    }
