"""Codex has the tools of LTMC in its first turn, however busy the machine: it does not wait for late ones.

    npm ci --prefix tests/agents
    python -m tests.soak.codex_starts [--runs 10] [--busy 2] [--form pyz --form frozen]

Codex runs one turn, with a stand-in for its model, beside processes that keep cores busy. The first `pyz` run unpacks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import artefacts
from tests.agents.model import answering
from tests.agents.test_programs import codex


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--busy", type=int, default=1, help="How many processes compute beside it.")
    parser.add_argument("--form", action="append", choices=artefacts.FORMS)
    options = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    late = 0
    try:
        for form in options.form or ["pyz", "frozen"]:
            with tempfile.TemporaryDirectory() as name:
                for run in range(options.runs):
                    started = time.perf_counter()
                    tools = first_turn(Path(name), artefacts.command(form))
                    late += not tools
                    print(
                        f"{form} {run + 1}: {tools} tools, {time.perf_counter() - started:.1f} s", flush=True
                    )
    finally:
        for process in busy:
            process.kill()
            process.wait()
    sys.exit(f"in {late} of the first turns there were no tools" if late else None)


def first_turn(home: Path, command: list[str]) -> int:
    """Return how many tools of LTMC Codex offers its model in the first turn."""
    settings = home / ".codex" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    arguments = json.dumps([*command[1:], "serve"])
    settings.write_text(f"[mcp_servers.ltmc]\ncommand = {json.dumps(command[0])}\nargs = {arguments}\n")
    (home / "project").mkdir(exist_ok=True)
    with answering(("no_such_tool", {})) as (address, asked):
        codex(home, address)
    spaces = [tool for tool in json.loads(asked[0])["tools"] if tool.get("name") == "mcp__ltmc"]
    return sum(len(space["tools"]) for space in spaces)


if __name__ == "__main__":
    main()
