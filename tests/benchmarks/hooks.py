"""How long `ltmc hook prompt` takes, against an interpreter that does nothing.

    python -m tests.benchmarks.hooks [--runs 31] [--memories 1000] [--command 'ltmc program'] [--python PATH]

Both are run in turn, run by run, so that a slow moment of the machine hits both. Each run recalls a memory in a new
session and keeps the prompt.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november".split()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument("--memories", type=int, default=1000)
    parser.add_argument("--command", default=f"{sys.executable} -m ltmc")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, env = Path(folder) / "project", {**os.environ, "LTMC_DB": f"{folder}/ltmc.db"}
        root.mkdir()
        store(root, Path(folder) / "ltmc.db", options.memories)
        measure([options.python, "-c", "pass"], shlex.split(options.command), root, env, options.runs)


def store(root: Path, db: Path, count: int) -> None:
    """Store memories of the project."""
    from ltmc.app.project_identity import project_of
    from tests.client import Session

    with Session(db) as client:
        for n in range(count):
            text = (
                f"Memory {n} of the {WORDS[n % 14]} service says {WORDS[n * 7 % 13]} and {WORDS[n * 3 % 11]}."
            )
            client.ok("store_memory", file_name=f"m{n}.md", content=text, project_id=project_of(root))


def measure(nothing: list[str], command: list[str], root: Path, env: dict[str, str], runs: int) -> None:
    """Print the times of both, and of the hook with nothing to find."""
    base, hook = [], []
    for n in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(nothing, check=True, env=env)
        base.append(1000 * (time.perf_counter() - started))
        payload = {
            "session_id": f"s{n}",
            "cwd": str(root),
            "hook_event_name": "UserPromptSubmit",
            "prompt": f"what does the {WORDS[n % 14]} service say of {WORDS[n * 7 % 13]}?",
        }
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "hook", "prompt"],
            input=json.dumps(payload).encode(),
            stdout=subprocess.PIPE,
            check=True,
            env=env,
        )
        hook.append(1000 * (time.perf_counter() - started))
        assert b"additionalContext" in done.stdout, done
    added = [mine - other for mine, other in zip(hook[1:], base[1:], strict=True)]  # the first one warms up
    for name, times in (("python -c pass", base[1:]), ("ltmc hook prompt", hook[1:]), ("difference", added)):
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"{name:17} p50 {statistics.median(times):6.1f} ms  p95 {p95:6.1f} ms  least {min(times):6.1f} ms"
        )


if __name__ == "__main__":
    main()
