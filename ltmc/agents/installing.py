"""Putting LTMC into the files of an agent and taking it out again.

All edits of an agent are made in memory first, so one that cannot be made leaves all its files alone. The ledger
is written before the files: whatever is killed in between can be undone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import partial
from pathlib import Path

from ltmc.agents import files
from ltmc.agents.ledger import Ledger, Record
from ltmc.agents.pieces import OwnFile, Piece
from ltmc.agents.text import EditError
from ltmc.errors import ErrorCode, LtmcError


@dataclass(slots=True)
class Draft:
    """A file as it is and as it is to be.

    Attributes:
        after: None for no file.
        edited: what goes is not all as LTMC wrote it.
        kept: where the file is kept as it was, for that.
        unrecorded: it is not noted how the file was before LTMC.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    pieces: list[Piece] = field(default_factory=list)
    edited: bool = False
    kept: Path | None = None
    unrecorded: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is something to do."""
        return self.before != self.after

    def diff(self) -> str:
        """Return the change as a unified diff."""
        sides = [self.before, self.after]
        before, after = (files.decode(content).splitlines(keepends=True) for content in sides)
        old, new = ("/dev/null" if content is None else str(self.path) for content in sides)
        lines = unified_diff(before, after, old, new)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )


def plan(pieces: list[Piece]) -> list[Draft]:
    """Return the files of some pieces with all of them in.

    Raises:
        LtmcError: PARSE_ERROR that names the file and the line that keep it from being edited.
    """
    drafts: dict[Path, Draft] = {}
    for piece in pieces:
        with _naming(piece.path):
            if piece.path not in drafts:
                before = files.read(piece.path)
                drafts[piece.path] = Draft(piece.path, before, before)
            draft = drafts[piece.path]
            text = "" if isinstance(piece, OwnFile) else files.decode(draft.after)
            draft.after = files.encode(piece.put(text), draft.before)
            draft.pieces.append(piece)
    return list(drafts.values())


def install(owner: str, drafts: list[Draft], ledger: Ledger) -> None:
    """Write planned files.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE if one cannot be written; then all are as they were.
    """
    saved = deepcopy(ledger.records)
    for draft in drafts:
        _note(ledger, draft, owner)
    ledger.save()
    undo: list[Callable[[], None]] = []
    for draft in drafts:
        try:
            if draft.changed:
                _write(draft, undo)
        except OSError as error:
            for step in reversed(undo):
                step()
            ledger.records = saved
            ledger.save()
            raise _failed(draft.path, error) from None


def uninstall(owner: str, pieces: list[Piece], ledger: Ledger) -> list[Draft]:
    """Take what was done for an owner out of the files; return those that changed.

    A file that is as LTMC left it becomes what it was before LTMC, or goes if there was none. Of one that others
    have changed since, only the pieces go; if one of these was edited, a copy of the file stays beside it.

    Raises:
        LtmcError: PARSE_ERROR that names the file: none is changed then; BACKEND_UNAVAILABLE that names the first
            file that cannot be written: those before it are done.
    """
    known = [Path(name) for name, record in ledger.records.items() if owner in record.owners]
    drafts = []
    for path in dict.fromkeys([*(piece.path for piece in pieces), *known]):
        record = ledger.records.get(str(path))
        if record and set(record.owners) - {owner}:  # another one still needs it
            record.owners = [name for name in record.owners if name != owner]
            continue
        with _naming(path):
            drafts.append(_undone(path, record, [piece for piece in pieces if piece.path == path]))
    made: set[str] = set()
    for draft in drafts:
        with _naming(draft.path):
            if draft.changed and draft.edited:
                draft.kept = files.free_name(draft.path)
                files.write(draft.kept, draft.before or b"", like=draft.path)
            if draft.changed and draft.after is None:
                files.remove(draft.path)
            elif draft.changed and draft.after is not None:
                files.write(draft.path, draft.after)
            record = ledger.records.pop(str(draft.path), None)
            restored = draft.changed and files.read(files.backup_of(draft.path)) == draft.after
            if restored or (record and draft.before is not None):
                files.backup_of(draft.path).unlink(missing_ok=True)
            made |= set(record.folders) if record else set()
        ledger.save()
    _remove_folders(made, ledger)
    ledger.save()
    return [draft for draft in drafts if draft.changed]


def _undone(path: Path, record: Record | None, pieces: list[Piece]) -> Draft:
    now = files.read(path)
    draft = Draft(path, now, now, pieces, unrecorded=record is None)
    if now is None or (record and files.digest(now) == record.found):
        return draft
    own = any(isinstance(piece, OwnFile) for piece in pieces)
    if record is None and not own and not any(mark in now for mark in _MARKS):
        return draft  # nothing of LTMC's is there, whatever else it is
    backup = files.read(files.backup_of(path))
    if record and files.digest(backup) != record.found:
        backup = None
    if record and files.digest(now) == record.left and (backup is not None or record.found is None):
        draft.after = backup
        return draft
    if record and not pieces:
        raise EditError(1, "LTMC edited it where it looks no more, and others did since; edit it by hand")
    text, original = files.decode(now), files.decode(backup)
    if record is None and backup is not None and _with(pieces, original) == text:
        draft.after = backup
        return draft
    left = text
    for piece in reversed(pieces):
        left = piece.remove(left, original)
    if record is None and left == text:
        return draft
    draft.edited = _was_edited(pieces, text, left)
    # Of a file that was there, a backup was made.
    made = backup is None if record is None else record.found is None
    draft.after = None if made and left.strip() in ("", "{}") else files.encode(left, now)
    return draft


_MARKS = (b"ltmc", b"--agent", b"hook_event")
"""One of these stands in every part of LTMC's."""


def _with(pieces: list[Piece], text: str) -> str:
    for piece in pieces:
        text = piece.put(text)
    return text


def _was_edited(pieces: list[Piece], text: str, left: str) -> bool:
    """Tell whether parts in a text are others than those that are put in what is left without them."""
    try:
        again = _with(pieces, left)
        return any(found != piece.found(again) for piece in pieces if (found := piece.found(text)))
    except EditError:
        return True


def _note(ledger: Ledger, draft: Draft, owner: str) -> None:
    """Bring the record of a file up to what it will be."""
    before, after = files.digest(draft.before), files.digest(draft.after)
    record = ledger.records.setdefault(str(draft.path), Record(before, after))
    record.folders += [str(folder) for folder in files.missing_folders(draft.path)]
    if before is None:
        record.found = None  # a file that was there, somebody removed
    if draft.changed:
        record.left = after if before in (record.found, record.left) else None
    if owner not in record.owners:
        record.owners.append(owner)


def _remove_folders(made: set[str], ledger: Ledger) -> None:
    """Remove folders that are empty now; who else has files in one takes it over."""
    files.remove_folders(sorted(map(Path, made)))
    for folder in made:
        heirs = [name for name in ledger.records if Path(folder) in Path(name).parents]
        if heirs and folder not in ledger.records[heirs[0]].folders:
            ledger.records[heirs[0]].folders.append(folder)


def _write(draft: Draft, undo: list[Callable[[], None]]) -> None:
    """Write a file, and a backup if it has none; `undo` gets how each step is undone."""
    undo.append(partial(files.remove_folders, files.missing_folders(draft.path)))
    draft.path.parent.mkdir(parents=True, exist_ok=True)
    backup = files.backup_of(draft.path)
    if draft.before is not None and not backup.exists():
        files.write(backup, draft.before, like=draft.path)
        undo.append(partial(files.remove, backup))
    is_program = any(isinstance(piece, OwnFile) and piece.executable for piece in draft.pieces)
    files.write(draft.path, draft.after or b"", executable=is_program)
    before = draft.before
    put_back = (
        partial(files.remove, draft.path) if before is None else partial(files.write, draft.path, before)
    )
    undo.append(put_back)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have the errors in a block name a file."""
    try:
        yield
    except EditError as error:
        raise LtmcError(ErrorCode.PARSE_ERROR, f"{path}: {error}. It is left as it is.") from None
    except OSError as error:
        raise _failed(path, error) from None


def _failed(path: Path, error: OSError) -> LtmcError:
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"{path}: it cannot be read or written: {error.strerror or error}. It is left as it is.",
    )
