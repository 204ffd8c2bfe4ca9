"""Clients as their hooks see them: payloads as the clients write them, and the command that they run."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from ltmc.app.project_identity import project_of
from tests.client import SOURCE_COMMAND, run_cli

PAYLOADS: dict[str, dict[str, dict[str, Any]]] = json.loads(
    Path(__file__).with_name("payloads.json").read_text("utf-8")
)


class Project:
    """A repository, the database, and hooks that run in it."""

    def __init__(self, root: Path, db: Path) -> None:
        for name in ("objects", "refs"):
            (root / ".git" / name).mkdir(parents=True)
        (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (root / "src").mkdir()
        self.root, self.db, self.id = root, db, project_of(root)
        self.log = db.with_name("hooks.log")

    def payload(self, agent: str, what: str, *, session: str = "s1", prompt: str = "") -> dict[str, Any]:
        """What a client writes to a hook."""

        def filled(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: filled(one) for key, one in value.items()}
            if isinstance(value, list):
                return [filled(one) for one in value]
            if isinstance(value, str):
                return value.replace("CWD", str(self.root)).replace("SID", session).replace("PROMPT", prompt)
            return value

        return filled(PAYLOADS[agent][what])

    def run(
        self, event: str, payload: Any, *flags: str, command: list[str] | None = None, **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a hook to its end, which must be as the client wants it."""
        given = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        done = subprocess.run(
            [*(command or SOURCE_COMMAND), "hook", event, *flags],
            input=given,
            capture_output=True,
            cwd=self.root,
            env={**os.environ, "LTMC_DB": str(self.db), **env},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0
        assert done.stderr == b""
        return done

    def told(self, event: str, payload: Any, *flags: str, **env: str) -> str:
        """What a hook puts into the context."""
        return context(self.run(event, payload, *flags, **env).stdout)

    def prompt(self, text: str, *, session: str = "s1", **env: str) -> str:
        """What Claude Code is told for a prompt."""
        return self.told("prompt", self.payload("claude-code", "prompt", session=session, prompt=text), **env)

    def start(self, *, session: str = "s1", **env: str) -> str:
        """What Claude Code is told at the start of a session."""
        return self.told("start", self.payload("claude-code", "start", session=session), **env)

    def remember(self, text: str, *flags: str) -> None:
        """Store a memory of the project."""
        done = run_cli("remember", text, "--project", self.id, "--db", str(self.db), *flags)
        assert done.returncode == 0, done.stderr

    def messages(self) -> list[sqlite3.Row]:
        """The messages that were kept."""
        with closing(sqlite3.connect(self.db)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute("SELECT * FROM chat_messages ORDER BY id").fetchall()

    def kept(self) -> list[str]:
        """The texts of the messages that were kept."""
        return [row["content"] for row in self.messages()]

    def stored_bytes(self) -> bytes:
        """Everything in the folder of the database."""
        return b"".join(path.read_bytes() for path in sorted(self.db.parent.iterdir()) if path.is_file())

    def failures(self) -> list[str]:
        """The lines of the log."""
        return self.log.read_text().splitlines() if self.log.exists() else []


def context(stdout: bytes) -> str:
    """The text that an answer puts into the context, in whatever form of a client."""
    if not stdout:
        return ""
    answer = json.loads(stdout)
    nested = answer.get("hookSpecificOutput", {})
    return (
        nested.get("additionalContext")
        or answer.get("additionalContext")
        or answer.get("additional_context", "")
    )
