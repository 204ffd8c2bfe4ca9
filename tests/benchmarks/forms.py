"""How fast each built form starts, against a ten-line FastMCP echo server in the environment that runs this.

    python -m tests.benchmarks.forms [--runs 15]

The forms that are in ``dist`` and the source are started in turn with the echo server, run by run, on a
database that exists. The ratio of a form is the median over its pairs.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.artefacts import DIST, base_python
from tests.benchmarks.startup import ECHO, Peer

LIMITS = {"ltmc.pyz": 1.0, "one folder": 1.0, "one file": 1.8}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        forms = {
            "source": [sys.executable, "-m", "ltmc"],
            "ltmc.pyz": [base_python(), str(DIST / "ltmc.pyz")],
            "one folder": [str(DIST / "ltmc" / "ltmc")],
            "one file": [str(DIST / "ltmc-onefile")],
        }
        commands = {"echo": [sys.executable, str(script)]}
        for name, command in forms.items():
            if name == "source" or Path(command[-1]).exists():
                commands[name] = [*command, "serve", "--db", str(Path(folder) / "ltmc.db")]
        ready: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(runs + 1):
            for name, command in commands.items():
                peer = Peer(command)
                peer.close()
                if run:  # the first one unpacks, compiles and fills caches
                    ready[name].append(peer.ready_ms)
    print(f"spawn to initialize, {runs} rounds")
    for name, times in ready.items():
        ratio = statistics.median(mine / echo for mine, echo in zip(times, ready["echo"], strict=True))
        limit = f"  at most {LIMITS[name]}" if name in LIMITS else ""
        print(f"  {name:10} median {statistics.median(times):7.1f} ms  ratio {ratio:.3f}{limit}")


if __name__ == "__main__":
    main()
