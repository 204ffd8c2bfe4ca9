"""Resources: what a user can attach to a message."""

from ltmc.features.memory.brief import Brief
from ltmc.features.memory.reading import ReadingService
from ltmc.tools.arguments import FileName, Text
from ltmc.tools.declaration import resource

CHARACTERS = 100_000
"""The most of a memory that a resource holds."""

COMPLETIONS = 100
"""The most names that complete a beginning."""


async def names_of_memories(reading: ReadingService, /, beginning: Text) -> tuple[list[str], int]:
    """Return names of memories that begin so, and how many there are."""
    return await reading.names(beginning, COMPLETIONS)


@resource("ltmc://memory/{file_name}", "Memory", beside=["retrieve_memory"], completion=names_of_memories)
async def memory(reading: ReadingService, /, file_name: FileName) -> str:
    """The current version of a memory, by its name."""
    found = await reading.read(
        {"file_name": file_name}, version=None, offset=0, max_characters=CHARACTERS, project_id=None
    )
    text: str = found["content"]
    if found["has_more"]:
        text += f"\n[The first {CHARACTERS} of {found['characters']} characters; get_memory has the rest.]"
    if not found.get("current", True):
        text += "\n[It does not hold now; get_memory tells when it did.]"
    return text


@resource("ltmc://brief", "Brief", beside=["retrieve_memory", "list_todos"])
async def brief(briefs: Brief, /) -> str:
    """What was decided lately and what is open."""
    return await briefs.text(None)
