"""`ltmc top`: in a terminal, and printed once."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import SOURCE_COMMAND, Session, run_cli

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\(B|[=>])")
HOME = "\x1b[H"
"""What a picture begins with."""

LEAVES = "\x1b[?1049l"
"""What gives the terminal back as it was before."""


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """`ltmc top` in a terminal of some size."""

    def __init__(self, db: Path, *flags: str, columns: int = 110, rows: int = 30, **env: str) -> None:
        self.main, self.side = pty.openpty()
        self.before = termios.tcgetattr(self.side)
        self.resize(columns, rows)
        environment = {**os.environ, "TERM": "xterm-256color", **env}
        environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [*SOURCE_COMMAND, "top", "--db", str(db), "--every", "0.5", *flags],
            stdin=self.side,
            stdout=self.side,
            stderr=self.side,
            env=environment,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - Ctrl-C comes to whom the terminal belongs
        )
        self.shown = ""

    def resize(self, columns: int, rows: int) -> None:
        """Make it another size."""
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds: float = 0.2) -> str:
        """What it shows more, without what moves the cursor."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.main], [], [], left)[0]:
                try:
                    self.shown += os.read(self.main, 65536).decode("utf-8", "replace")
                except OSError:  # the program has ended
                    break
        return ESCAPES.sub("", self.shown)

    def until(self, text: str) -> str:
        """Wait until it shows a text."""
        end = time.monotonic() + 60
        while text not in (shown := self.read()):
            assert time.monotonic() < end, shown[-3000:]
            assert self.process.poll() is None, shown[-3000:]
        return shown

    def screen(self) -> list[str]:
        """The lines of the next whole picture."""
        self.shown = ""
        end = time.monotonic() + 60
        while len(pictures := self.shown.split(HOME)) < 3:
            assert time.monotonic() < end, self.shown
            self.read()
        return [line.rstrip() for line in ESCAPES.sub("", pictures[-2]).replace("\r", "").split("\n")]

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.main, keys)

    def ended(self) -> int:
        """Wait for its end; its exit status. The terminal is as it was."""
        code = self.process.wait(timeout=30)
        self.read()
        assert LEAVES in self.shown
        assert self.shown.rindex("\x1b[?25h") > 0  # the cursor is back
        assert termios.tcgetattr(self.side) == self.before
        return code


@contextmanager
def terminal(db: Path, *flags: str, columns: int = 110, rows: int = 30, **env: str) -> Iterator[Terminal]:
    """A terminal with `ltmc top`, which is closed at the end."""
    found = Terminal(db, *flags, columns=columns, rows=rows, **env)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        os.close(found.side)
        os.close(found.main)


@pytest.fixture
def used(db: Path) -> Path:
    """A database that an agent used."""
    with Session(db) as client:
        client.ok("store_memory", file_name="tides.md", content="High water is at noon.", project_id="tides")
        client.ok("retrieve_memory", query="high water", project_id="tides")
        client.bad("get_memory", "NOT_FOUND", resource_id=99, project_id="tides")
        client.ok("log_chat", content="hello", conversation_id="c", agent_name="anna", project_id="tides")
    return db


def test_calls_of_another_process_show_up_until_q(used: Path) -> None:
    with terminal(used) as top:
        top.until("store_memory")
        with Session(used) as client:
            client.ok("list_todos", project_id="others")
            shown = top.until("list_todos")
        for text in (
            "q quits",
            "store_memory",
            "NOT_FOUND",
            "tides.md",
            "anna",
            "retrieve_memory",
            "healthy",
        ):
            assert text in shown
        assert "high water" not in shown
        top.press(b"x")
        time.sleep(0.3)
        assert top.process.poll() is None
        top.press(b"q")
        assert top.ended() == 0


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_it_ends_cleanly(used: Path, how: str) -> None:
    with terminal(used) as top:
        top.until("store_memory")
        if how == "Ctrl-C":
            top.press(b"\x03")
        else:
            top.process.send_signal(signal.SIGTERM)
        assert top.ended() == 0
        assert "Traceback" not in top.shown


@pytest.mark.parametrize("columns", [200, 100, 80, 40, 24])
def test_no_line_is_wider_than_the_terminal(used: Path, columns: int) -> None:
    with terminal(used, columns=columns, rows=60) as top:
        top.until("store_memory" if columns > 30 else "calls")
        lines = top.screen()
        assert max(map(len, lines)) <= columns
        assert len(lines) <= 60
        top.press(b"q")
        assert top.ended() == 0


def test_it_follows_the_size_of_the_terminal(used: Path) -> None:
    with terminal(used, columns=120, rows=40) as top:
        top.until("store_memory")
        top.resize(60, 12)
        top.read(1.5)
        lines = top.screen()
        assert max(map(len, lines)) <= 60
        top.press(b"q")
        assert top.ended() == 0


def test_once_prints_once(used: Path) -> None:
    found = run_cli("top", "--once", "--db", str(used), "--project", "tides")
    assert found.returncode == 0, found
    assert "\x1b" not in found.stdout
    for text in ("calls", "store_memory", "NOT_FOUND", "tides.md", "anna", "tides"):
        assert text in found.stdout
    other = run_cli("top", "--once", "--db", str(used), "--project", "others", "--range", "all")
    assert "no calls yet" in other.stdout
    narrow = run_cli("top", "--once", "--db", str(used), COLUMNS="40")
    assert max(map(len, narrow.stdout.splitlines())) <= 40
    plain = run_cli("top", "--once", "--db", str(used), PYTHONIOENCODING="ascii")
    assert plain.returncode == 0, plain


def test_without_a_terminal_it_says_what_to_do(used: Path) -> None:
    found = run_cli("top", "--db", str(used))
    assert found.returncode == 2
    assert found.stdout == ""
    assert "stdout is no terminal that can be redrawn; --once prints it once." in found.stderr


def test_a_terminal_that_cannot_be_redrawn(used: Path) -> None:
    with terminal(used, TERM="dumb") as top:
        assert top.process.wait(timeout=60) == 2
        assert "--once prints it once" in top.read()


@pytest.mark.database_file
def test_what_is_wrong_is_named(db: Path) -> None:
    missing = run_cli("top", "--once", "--db", str(db))
    assert missing.returncode == 1
    assert "there is no database" in missing.stderr
    assert not db.exists()
    assert "'year' is not one of" in run_cli("top", "--range", "year").stderr


def test_stored_text_does_nothing_to_the_terminal(db: Path) -> None:
    name = "a\x1b]0;owned\x07\x1b[31m[bold]b[/bold].md"
    with Session(db) as client:
        client.any("store_memory", file_name=name, content="The tide is high.", project_id="p")
        client.ok("log_chat", content="hello", conversation_id="c", agent_name="[red]x[/red]", project_id="p")
        client.ok("retrieve_memory", query="tide", project_id="p")
    found = run_cli("top", "--once", "--db", str(db), FORCE_COLOR="")
    assert found.returncode == 0, found
    assert "\x1b]" not in found.stdout
    assert "\x07" not in found.stdout
    assert "[red]x[/red]" in found.stdout
