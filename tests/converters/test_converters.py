"""Every tool's schema as the packages convert it through which hosts speak to models of Google and OpenAI."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Session
from tests.conftest import unavailable

FOLDER = Path(__file__).parent
PYTHON = FOLDER / ".venv" / "bin" / "python"


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All tools, as they are on the wire."""
    with Session(tmp_path_factory.mktemp("converters") / "ltmc.db", "--profile", "all") as client:
        return client.tools()


def converted(listing: list[dict[str, Any]], *command: str) -> Any:
    """What a program makes of the listing."""
    done = subprocess.run(
        command, check=False, input=json.dumps(listing), capture_output=True, text=True, cwd=FOLDER
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_python_packages_convert_every_tool(listing: list[dict[str, Any]]) -> None:
    if not PYTHON.exists():
        unavailable("the converters are not installed: see tests/converters/requirements.txt")
    refused = converted(listing, str(PYTHON), "convert.py")
    assert len(refused) == 5
    assert not any(refused.values()), refused


def test_the_vercel_sdk_loses_nothing(listing: list[dict[str, Any]]) -> None:
    if not (FOLDER / "node_modules").exists():
        unavailable("the converter is not installed: npm ci in tests/converters")
    declarations = {one["name"]: one for one in converted(listing, "node", "convert.mjs")}
    for tool in listing:
        given = tool["inputSchema"]["properties"]
        sent = (declarations[tool["name"]].get("parameters") or {}).get("properties", {})
        assert list(sent) == list(given), tool["name"]
        for name, schema in given.items():
            assert list(troubles(schema, sent[name])) == [], (tool["name"], name)


def troubles(given: dict[str, Any], sent: dict[str, Any]) -> Iterator[str]:
    """What Gemini refuses in a schema that was sent, and what is lost of the one that was given."""
    if isinstance(sent.get("type"), list):
        yield "a list of types"
    if sent.get("type") == "array" and not isinstance(sent.get("items"), dict):
        yield "a list without items"
    for key in ("type", "description", "enum", "required"):
        if key in given and given[key] != sent.get(key):
            yield f"{key} was {given[key]}, is {sent.get(key)}"
    for before, after in zip(given.get("anyOf", ()), sent.get("anyOf", ()), strict=True):
        yield from troubles(before, after)
    if "items" in given:
        yield from troubles(given["items"], sent.get("items") or {})
    for name, schema in given.get("properties", {}).items():
        yield from troubles(schema, sent.get("properties", {}).get(name, {}))
