"""``python -m ltmc.tools`` writes what is generated from the tools: `schemas.json` and the README's table."""

import json
import re
from pathlib import Path

from ltmc.manifest import CATEGORIES, TOOLS
from ltmc.tools.binding import schemas

SCHEMAS_FILE = Path(__file__).with_name("schemas.json")
README_FILE = Path(__file__).parents[2] / "README.md"
_TABLE = re.compile(
    r"(?<=<!-- tools: written by python -m ltmc\.tools -->\n).*(?=<!-- end of tools -->)", re.DOTALL
)


def rendered_schemas() -> str:
    """The text of `schemas.json`."""
    return json.dumps(schemas(), indent=1, ensure_ascii=False) + "\n"


def rendered_readme(text: str) -> str:
    """The README's text with its tables of tools, a heading and a table a category."""
    described = schemas()
    lines = []
    for category, heading in CATEGORIES.items():
        lines += ["", f"### {heading}", "", "| tool | what it does |", "| --- | --- |"]
        lines += [
            f"| `{tool.name}`{' (core)' if tool.core else ''} | {described[tool.name]['description']} |"
            for tool in TOOLS
            if tool.category == category
        ]
    return _TABLE.sub(lambda _: "\n".join([*lines, "", ""]), text)


if __name__ == "__main__":
    SCHEMAS_FILE.write_text(rendered_schemas(), "utf-8")
    README_FILE.write_text(rendered_readme(README_FILE.read_text("utf-8")), "utf-8")
