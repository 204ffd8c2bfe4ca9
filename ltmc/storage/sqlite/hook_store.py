"""What hooks read and write, on a cursor: in a command of its own, or in a transaction of a server.

It imports little, so that the command starts in an instant. What hooks keep are chat messages whose source is
`SOURCE` and whose metadata say under ``hook`` what they are; which memories a session was shown is in the log of
retrievals.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.half_moved import HALF_MOVED, HalfMovedError
from ltmc.storage.index_entries import IndexEntries
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.index_entries import SqliteEntries
from ltmc.storage.sqlite.log_note import is_foreign
from ltmc.storage.tables.validity import CURRENT, SHADOWED, shadowing
from ltmc.timestamps import days_ago, now

SOURCE = "hook"
"""The source of the messages that hooks keep, and the tool of their retrievals."""

LOCK_SECONDS = 1.5
"""How long the command waits for other processes to write."""

_OWN = "source_tool = 'hook' AND json_extract(metadata, '$.hook')"
"""What a message that a hook kept is."""


_FIRST = f"{CURRENT} AND NOT {SHADOWED}"
"""What is current, and of one name what is in the first of some projects."""


def _first(projects: Sequence[str]) -> list[str]:
    moment = now()
    given = shadowing(projects, moment)
    return [*[moment] * 4, *(one if isinstance(one, str) else _json(one) for one in given)]


class Quoted(NamedTuple):
    """The beginning of something stored, with its id and name."""

    id: int
    name: str
    text: str


class Kept(NamedTuple):
    """A message that a hook kept: what it is, its text, the file that it speaks of, and when it was kept."""

    hook: str
    text: str
    file: str | None
    created_at: str


MOST_CLONES = 200
"""How many clones of a project are known, the newest."""


class HookStore:
    """The rows that hooks need."""

    def __init__(self, entries: IndexEntries) -> None:
        self.entries, self.cursor = entries, entries.cursor

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write what the block does as one transaction."""
        self.cursor.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.cursor.execute("COMMIT")
        except BaseException:
            if cast("sqlite3.Cursor", self.cursor).connection.in_transaction:
                self.cursor.execute("ROLLBACK")
            raise

    def add_message(
        self,
        project_id: str,
        session: str,
        role: str,
        content: str,
        agent: str,
        metadata: Mapping[str, Any],
    ) -> int:
        """Store a message of a session, and make the project known; return the message's id."""
        moment = now()
        self.cursor.execute(
            "INSERT INTO projects (project_id, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (project_id, moment),
        )
        row = self.cursor.execute(
            "INSERT INTO chat_messages (project_id, conversation_id, role, content, agent_name, source_tool, metadata, "
            "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (project_id, session, role, content, agent, SOURCE, _json(metadata), moment),
        ).fetchall()
        return int(row[0][0])

    def projects_of_clone(self, clone: str) -> list[str]:
        """Return the projects that a clone was noted for, the newest first."""
        rows = self.cursor.execute(
            "SELECT project_id FROM projects WHERE settings <> '{}' AND json_valid(settings) AND EXISTS "
            "(SELECT 1 FROM json_each(settings, '$.clones') WHERE value = ?) ORDER BY created_at DESC",
            (clone,),
        )
        return [row[0] for row in rows]

    def note_clone(self, project_id: str, clone: str) -> None:
        """Note of a project that is known that a clone is its."""
        row = self.cursor.execute(
            "SELECT settings FROM projects WHERE project_id = ? AND json_valid(settings)", (project_id,)
        ).fetchone()
        settings = json.loads(row[0]) if row else None
        if isinstance(settings, dict):
            clones = settings.get("clones", [])
            settings["clones"] = [*clones, *([] if clone in clones else [clone])][-MOST_CLONES:]
            sql = "UPDATE projects SET settings = ? WHERE project_id = ?"
            self.cursor.execute(sql, (_json(settings), project_id))

    def count_kept(self, project_id: str, session: str) -> int:
        """Count the messages of a session."""
        sql = "SELECT count(*) FROM chat_messages WHERE project_id = ? AND conversation_id = ?"
        return int(self.cursor.execute(sql, (project_id, session)).fetchone()[0])

    def kept(self, project_id: str, session: str, most: int) -> list[Kept]:
        """Return the messages that hooks kept of a session, the newest first."""
        rows = self.cursor.execute(
            "SELECT json_extract(metadata, '$.hook'), content, json_extract(metadata, '$.file'), created_at "
            f"FROM chat_messages WHERE project_id = ? AND conversation_id = ? AND {_OWN} IS NOT NULL "
            "ORDER BY created_at DESC, id DESC LIMIT ?",
            (project_id, session, most),
        )
        return [Kept(*row) for row in rows]

    def last_session(self, project_id: str, other_than: str) -> str | None:
        """Return the session that hooks kept something of last."""
        row = self.cursor.execute(
            "SELECT conversation_id FROM chat_messages WHERE source_tool = ? AND project_id = ? "
            "AND conversation_id <> ? ORDER BY id DESC LIMIT 1",
            (SOURCE, project_id, other_than),
        ).fetchone()
        return row[0] if row else None

    def remove_old_events(self, project_id: str, days: int, most: int) -> list[int]:
        """Remove edits and failures older than so many days, up to so many; return their ids."""
        rows = self.cursor.execute(
            f"SELECT id FROM chat_messages WHERE {_OWN} IN ('edit', 'failure') AND project_id = ? "
            "AND created_at < ? ORDER BY id LIMIT ?",
            (project_id, days_ago(days), most),
        )
        ids = [row[0] for row in rows]
        self.cursor.executemany("DELETE FROM chat_messages WHERE id = ?", [(one,) for one in ids])
        return ids

    def remove_former(self, project_id: str, session: str, hook: str) -> list[int]:
        """Remove what was kept of a session as `hook` says, for a new one takes its place; return the ids."""
        rows = self.cursor.execute(
            "DELETE FROM chat_messages WHERE project_id = ? AND conversation_id = ? AND source_tool = 'hook' "
            "AND json_extract(metadata, '$.hook') = ? RETURNING id",
            (project_id, session, hook),
        )
        return [row[0] for row in rows.fetchall()]

    def chunks(self, projects: Sequence[str], chunk_ids: Sequence[int]) -> dict[int, Quoted]:
        """Return parts of memories that are current, by id, each with the memory's id and name.

        Of those of the same name only the one of the first of the projects.
        """
        rows = self.cursor.execute(
            "SELECT c.id, r.id, r.file_name, c.text FROM resource_chunks c JOIN resources r ON r.id = c.resource_id "
            f"WHERE c.id IN (SELECT value FROM json_each(?)) AND {_FIRST}",
            (_json(chunk_ids), *_first(projects)),
        )
        return {row[0]: Quoted(*row[1:]) for row in rows}

    def shown(self, project_id: str, session: str) -> set[int]:
        """Return the ids of the memories that a session was shown."""
        rows = self.cursor.execute(
            "SELECT DISTINCT c.resource_id FROM retrieval_events e JOIN context_links l ON l.event_id = e.id "
            "JOIN resource_chunks c ON c.id = l.chunk_id "
            "WHERE e.project_id = ? AND e.conversation_id = ? AND e.tool = ?",
            (project_id, session, SOURCE),
        )
        return {row[0] for row in rows}

    def show(
        self, project_id: str, session: str, chunks: Sequence[tuple[int, float]], mode: str, latency_ms: float
    ) -> None:
        """Record the parts of memories that a session is shown, with their scores, best first."""
        moment = now()
        row = self.cursor.execute(
            "INSERT INTO retrieval_events (project_id, conversation_id, tool, top_k, result_count, search_mode, "
            "latency_ms, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (project_id, session, SOURCE, len(chunks), len(chunks), mode, latency_ms, moment),
        ).fetchall()
        self.cursor.executemany(
            "INSERT INTO context_links (event_id, chunk_id, rank, score, created_at) VALUES (?, ?, ?, ?, ?)",
            [
                (row[0][0], chunk_id, rank, score, moment)
                for rank, (chunk_id, score) in enumerate(chunks, start=1)
            ],
        )

    def decisions(self, projects: Sequence[str], characters: int, most: int) -> list[Quoted]:
        """Return the beginnings of current memories: those of decisions first, then the newest."""
        rows = self.cursor.execute(
            "SELECT r.id, r.file_name, substr(r.content, 1, ?) FROM resources r "
            f"WHERE r.project_id IN (SELECT value FROM json_each(?)) AND {_FIRST} "
            "ORDER BY r.tags LIKE '%\"decision%' DESC, r.updated_at DESC LIMIT ?",
            (characters, _json(projects), *_first(projects), most),
        )
        return [Quoted(*row) for row in rows]

    def todos(self, projects: Sequence[str], characters: int, most: int) -> list[Quoted]:
        """Return the open todos: those overdue, then the most urgent; the name is when they are due."""
        rows = self.cursor.execute(
            "SELECT id, coalesce(substr(due_at, 1, 10), ''), substr(title, 1, ?) FROM todos "
            "WHERE project_id IN (SELECT value FROM json_each(?)) AND status = 'pending' "
            "ORDER BY due_at IS NULL OR due_at > ?, priority DESC, id LIMIT ?",
            (characters, _json(projects), now(), most),
        )
        return [Quoted(*row) for row in rows]

    def failures(
        self, projects: Sequence[str], files: Sequence[str], characters: int, most: int
    ) -> list[Quoted]:
        """Return the newest attempts that failed on files, each named by its file, with its error or request."""
        rows = self.cursor.execute(
            "SELECT id, file_name, substr(coalesce(nullif(error_message, ''), input_prompt), 1, ?) "
            "FROM code_patterns p WHERE project_id IN (SELECT value FROM json_each(?)) AND result IN ('fail', 'error') "
            "AND file_name IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(?) f WHERE f.value = p.file_name "
            "OR f.value LIKE '%/' || p.file_name OR p.file_name LIKE '%/' || f.value) ORDER BY id DESC LIMIT ?",
            (characters, _json(projects), _json(files), most),
        )
        return [Quoted(*row) for row in rows]


@contextmanager
def opened(path: Path, *, read_only: bool = False) -> Iterator[HookStore]:
    """Open a database that is there and of the present schema; it is closed afterwards.

    What is written survives the death of the process, and is not waited for on the disk.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE, UNSUPPORTED for another schema, NOT_FOUND.
    """
    if not path.exists():
        raise LtmcError(ErrorCode.NOT_FOUND, f"There is no database {path} yet.")
    if is_foreign(path):
        raise unavailable(path, "another file took its place, and the log beside it is of that one")
    options = "mode=rw"
    if read_only:
        from ltmc.storage.sqlite.read_only import options_of  # most hooks write

        options = options_of(path)
    uri = f"{path.absolute().as_uri()}?{options}"
    with translated(path), closing(sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS)) as connection:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        _require_present(connection, path)
        yield HookStore(SqliteEntries(connection.cursor()))


def _require_present(connection: sqlite3.Connection, path: Path) -> None:
    folder = Path(__file__).with_name("migrations")
    known = sum(name.endswith(".sql") for name in os.listdir(folder))  # noqa: PTH208 - the fastest
    version = None
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone():
        version = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
    elif not connection.execute("SELECT 1 FROM sqlite_master").fetchone():  # it is being made
        raise LtmcError(ErrorCode.NOT_FOUND, f"There is no database {path} yet.")
    if version == HALF_MOVED:
        raise HalfMovedError(str(path))
    if version != known:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"The database {path} has schema version {version}; hooks of this LTMC use {known}. A server of the newer "
            "LTMC brings it forward.",
        )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
