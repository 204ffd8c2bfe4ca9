"""The life of a database, in any order: several servers and the command line on one file, and what befalls it.

    python -m tests.soak.database_life [--rounds 200] [--steps 20] [--servers 4] [--seed 1]

A round is a new database. In each step hypothesis chooses what happens: writes and reads, calls that are cancelled,
a backup, a restore (also of a damaged search index), a command that is killed, another file put in place (one of
ours, one that version 1.0 made, or garbage, half a copy or one of a newer version, and then one of ours), a
reindexing, a checkpoint, a lock held by a stranger, a full disk, kill -9. Meanwhile every server has writes under way.

After each step every acknowledged write must be, with its id and its text, in the database or in a file that was
kept of it; the database whole; and no call may have waited longer than its limit or failed inside.
"""

import argparse
import contextlib
import gzip
import itertools
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.client import SOURCE_COMMAND, run_cli
from tests.soak.sudden_death import HANDSHAKE, KINDS, Written
from tests.upgrade.recorded import DATABASE as DATABASE_OF_VERSION_1_0

LIMIT_SECONDS = 45.0
"""How long a call may take: 30 s of waiting for locks, and time for a machine under load."""

REFUSALS = {"BACKEND_UNAVAILABLE", "UNSUPPORTED"}
"""What a call may fail with: a lock, a full disk, a file that was exchanged under it or is of a newer version."""

FIGURES: Counter[str] = Counter()
"""What happened in all rounds, for the report."""


def rows(path: Path) -> Written:
    """What is written in a database, which must be whole."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        verdict = connection.execute("PRAGMA integrity_check(5)").fetchall()
        assert verdict == [("ok",)], (path, verdict)
        return {(tool, row[0], row[1]) for tool, (_, sql) in KINDS.items() for row in connection.execute(sql)}


class Server:
    """A server process that is spoken to without waiting for answers."""

    def __init__(self, db: Path) -> None:
        self.process = subprocess.Popen(
            [*SOURCE_COMMAND, "serve", "--db", str(db), "--project", "default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._answers: dict[Any, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        self._numbers = itertools.count()
        threading.Thread(target=self._read, daemon=True).start()
        self._send({"id": "hello", "method": "initialize", "params": HANDSHAKE})
        self.answer("hello")
        self._send({"method": "notifications/initialized"})

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._arrived, contextlib.suppress(ValueError):  # the last line of a killed one may be cut
                message = json.loads(line)
                self._answers[message.get("id")] = message
                self._arrived.notify_all()
        with self._arrived:
            self._answers[None] = {}  # no more will come
            self._arrived.notify_all()

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def begin(self, tool: str, **arguments: Any) -> int:
        """Send a call; its number."""
        number = next(self._numbers)
        self._send({"id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        return number

    def cancel(self, number: int) -> None:
        """Take back a call that may be under way."""
        self._send({"method": "notifications/cancelled", "params": {"requestId": number}})

    def answer(self, number: Any, seconds: float = LIMIT_SECONDS) -> dict[str, Any] | None:
        """The answer to a call, or None when the server was killed or the call cancelled."""
        with self._arrived:
            there = self._arrived.wait_for(lambda: number in self._answers or None in self._answers, seconds)
            assert there, f"call {number} was not answered within {seconds:g} s"
            message = self._answers.get(number, {})
        return message.get("result", {}).get("structuredContent")

    def end(self) -> None:
        """Have it open the database, and end it well."""
        assert self.answer(self.begin("list_todos", limit=1))
        self.close()

    def close(self) -> None:
        """End it well."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(LIMIT_SECONDS)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


class DatabaseLife(RuleBasedStateMachine):
    """See the module. Each rule is a step; `_meanwhile` carries it out while every server writes."""

    most_servers = 3
    longest_lock = 2.0

    @initialize(count=st.integers(2, 4))
    def begin(self, count: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ltmc-life-"))
        self.db = self.folder / "ltmc.db"
        self.backups: list[Path] = []
        self.kept: list[Path] = []
        self.acknowledged: Written = set()
        self.marks = itertools.count()
        self.servers = [Server(self.db) for _ in range(min(count, self.most_servers))]
        self._write(0)  # so that there is a database

    def teardown(self) -> None:
        for server in getattr(self, "servers", []):
            server.kill()
        if hasattr(self, "folder"):
            Server(self.db).end()
            assert not list(self.folder.glob(".ltmc-scratch-*")), "the next start removes what was left over"
            shutil.rmtree(self.folder)

    # What the steps are made of.

    def _begin_write(self, server: Server) -> tuple[Server, int, str, str]:
        mark = f"mark{next(self.marks)}"
        tool = list(KINDS)[next(self.marks) % 3]
        arguments = {
            "store_memory": {"file_name": f"{mark}.md", "content": f"{mark} is remembered " * 20},
            "add_todo": {"title": mark},
            "log_chat": {"content": mark, "conversation_id": "life"},
        }[tool]
        return server, server.begin(tool, **arguments), tool, mark

    def _end_write(self, server: Server, number: int, tool: str, mark: str) -> bool:
        answer = server.answer(number)
        if answer is None:
            FIGURES["writes cut off"] += 1
        elif answer["success"]:
            FIGURES["writes acknowledged"] += 1
            self.acknowledged.add((tool, answer[KINDS[tool][0]], mark))
        else:
            FIGURES["writes refused"] += 1
            assert answer["error_code"] in REFUSALS, answer
        return bool(answer and answer["success"])

    def _write(self, number: int) -> bool:
        return self._end_write(*self._begin_write(self.servers[number]))

    def _meanwhile(self, step: Callable[[], Any], each: int = 4) -> Any:
        """Do `step` while every server has writes under way."""
        writes = [self._begin_write(server) for server in self.servers for _ in range(each)]
        FIGURES[step.__name__.strip("_").replace("_", " ")] += 1
        result = step()
        writes += [self._begin_write(server) for server in self.servers]
        for write in writes:
            self._end_write(*write)
        return result

    def _command(self, *arguments: str) -> dict[str, Any]:
        started = time.monotonic()
        done = run_cli(*arguments, "--json", "--db", str(self.db))
        assert done.returncode == 0, (arguments, done.stderr)
        assert time.monotonic() - started < LIMIT_SECONDS
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _put_in_place(self, content: bytes, *, noticed: bool = True, keep: bool = True) -> None:
        """Exchange the database for another file, as ``mv`` does, and keep the files of the old one by links.

        Args:
            noticed: whether the servers open it first; else a process that knows nothing of the old file does.
        """
        new, kept = self.folder / "new", self.folder / f"kept{len(self.kept)}.db"
        new.write_bytes(content)
        if keep:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.link(f"{self.db}{suffix}", f"{kept}{suffix}")
            self.kept.append(kept)
        new.replace(self.db)
        openers = self.servers if noticed else [Server(self.db)]
        for server in openers:  # before SQLite opens it, LTMC takes the old log away
            answer = server.answer(server.begin("list_todos", limit=1))
            assert answer is None or answer["success"] or answer["error_code"] in REFUSALS, answer
        if not noticed:
            openers[0].close()

    # The steps.

    @rule(number=st.integers(0, 3), count=st.integers(1, 5))
    def write(self, number: int, count: int) -> None:
        for _ in range(count):
            assert self._write(number % len(self.servers)), "nothing stood in its way"

    @rule(number=st.integers(0, 3))
    def read(self, number: int) -> None:
        server = self.servers[number % len(self.servers)]
        there = {
            mark for tool, _, mark in rows(self.db) if tool == "store_memory" and mark.startswith("mark")
        }
        if not there:
            return
        mark = max(there)
        answer = server.answer(server.begin("retrieve_memory", query=mark, top_k=3))
        assert answer, "it lives"
        assert answer["success"], answer
        found = {hit["content"].partition(" ")[0] for hit in answer["results"]}
        assert mark in found or "warnings" in answer, (mark, found)

    @rule(number=st.integers(0, 3), pause=st.floats(0, 0.05))
    def cancel(self, number: int, pause: float) -> None:
        FIGURES["cancel"] += 1
        server = self.servers[number % len(self.servers)]
        write = self._begin_write(server)
        time.sleep(pause)
        server.cancel(write[1])
        reading = server.begin("list_todos", limit=1)
        assert server.answer(reading), "the next call is answered"
        with contextlib.suppress(AssertionError):  # a call that is taken back need not be answered
            server.answer(write[1], 0.5)
            self._end_write(*write)

    @rule()
    def backup(self) -> None:
        path = self.folder / f"backup{len(self.backups)}"
        before = rows(self.db) & self.acknowledged

        def backup() -> None:
            self._command("backup", str(path))

        self._meanwhile(backup)
        assert before <= rows(path)
        self.backups.append(path)

    @rule(number=st.integers(0, 20), damaged=st.booleans())
    def restore(self, number: int, damaged: bool) -> None:
        if not self.backups:
            self.backup()
        source = self.folder / "restored"
        shutil.copy(self.backups[number % len(self.backups)], source)
        expected = rows(source)
        if damaged:
            with contextlib.closing(sqlite3.connect(source)) as connection, connection:
                connection.execute("DELETE FROM search_terms_data")

        def restore() -> dict[str, Any]:
            return self._command("restore", str(source), "--force")

        report = self._meanwhile(restore)
        self.kept.append(Path(report["kept"]))
        assert (report["index_damage"] is not None) == damaged
        assert expected <= rows(self.db)

    @rule(
        number=st.integers(0, 20),
        pause=st.floats(0.2, 3),
        name=st.sampled_from(["restore", "backup", "reindex"]),
    )
    def kill_command(self, number: int, pause: float, name: str) -> None:
        if not self.backups:
            self.backup()
        source = self.backups[number % len(self.backups)]
        arguments = {
            "restore": [str(source), "--force"],
            "backup": [str(self.folder / "cut off"), "--force"],
            "reindex": ["--all"],
        }[name]

        def kill_command() -> None:
            command = [*SOURCE_COMMAND, name, *arguments, "--db", str(self.db)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            process.kill()
            process.wait()

        self._meanwhile(kill_command)
        if (self.folder / "cut off").exists():
            rows(self.folder / "cut off")
        self.kept = sorted({*self.kept, *self.folder.glob("ltmc.db.before-restore-*Z")})

    @rule(number=st.integers(0, 20), noticed=st.booleans())
    def replace(self, number: int, noticed: bool) -> None:
        if not self.backups:
            self.backup()
        content = self.backups[number % len(self.backups)].read_bytes()

        def replace() -> None:
            self._put_in_place(content, noticed=noticed)

        self._meanwhile(replace)

    @rule(
        number=st.integers(0, 20), noticed=st.booleans(), what=st.sampled_from(["garbage", "half", "newer"])
    )
    def replace_by_a_bad_file(self, number: int, noticed: bool, what: str) -> None:
        if not self.backups:
            self.backup()
        good = self.backups[number % len(self.backups)]
        newer = self.folder / "newer"
        shutil.copy(good, newer)
        with contextlib.closing(sqlite3.connect(newer)) as connection, connection:
            connection.execute("INSERT INTO schema_migrations VALUES (99, '')")
        content = good.read_bytes()
        bad = {
            "garbage": b"garbage" * 1000,
            "half": content[: len(content) // 2],
            "newer": newer.read_bytes(),
        }

        def replace_by_a_bad_file() -> None:
            self._put_in_place(bad[what], noticed=noticed)
            assert self.db.read_bytes() == bad[what], "what cannot be used is left as it is"
            self._put_in_place(content, noticed=noticed, keep=False)

        self._meanwhile(replace_by_a_bad_file)

    @rule()
    def migrate(self) -> None:
        def put_a_database_of_version_1_0_in_place() -> None:
            self._put_in_place(gzip.decompress(DATABASE_OF_VERSION_1_0.read_bytes()))

        self._meanwhile(put_a_database_of_version_1_0_in_place)

    @rule(everything=st.booleans())
    def reindex(self, everything: bool) -> None:
        def reindex() -> None:
            self._command("reindex", *(["--all"] if everything else []))

        self._meanwhile(reindex)

    @rule(mode=st.sampled_from(["PASSIVE", "RESTART", "TRUNCATE"]))
    def checkpoint(self, mode: str) -> None:
        def checkpoint() -> None:
            with contextlib.closing(sqlite3.connect(self.db, timeout=10)) as connection:
                connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()

        self._meanwhile(checkpoint)

    @rule(seconds=st.sampled_from([0.5, 2.0, 35.0]))
    def locked(self, seconds: float) -> None:
        def lock_held_by_a_stranger() -> None:
            with contextlib.closing(sqlite3.connect(self.db, timeout=30, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                time.sleep(min(seconds, self.longest_lock))
                connection.execute("ROLLBACK")

        self._meanwhile(lock_held_by_a_stranger)

    @rule(number=st.integers(0, 3), room=st.integers(0, 100_000))
    def full_disk(self, number: int, room: int) -> None:
        process = self.servers[number % len(self.servers)].process
        wal = Path(f"{self.db}-wal")

        def full_disk() -> None:
            time.sleep(0.1)

        size = wal.stat().st_size if wal.exists() else 0
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            self._meanwhile(full_disk)
        finally:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))

    @rule(number=st.integers(0, 3))
    def kill(self, number: int) -> None:
        number %= len(self.servers)

        def kill() -> None:
            os.kill(self.servers[number].process.pid, signal.SIGKILL)

        self._meanwhile(kill)
        self.servers[number].kill()
        self.servers[number] = Server(self.db)

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "db"):
            return
        there = rows(self.db).union(*map(rows, self.kept))
        lost = self.acknowledged - there
        assert not lost, f"{len(lost)} of {len(self.acknowledged)}: {sorted(lost)[:5]}"


def run(rounds: int, steps: int, servers: int, number: int, longest_lock: float = 2.0) -> Counter[str]:
    """Live so many lives; what happened in them."""
    FIGURES.clear()
    own = {"most_servers": servers, "longest_lock": longest_lock}
    machine = seed(number)(type("Life", (DatabaseLife,), own))
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=rounds,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # another run of the same steps has other interleavings
            suppress_health_check=list(HealthCheck),
        ),
    )
    return FIGURES


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    figures = run(options.rounds, options.steps, options.servers, options.seed, longest_lock=35)
    print(f"{options.rounds} rounds, nothing lost: {dict(figures)}")


if __name__ == "__main__":
    main()
