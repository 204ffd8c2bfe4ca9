"""Which tools there are, plugins' included, and which of them a profile offers."""

from collections.abc import Iterable

from ltmc.tools import manifest, plugins
from ltmc.tools.manifest import Prompt, Resource, Tool

LEAN = "lean"
"""The profile of six tools, and the category of the one among them that finds and calls all others."""


def tools() -> tuple[Tool, ...]:
    """Return every tool in the order in which the server lists them, those of plugins last."""
    return (*manifest.tools(), *(tool for plugin in plugins.plugins() for tool in plugin.tools))


def select_beside(offered: Iterable[Tool]) -> tuple[list[Prompt], list[Resource]]:
    """Return the prompts and resources that go with the tools that are offered."""
    names = {tool.name for tool in offered}
    prompts = [prompt for prompt in manifest.prompts() if names.issuperset(prompt.beside)]
    return prompts, [resource for resource in manifest.resources() if names.issuperset(resource.beside)]


def select(profile: str, *, read_only: bool = False) -> list[Tool]:
    """Return the tools that `profile` offers, in the order of `tools`.

    Args:
        profile: ``all``, ``core``, ``lean``, or categories separated by commas.
        read_only: leave out each tool that can change what is stored.

    Raises:
        ValueError: a word of `profile` is none of these.
    """
    words, found = _words(profile), tools()
    known = dict.fromkeys(("all", "core", LEAN, *manifest.categories(), *(tool.category for tool in found)))
    if not words or words - set(known):
        raise ValueError(
            f"profile: got {profile!r}; allowed: {', '.join(known)} (several separated by commas)."
        )
    if read_only:  # what calls any tool calls those that read
        found = tuple(tool._replace(read_only=True) if tool.category == LEAN else tool for tool in found)
    return [tool for tool in found if _offers(words, tool) and (tool.read_only or not read_only)]


def _offers(words: Iterable[str], tool: Tool) -> bool:
    return (
        tool.category in words
        or ("all" in words and tool.category != LEAN)
        or ("core" in words and tool.core)
        or (LEAN in words and bool(tool.lean))
    )


def is_lean(profile: str) -> bool:
    """Tell whether a profile lists few arguments of few tools."""
    return _words(profile) == {LEAN}


def _words(profile: str) -> set[str]:
    return {word.strip() for word in profile.split(",") if word.strip()}
