"""``python docs/picture.py`` writes ``demo.svg``: what ``ltmc demo`` shows at a terminal."""

import asyncio
import re
from io import StringIO
from pathlib import Path

from rich.console import Console

from ltmc.cli.demo import run

PICTURE = Path(__file__).with_name("demo.svg")
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""The fonts that Rich's picture would load from elsewhere."""


def drawn() -> str:
    """Run the demo and return its picture."""
    console = Console(record=True, width=100, file=StringIO(), force_terminal=True)
    if not asyncio.run(run(console)):
        raise SystemExit("the demo failed")
    return FONTS.sub("", console.export_svg(title="ltmc demo", unique_id="ltmc"))


if __name__ == "__main__":
    PICTURE.write_text(drawn(), "utf-8")
