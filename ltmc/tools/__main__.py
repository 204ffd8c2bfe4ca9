"""``python -m ltmc.tools`` writes `schemas.json` from the functions."""

import json
from pathlib import Path

from ltmc.tools.binding import schemas

SCHEMAS_FILE = Path(__file__).with_name("schemas.json")


def rendered() -> str:
    """The text of `schemas.json`."""
    return json.dumps(schemas(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMAS_FILE.write_text(rendered(), "utf-8")
