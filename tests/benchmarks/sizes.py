"""What an agent pays for: the bytes of the listings and of common answers.

    python -m tests.benchmarks.sizes

Answers are those about the notes of tests/search/test_quality.py, the median over their questions.
"""

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.client import Session
from tests.search.test_quality import NOTES


def row(name: str, texts: list[str]) -> None:
    """Print the median size of some texts as a line of a table."""
    print(f"| {name} | {statistics.median(len(text.encode()) for text in texts):,.0f} |")


def main() -> None:
    """Print the table."""
    print("| | bytes |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        for profile in ("all", "core", "lean"):
            with Session(db, "--profile", profile) as client:
                tools = client.tools()
            text = json.dumps(tools, separators=(",", ":"), ensure_ascii=False)
            row(f"listing, profile {profile}: {len(tools)} tools", [text])
        with Session(db) as client:

            def said(tool: str, **arguments: Any) -> str:
                return str(client.raw(tool, arguments).content[0].text)

            stored = [
                said("store_memory", file_name=f"{name}.md", content=text)
                for name, (text, _) in NOTES.items()
            ]
            row("`store_memory`, a sentence", stored)
            questions = [question for _, question in NOTES.values()]
            for words, arguments in (
                ("`retrieve_memory`, 5 results", {"top_k": 5}),
                ("the same with `include_context`", {"top_k": 5, "include_context": True}),
            ):
                row(words, [said("retrieve_memory", query=question, **arguments) for question in questions])
            row("`ask_with_context`", [said("ask_with_context", query=question) for question in questions])
            row("`list_memories`, 10 of them", [said("list_memories")])


if __name__ == "__main__":
    main()
