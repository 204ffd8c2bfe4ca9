"""How well search finds: ``python -m tests.eval [FOLDER]`` prints a table.

FOLDER holds locomo-dev.json (conversations; the turns that answer each question) and cosqa-dev.json (functions
and what was asked for); it is not a part of LTMC, and what is absent is skipped. A server is driven through
its tools as a client does: every turn by log_chat, in one project a conversation, questions by
advanced_context_search; functions by log_code_attempt, questions by get_code_patterns.

recall@k: the share of what answers a question among the first k results, averaged over the questions;
MRR: one over the place of the first answer, 0 beyond 10; ms: a call, there and back.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.client import Session

FOLDER = Path(__file__).parents[3] / "shared" / "eval"
MODES = ("lexical", "semantic", "hybrid")
TOP = 10
PROMPT = "write a function"
"""The prompt of every function: the set has none."""

Asked = Iterator[tuple[list[int], list[int]]]
"""For each question the ids that answer it and the ids found."""


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
            started = time.perf_counter()
            found = client.ok(
                "advanced_context_search",
                query=question["question"],
                filters={"sources": ["chat"]},
                top_k=TOP,
                project_id=f"locomo-{conversation['id']}",
            )
            times.append(time.perf_counter() - started)
            yield wanted, [result["message_id"] for result in found["results"]]


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
        started = time.perf_counter()
        found = client.ok("get_code_patterns", query=question["question"], top_k=TOP)
        times.append(time.perf_counter() - started)
        wanted = [ids[one] for one in question["relevant"]]
        yield wanted, [result["pattern_id"] for result in found["patterns"]]


SETS: dict[str, tuple[Callable[..., Any], Callable[..., Asked]]] = {
    "locomo-dev": (locomo_store, locomo_ask),
    "cosqa-dev": (cosqa_store, cosqa_ask),
}


def evaluate(name: str, data: Any, modes: list[str]) -> None:
    """Store a set, ask its questions in each mode, and print a line for each."""
    store, ask = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        with Session(db, "--durability", "normal") as client:
            ids = store(client, data)
        for mode in modes:
            times: list[float] = []
            with Session(db, env={"LTMC_SEARCH_MODE": mode}) as client:
                asked = list(ask(client, data, ids, times))
            print(
                f"{name:11} {mode:9} {len(asked):9} {recall_and_mrr(asked)} {milliseconds(times)}", flush=True
            )


def recall_and_mrr(asked: list[tuple[list[int], list[int]]]) -> str:
    """Return recall@5, recall@10 and MRR, as columns."""
    recall5 = recall10 = reciprocal = 0.0
    for wanted, found in asked:
        recall5 += sum(one in found[:5] for one in wanted) / len(wanted)
        recall10 += sum(one in found for one in wanted) / len(wanted)
        reciprocal += max((1 / place for place, one in enumerate(found, start=1) if one in wanted), default=0)
    return " ".join(f"{value / len(asked):9.4f}" for value in (recall5, recall10, reciprocal))


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
    options = parser.parse_args()
    titles = ["questions", "recall@5", "recall@10", "MRR", "ms p50", "ms p95"]
    print(f"{'set':11} {'mode':9} {' '.join(f'{title:>9}' for title in titles)}")
    for name in options.set or SETS:
        path = options.folder / f"{name}.json"
        if path.exists():
            evaluate(name, json.loads(path.read_text("utf-8")), options.mode or list(MODES))
        else:
            print(f"{name}: skipped, {path} is absent", file=sys.stderr)


if __name__ == "__main__":
    main()
