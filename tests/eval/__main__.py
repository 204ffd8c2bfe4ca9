"""How well search finds: ``python -m tests.eval [FOLDER]`` prints a table.

FOLDER holds locomo-dev.json (conversations; the turns that answer each question), cosqa-dev.json (functions
and what was asked for) and notes-dev.json (an agent's memories; questions by kind); it is not a part of LTMC, and what
is absent is skipped. A server is driven through its tools as a client does: every turn by log_chat, in one project a
conversation, questions by advanced_context_search; functions by log_code_attempt, questions by get_code_patterns;
memories by store_memory, questions by retrieve_memory.

hit@1: the share of questions whose first result is an answer; recall@k: the share of what answers a question among the
first k results, averaged over the questions; MRR: one over the place of the first answer, 0 beyond 10; sure: answers
not marked as weak; ms: a call, there and back.

``--engine both`` prints it for SQLite and for PostgreSQL, and fails where a figure is further apart than `MOST_APART`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests.client import Session, run_cli
from tests.postgres import PostgresServer

FOLDER = Path(__file__).parents[3] / "shared" / "eval"
MODES = ("lexical", "semantic", "hybrid")
TOP = 10
TYPES = ("document", "code", "note")
MOST_APART = 0.005
"""How far a figure on PostgreSQL may be from that on SQLite; of `sure`, as a share of the questions."""

PROMPT = "write a function"
"""The prompt of every function: the set has none."""


@dataclass
class Outcome:
    """A question's kind, the ids that answer it, the ids found, and whether the answer was sure of itself."""

    wanted: list[int]
    found: list[int]
    sure: bool
    kind: str = ""


Asked = Iterator[Outcome]
Figures = dict[str, list[float]]
"""Of each line of the table: hit@1, recall@5, recall@10, MRR and the share that was sure."""


def ask(client: Session, times: list[float], tool: str, **arguments: Any) -> dict[str, Any]:
    """Ask for the best results, and note how long it took."""
    started = time.perf_counter()
    answer = client.ok(tool, top_k=TOP, **arguments)
    times.append(time.perf_counter() - started)
    return answer


def locomo_store(client: Session, data: Any) -> dict[tuple[str, str], int]:
    """Log every turn; the message id of each."""
    ids = {}
    for conversation in data["conversations"]:
        for turn in conversation["turns"]:
            answer = client.ok(
                "log_chat",
                content=turn["text"],
                conversation_id=conversation["id"],
                agent_name=turn["speaker"],
                metadata={"date_time": turn["date_time"]},
                project_id=f"locomo-{conversation['id']}",
            )
            ids[conversation["id"], turn["id"]] = answer["message_id"]
    return ids


def locomo_ask(client: Session, data: Any, ids: dict[tuple[str, str], int], times: list[float]) -> Asked:
    """Ask every question that has evidence."""
    for conversation in data["conversations"]:
        for question in conversation["questions"]:
            named = [(conversation["id"], turn) for turn in question["evidence"]]
            wanted = [ids[key] for key in named if key in ids]
            if not wanted:
                continue
            found = ask(
                client,
                times,
                "advanced_context_search",
                query=question["question"],
                filters={"sources": ["chat"]},
                project_id=f"locomo-{conversation['id']}",
            )
            yield Outcome(
                wanted, [result["message_id"] for result in found["results"]], not found.get("weak")
            )


def cosqa_store(client: Session, data: Any) -> dict[int, int]:
    """Log every function; the pattern id of each."""
    return {
        one["id"]: client.ok(
            "log_code_attempt", input_prompt=PROMPT, generated_code=one["code"], result="pass"
        )["pattern_id"]
        for one in data["codes"]
    }


def cosqa_ask(client: Session, data: Any, ids: dict[int, int], times: list[float]) -> Asked:
    """Ask every question."""
    for question in data["questions"]:
        found = ask(client, times, "get_code_patterns", query=question["question"])
        wanted = [ids[one] for one in question["relevant"]]
        yield Outcome(wanted, [result["pattern_id"] for result in found["patterns"]], not found.get("weak"))


def notes_store(client: Session, data: Any) -> dict[str, int]:
    """Store every memory; the resource id of each."""
    return {
        one["id"]: client.ok(
            "store_memory",
            content=one["text"],
            file_name=one["file_name"],
            resource_type=one["type"] if one["type"] in TYPES else "note",
            tags=one["tags"],
        )["resource_id"]
        for one in data["memories"]
    }


def notes_ask(client: Session, data: Any, ids: dict[str, int], times: list[float]) -> Asked:
    """Ask every question; `none` has no answer."""
    for question in data["questions"]:
        found = ask(client, times, "retrieve_memory", query=question["text"])
        wanted = [ids[one] for one in question["answers"]]
        places = list(dict.fromkeys(result["resource_id"] for result in found["results"]))
        yield Outcome(wanted, places, not found.get("weak"), question["kind"])


SETS: dict[str, tuple[Callable[..., Any], Callable[..., Asked]]] = {
    "locomo-dev": (locomo_store, locomo_ask),
    "cosqa-dev": (cosqa_store, cosqa_ask),
    "notes-dev": (notes_store, notes_ask),
}


def add_model(db: Path, model: list[str]) -> None:
    """Have a new database searched with another model: its folder, then options of `ltmc model add`."""
    for arguments in (["add", *model, "--name", "other"], ["use", "other"]):
        ran = run_cli("model", *arguments, "--db", str(db))
        if ran.returncode:
            sys.exit(ran.stderr)


def evaluate(
    name: str, data: Any, modes: list[str], model: list[str], server: PostgresServer | None
) -> Figures:
    """Store a set, ask its questions in each mode, and print a line for each, whose figures are returned.

    Args:
        server: keeps the database, if it is not a file.
    """
    store, questions = SETS[name]
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db" if server is None else cast("Path", server.empty_database())
        if model:
            add_model(db, model)
        with Session(db, "--durability", "normal") as client:
            ids = store(client, data)
        run_cli("reindex", "--db", str(db))  # what is embedded in the background
        for mode in modes:
            times: list[float] = []
            with Session(db, env={"LTMC_SEARCH_MODE": mode}) as client:
                asked = list(questions(client, data, ids, times))
            kinds = sorted({one.kind for one in asked} - {""})
            lines = {f"  {kind}": [one for one in asked if one.kind == kind] for kind in kinds}
            spent = milliseconds(times)
            for line, some in {name: [one for one in asked if one.wanted], **lines}.items():
                *shares, sure = found[f"{line.strip()}, {mode}"] = figures(some)
                columns = " ".join(f"{share:9.4f}" for share in shares)
                print(
                    f"{line:12} {mode:9} {len(some):9} {columns} {round(sure * len(some)):9}",
                    spent,
                    flush=True,
                )
                spent = ""
    return found


def figures(asked: list[Outcome]) -> list[float]:
    """Return hit@1, recall@5, recall@10, MRR and the share that was sure."""
    first = recall5 = recall10 = reciprocal = 0.0
    for one in asked:
        wanted, found = one.wanted, one.found
        if not wanted:
            continue
        first += bool(found) and found[0] in wanted
        recall5 += sum(each in found[:5] for each in wanted) / len(wanted)
        recall10 += sum(each in found for each in wanted) / len(wanted)
        reciprocal += max(
            (1 / place for place, each in enumerate(found, start=1) if each in wanted), default=0
        )
    sure = sum(one.sure for one in asked)
    return [value / len(asked) for value in (first, recall5, recall10, reciprocal, sure)]


def apart(one: Figures, other: Figures) -> list[str]:
    """Return the lines of a table whose figures differ by more than `MOST_APART`."""
    return [
        f"{line}: {[round(value, 4) for value in of]} and {[round(value, 4) for value in other[line]]}"
        for line, of in one.items()
        if any(abs(here - there) > MOST_APART for here, there in zip(of, other[line], strict=True))
    ]


def milliseconds(times: list[float]) -> str:
    """Return p50 and p95, as columns."""
    ordered = sorted(times)
    return " ".join(f"{ordered[int(len(ordered) * share)] * 1000:9.2f}" for share in (0.5, 0.95))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description="How well search finds.")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--set", choices=SETS, action="append", help="only this set")
    parser.add_argument("--mode", choices=MODES, action="append", help="only this mode")
    parser.add_argument(
        "--model", default="", help="with another model: its folder, options of `ltmc model add`"
    )
    parser.add_argument(
        "--engine", choices=("sqlite", "postgres", "both"), default="sqlite", help="of the database"
    )
    options = parser.parse_args()
    server = None if options.engine == "sqlite" else PostgresServer()
    try:
        engines = {"sqlite": [None], "postgres": [server], "both": [None, server]}[options.engine]
        tables = [print_table(options, one) for one in engines]
    finally:
        if server is not None:
            server.remove()
    if differing := apart(tables[0], tables[-1]):
        sys.exit("\n".join(["SQLite and PostgreSQL differ:", *differing]))


def print_table(options: argparse.Namespace, server: PostgresServer | None) -> Figures:
    """Print a line for each set and mode, and return its figures."""
    titles = ["questions", "hit@1", "recall@5", "recall@10", "MRR", "sure", "ms p50", "ms p95"]
    print(f"{'set':12} {'mode':9} {' '.join(f'{title:>9}' for title in titles)}")
    found: Figures = {}
    for name in options.set or SETS:
        path = options.folder / f"{name}.json"
        if path.exists():
            data = json.loads(path.read_text("utf-8"))
            found |= evaluate(name, data, options.mode or list(MODES), options.model.split(), server)
        else:
            print(f"{name}: skipped, {path} is absent", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
