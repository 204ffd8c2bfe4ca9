"""Every tool is called with arguments made from its own schema, valid, nearly valid and wild."""

import json
import os
import random
import sqlite3
from pathlib import Path
from typing import Any

from ltmc.errors import ErrorCode
from tests.client import Session

CALLS = int(os.environ.get("LTMC_FUZZ_CALLS", "2000"))
SEED = int(os.environ.get("LTMC_FUZZ_SEED", "1"))
TEXTS = [
    "", " ", "a", "plain words here", "x" * 300, "../../etc/passwd", "/dev/zero", "%s%n", "'; DROP TABLE todos; --",
    '" OR 1=1', "\u202e", "漢字かな", "🎉" * 40, "a\nb\tc", "NEAR(", "*", "null", "\x1f", "bp_000000000000", "1", "-1",
    "9" * 30, "2026-13-45", "https://user:pw@host/", "\ufeff", "é" * 100, "{}", "[]", "a" * 5000,
]  # fmt: skip
WILD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    10**400,
    0.5,
    -0.0,
    1e308,
    [],
    {},
    [[]],
    {"a": {}},
    [None],
]


class Fuzzer:
    """Makes arguments from a JSON schema with a seeded source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def arguments(self, schema: dict[str, Any]) -> dict[str, Any]:
        required = set(schema.get("required", []))
        found = {}
        for name, part in schema["properties"].items():
            if (name in required and self.chance.random() > 0.03) or self.chance.random() < 0.4:
                found[name] = self.value(part)
        if self.chance.random() < 0.03:
            found[self.chance.choice(TEXTS)] = self.wild()
        return found

    def value(self, schema: dict[str, Any]) -> Any:
        roll = self.chance.random()
        if roll < 0.1:
            return self.wild()
        if "anyOf" in schema:
            return self.value(self.chance.choice(schema["anyOf"]))
        if "enum" in schema:
            return self.chance.choice([*schema["enum"], self.chance.choice(TEXTS)])
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self.chance.choice(kind)
        if kind == "string":
            return self.text()
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", 0), schema.get("maximum", 100)
            edge = self.chance.choice([low, high, low - 1, high + 1, schema.get("default", low)])
            number = self.chance.choice([edge, self.chance.uniform(low, high)])
            return int(number) if kind == "integer" else number
        if kind == "boolean":
            return self.chance.random() < 0.5
        if kind == "array":
            return [self.value(schema.get("items", {})) for _ in range(self.chance.choice([0, 1, 1, 2, 5]))]
        if kind == "object":
            if "properties" in schema:
                return self.arguments(schema)
            return {self.chance.choice(TEXTS): self.wild() for _ in range(self.chance.randint(0, 3))}
        return self.wild()

    def text(self) -> str:
        if self.chance.random() < 0.5:
            return " ".join(self.chance.choice(["apple", "bear", "cat", "dog", "eel"]) for _ in range(3))
        return self.chance.choice(TEXTS)

    def wild(self) -> Any:
        return self.chance.choice([*WILD, self.text()])


def test_no_call_breaks_anything(db: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fuzzer = Fuzzer(SEED)
    codes: dict[str, int] = {}
    with Session(db, log=log) as client:
        tools = client.tools()
        for n in range(CALLS):
            tool = tools[n % len(tools)]
            arguments = fuzzer.arguments(tool["inputSchema"])
            envelope = client.any(tool["name"], **json.loads(json.dumps(arguments)))
            code = envelope.get("error_code", "success")
            codes[code] = codes.get(code, 0) + 1
            assert code != "INTERNAL", (tool["name"], arguments, log.read_text()[-3000:])
            if not envelope["success"]:
                assert code in set(ErrorCode)
                assert "Traceback" not in envelope["error"]
        client.ok("store_memory", file_name="after.md", content="cherimoya", project_id="after")
        assert client.ok("retrieve_memory", query="cherimoya", project_id="after")["total"] == 1
    print(f"{CALLS} calls: {codes}")
    assert codes["success"] > CALLS / 10, codes
    assert "Traceback" not in log.read_text()
    with sqlite3.connect(db) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with Session(db) as client:
        client.ok("list_todos")
