"""What a search has to say to whoever called, beside what it found."""

from contextvars import ContextVar

noted: ContextVar[set[str] | None] = ContextVar("noted", default=None)
"""Where the call that is being answered collects notes; None where nobody reads them."""

BEHIND = (
    "The search index is being brought in step with what is stored; until then older entries may be missing here. "
    "`ltmc reindex` shows the progress."
)
"""Said of what was found in an index that lacks entries or that an older version made."""

PENDING = (
    "Some of what is stored is found by its words alone until it is embedded, which goes on in the background. "
    "`ltmc doctor` shows the progress, `ltmc reindex` does it at once."
)
"""Said of what was stored or found while vectors are missing."""

NEWER = (
    "The search index is made for a newer LTMC or for another model: this server searches it by words alone, and "
    "leaves what it stores for others to index. Restart it, with the newer LTMC if there is one."
)
"""Said of what was found in such an index."""

WORDS_ALONE = "Search goes by words alone:"
"""Said, with the reason, where the model cannot run."""


def note_more(count: int, what: str, project: str) -> None:
    """Say how many more things there are in a project that was not looked in."""
    if count:
        note(f"{count} {what} more in project {project!r}: pass project_id {project!r}.")


def note(*texts: str) -> None:
    """Say something to whoever called."""
    notes = noted.get()
    if notes is not None:
        notes.update(texts)
