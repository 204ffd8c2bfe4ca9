"""The Markdown documents of files and blueprints: found, read and replaced."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from ltmc.code.source_files import dotted_module
from ltmc.errors import ErrorCode, LtmcError
from ltmc.files.guard import FileState, PathGuard
from ltmc.storage.engine import Engine
from ltmc.storage.tables import documents
from ltmc.storage.tables.documents import DocumentLink
from ltmc.timestamps import format_utc

CODE, BLUEPRINT = "code", "blueprint"
"""What a document may belong to: a file of code or a blueprint."""


@dataclass(frozen=True, slots=True)
class MarkdownDocument:
    """A Markdown file, existing or not.

    Attributes:
        path: as stored and shown.
        state: None where there is no file.
        link: what is recorded of it.
    """

    path: str
    text: str
    state: FileState | None
    link: DocumentLink | None

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.state is not None


def hash_of(text: str) -> str:
    """Return a hash of a document's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def changed_at(state: FileState | None) -> str | None:
    """Return when a file was changed last, as a timestamp; None where there is no file."""
    return None if state is None else format_utc(datetime.fromtimestamp(state.mtime_ns / 1e9, UTC))


async def find(
    engine: Engine, guard: PathGuard, project: str, kind: str, reference: str, doc_path: str | None
) -> MarkdownDocument:
    """Find the document of a file or blueprint: by the path given, else as recorded, else by its usual name.

    Raises:
        LtmcError: UNSUPPORTED when it is not UTF-8 text; as `PathGuard.document` and `PathGuard.read`, but for
            NOT_FOUND.
    """
    path = None if doc_path is None else guard.name(guard.document(doc_path))
    async with engine.read() as tx:
        link = await documents.link(tx, project, kind, reference, path)
    if path is None and link is not None:
        path = link.doc_path
    if path is None:
        usual = f"api/{dotted_module(reference).lstrip('.')}" if kind == CODE else f"blueprints/{reference}"
        path = f"docs/{usual}.md"
    name = guard.name(guard.document(path))
    try:
        _, data, state = await asyncio.to_thread(guard.read, doc_path or path, "doc_path")
        return MarkdownDocument(name, data.decode(), state, link)
    except UnicodeDecodeError:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"doc_path: {name} is no UTF-8 text.",
            field="doc_path",
            details={"path": name},
        ) from None
    except LtmcError as error:
        if error.code != ErrorCode.NOT_FOUND:
            raise
        return MarkdownDocument(name, "", None, link)


async def replace(guard: PathGuard, document: MarkdownDocument, text: str) -> None:
    """Replace a document's text, unless someone changed it since it was read."""
    known = document.text.encode() if document.exists else None
    await asyncio.to_thread(guard.replace, document.path, text.encode(), known=known)
