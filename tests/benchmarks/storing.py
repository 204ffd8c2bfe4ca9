"""How fast a server stores: ``python -m tests.benchmarks.storing``.

A sentence, durable, there and back; then 1 MB of Markdown, and what other calls take until it is wholly embedded. Wall
times, and, since they say little of a machine that is busy otherwise, the server's CPU time (Linux).
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.search import Texts
from tests.client import Session, pending

SENTENCES, DOCUMENT_CHARACTERS = 200, 1_000_000
TARGETS = {"sentence": 6.0, "accepted": 1_000.0, "embedded": 30_000.0, "others": 15.0}
"""In ms."""


def ms(work: Callable[[], object]) -> float:
    """Return how long it takes."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def cpu_ms(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def line(name: str, target: str, values: list[float]) -> None:
    """Print the median, the 95th percentile and the share of the target that the median is."""
    ordered = sorted(values)
    median = statistics.median(ordered)
    print(
        f"{name:40} p50 {median:9.1f} ms, p95 {ordered[int(0.95 * len(ordered))]:9.1f}; "
        f"{median / TARGETS[target]:.2f} of the target"
    )


def markdown(source: Texts) -> str:
    """Return a document with headings."""
    parts: list[str] = []
    size = 0
    while size < DOCUMENT_CHARACTERS:
        parts.append(f"## {source.text(3)}\n\n{source.text(60)}.\n{source.text(60)}.\n")
        size += len(parts[-1]) + 1
    return "\n".join(parts)[:DOCUMENT_CHARACTERS]


def main() -> None:
    """Measure."""
    source = Texts()
    with tempfile.TemporaryDirectory() as folder, Session(Path(folder) / "ltmc.db") as client:
        db = Path(folder) / "ltmc.db"

        def sentence(number: int) -> float:
            text = source.text(12)
            return ms(lambda: client.ok("store_memory", file_name=f"n{number}.md", content=text))

        def listed() -> float:
            return ms(lambda: client.ok("list_todos"))

        def found() -> float:
            query = source.text(5)
            return ms(lambda: client.ok("search_todos", query=query))

        pid = client.ok("get_performance_report")["server"]["pid"]
        sentence(0)
        line("list_todos: the way there and back", "others", [listed() for _ in range(100)])
        used = cpu_ms(pid)
        line("store_memory of a sentence", "sentence", [sentence(n) for n in range(1, SENTENCES)])
        print(f"  CPU of the server {(cpu_ms(pid) - used) / SENTENCES:.1f} ms each")
        text = markdown(source)
        started, used = time.perf_counter(), cpu_ms(pid)
        accepted = ms(lambda: client.ok("store_memory", file_name="long.md", content=text))
        line(f"store_memory of {len(text):,} characters", "accepted", [accepted])
        print(f"  CPU of the server {cpu_ms(pid) - used:.0f} ms, with what was embedded already")
        entries = pending(db)
        others: dict[str, list[float]] = {"list_todos": [], "search_todos": [], "store_memory": []}
        number = SENTENCES
        while pending(db):
            number += 1
            others["list_todos"].append(listed())
            others["search_todos"].append(found())
            others["store_memory"].append(sentence(number))
            time.sleep(0.05)
        line(f"its {entries:,} chunks embedded", "embedded", [1000 * (time.perf_counter() - started)])
        print(f"  CPU of the server {cpu_ms(pid) - used:.0f} ms, with the calls meanwhile")
        for name, values in others.items():
            line(f"meanwhile {name}", "others", values)


if __name__ == "__main__":
    main()
