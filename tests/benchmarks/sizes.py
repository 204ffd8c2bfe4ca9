"""What an agent pays for: the bytes and tokens of the listings and of common answers.

    python -m tests.benchmarks.sizes [FOLDER]

Answers are those about the notes of tests/search/test_quality.py, the median over their questions; where FOLDER holds
notes-dev.json (see tests/eval), also those about its memories, with the share of questions whose answers name a right
memory. Tokens are reckoned from the bytes: what they are depends on the model.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.client import Session
from tests.eval.__main__ import FOLDER, notes_store
from tests.search.test_quality import NOTES

ROOT = Path(__file__).parents[2]

BYTES_OF_A_TOKEN = 4.5
"""Of JSON in English, about, with the tokenisers of today's models."""


def row(name: str, texts: list[str]) -> None:
    """Print the median size of some texts as a line of a table."""
    size = statistics.median(len(text.encode()) for text in texts)
    print(f"| {name} | {size:,.0f} | {size / BYTES_OF_A_TOKEN:,.0f} |")


def said(client: Session, tool: str, **arguments: Any) -> str:
    """The text of an answer."""
    return str(client.raw(tool, arguments).content[0].text)


def listings(db: Path) -> None:
    """Print what is listed in a repository, and where calls name their projects."""
    for profile in ("all", "core", "lean"):
        for project, where in (("auto", "in a repository"), ("default", "elsewhere")):
            with Session(db, "--profile", profile, "--project", project) as client:
                tools = client.tools()
            text = json.dumps(tools, separators=(",", ":"), ensure_ascii=False)
            row(f"listing, profile {profile}, {where}: {len(tools)} tools", [text])


def notes(client: Session) -> None:
    """Print the answers about notes of a sentence."""
    stored = [
        said(client, "store_memory", file_name=f"{name}.md", content=text)
        for name, (text, _) in NOTES.items()
    ]
    row("`store_memory`, a sentence", stored)
    questions = [question for _, question in NOTES.values()]
    for words, arguments in (
        ("`retrieve_memory`, 5 results", {"top_k": 5}),
        ("the same with `include_context`", {"top_k": 5, "include_context": True}),
    ):
        row(words, [said(client, "retrieve_memory", query=question, **arguments) for question in questions])
    row("`ask_with_context`", [said(client, "ask_with_context", query=question) for question in questions])
    row("`list_memories`, 20 of them", [said(client, "list_memories")])


def blueprint(client: Session) -> None:
    """Print the answer about the largest of LTMC's own modules."""
    client.ok("register_project", project_id="code", root_path=str(ROOT))
    largest = max((ROOT / "ltmc").rglob("*.py"), key=lambda path: path.stat().st_size)
    path = str(largest.relative_to(ROOT))
    row(
        "`create_blueprint_from_code`, the first page of LTMC's largest module",
        [said(client, "create_blueprint_from_code", file_path=path, project_id="code")],
    )


def development(client: Session, data: Any) -> None:
    """Print the answers about the memories of the development set."""
    ids = notes_store(client, data)
    answered = [question for question in data["questions"] if question["answers"]]
    texts = [said(client, "retrieve_memory", query=question["text"], top_k=5) for question in answered]
    row("`retrieve_memory`, 5 results of notes-dev", texts)
    held = [
        {ids[one] for one in question["answers"]}
        <= {hit["resource_id"] for hit in json.loads(text)["results"]}
        for question, text in zip(answered, texts, strict=True)
    ]
    print(f"\nAll right memories among the 5 of notes-dev: {sum(held)} of {len(held)} questions.")


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    print("| | bytes | tokens |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        listings(Path(scratch) / "listings.db")
        with Session(Path(scratch) / "notes.db") as client:
            notes(client)
            blueprint(client)
        if (folder / "notes-dev.json").exists():
            with Session(Path(scratch) / "dev.db") as client:
                development(client, json.loads((folder / "notes-dev.json").read_text("utf-8")))


if __name__ == "__main__":
    main()
