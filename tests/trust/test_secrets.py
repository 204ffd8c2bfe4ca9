"""What looks like a secret is noticed, masked or refused before it is stored."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ltmc.app.redaction import STRETCH, found_in, masked, masked_json, masked_with
from ltmc.app.secret_shapes import SHAPES as SECRET_SHAPES
from tests.client import Session
from tests.trust.texts import filled, listed

TOKEN = filled("ghp_{alnum:36}")

SHAPES = dict(listed("secret_shapes.txt"))


def kinds_in(text: str) -> list[str]:
    """The kinds of secrets in a text."""
    return sorted({one.kind for one in found_in(text, "")})


def line(rule: str) -> str:
    """The last text of a rule."""
    return SHAPES[rule]


@pytest.mark.parametrize("held_out", ["", "_held_out"])
def test_most_shapes_are_found_and_few_harmless_texts_are_flagged(held_out: str) -> None:
    shapes, harmless = listed(f"secret_shapes{held_out}.txt"), listed(f"harmless_texts{held_out}.txt")
    missed = [(rule, text) for rule, text in shapes if not kinds_in(text)]
    flagged = [(rule, text) for rule, text in harmless if kinds_in(text)]
    assert len(missed) <= 0.1 * len(shapes), missed
    assert len(flagged) <= 0.04 * len(harmless), flagged
    assert all(masked(text) == text for _, text in harmless if (_, text) not in flagged)


def test_the_lists_are_as_long_as_promised() -> None:
    assert len(listed("secret_shapes.txt")) >= 70
    assert len(listed("harmless_texts.txt")) >= 50


@pytest.mark.parametrize("text", [text for text in SHAPES.values() if masked(text) != text])
def test_what_is_masked_is_gone_and_the_rest_stays(text: str) -> None:
    shown = masked(f"before\n{text}\nafter")
    assert kinds_in(shown) == []
    assert shown.startswith("before\n")
    assert shown.endswith("\nafter")
    assert "[masked " in shown


@pytest.mark.parametrize(
    "before",
    ["\\n", "\\t", "\\u000a", "%0A", "テスト", "=", '"', "/", ":", "\u2028", "\x1b[0m", "\x1b[1;32m"],
)
def test_a_token_begins_after_escapes_and_other_scripts(before: str) -> None:
    assert kinds_in(f"x{before}{TOKEN}") == ["GitHub token"]
    assert masked(f"x{before}{TOKEN}") == f"x{before}[masked GitHub token]"


@pytest.mark.parametrize(
    "line", ["password = hunter2secret99!", "api_key: 9f8e7d6c5b4a39281706f5e4", "--token 9f8e7d6c5b4a3928"]
)
def test_a_name_is_found_where_two_stretches_of_a_text_meet(line: str) -> None:
    assert masked(line) != line
    for place in range(STRETCH - len(line) - 1, STRETCH + 2):
        before = "x" * (place - 1) + "\n"
        assert masked(before + line) == before + masked(line), place
        twice = before + "y" * (STRETCH - 1) + "\n"
        assert masked(twice + line) == twice + masked(line), place


def test_json_is_read_by_its_keys() -> None:
    value = {
        "db": {"password": "x9kQ2zzz"},
        "keys": [{"name": "API_KEY", "value": "x9kQ2zzz"}],
        "note": "x9kQ2zzz",
    }
    assert [one.field for one in found_in(value, "metadata")] == [
        "metadata.db.password",
        "metadata.keys[0].value",
    ]
    assert masked_json(value) == {
        "db": {"password": "[masked assigned secret]"},
        "keys": [{"name": "API_KEY", "value": "[masked assigned secret]"}],
        "note": "x9kQ2zzz",
    }


def as_json(text: str) -> Any:
    """What a text says in JSON; None if it is none."""
    with suppress(ValueError):
        return json.loads(text)
    return None


@pytest.mark.parametrize(
    "value",
    [value for _, text in listed("secret_shapes.txt") if isinstance(value := as_json(text), dict | list)],
)
def test_a_secret_in_json_is_found_as_in_text(value: Any) -> None:
    assert [*found_in(value, "metadata")]
    assert not [*found_in(masked_json(value), "metadata")]


def test_harmless_json_stays() -> None:
    values = [as_json(text) for _, text in listed("harmless_texts.txt")]
    assert [value for value in values if masked_json(value) != value] == []


@pytest.mark.parametrize(
    "password",
    [
        "Tr0ub4dor&3",
        "S3cr$tW0rd",
        "Abc(1239xyz",
        "$ecretWord9",
        "p@ss(9)more",
        "a1b2c3d4|x<9>z",
        "Hunter22,tail;end",
    ],
)
@pytest.mark.parametrize(
    "line", ["password={}", 'password="{}"', "password: {}\nafter", "DB_PASSWORD={}\nmake"]
)
def test_a_password_is_masked_to_its_end(password: str, line: str) -> None:
    assert masked(line.format(password)) == line.format("[masked assigned secret]")


PREFIXES = [*dict.fromkeys(shape.literal for shape in SECRET_SHAPES)]
REPEATED = [
    *(
        "password=",
        "password:",
        "secret = '",
        'token="',
        "api_key:1",
        "passwd =    ",
        "secret:a1b2c3d4:",
        "x" * 99 + "=",
    ),
    *(
        "machine a ",
        "://a:",
        "://a:b",
        "curl -u a:bbb ",
        "-u a:bbb",
        "eyJaaaaaaaa.",
        "M" + "a" * 24 + ".",
        "İ",
    ),
    *(
        "password.........",
        "passwordpassword ",
        "token: a b c ",
        "-----BEGIN PRIVATE KEY-----" + "a" * 40,
        "_",
        "\\n",
    ),
    *(text for _, text in listed("secret_shapes.txt")[::8]),
]


@pytest.mark.parametrize(
    ("texts", "characters"), [(REPEATED, 250_000), ([literal + "a1" for literal in PREFIXES], 50_000)]
)
def test_the_time_grows_with_the_length_alone(texts: list[str], characters: int) -> None:
    for text in texts:
        long = (text * (characters // len(text) + 1))[:characters]
        started = time.thread_time()
        masked(long)
        assert time.thread_time() - started < 4, text  # quadratic, it is minutes


def test_a_call_beside_a_large_text_is_answered(client: Session) -> None:
    """A text within the limits that once kept the server busy for minutes."""
    started = time.monotonic()
    client.ok("store_memory", file_name="a.md", content="password=" * 20_000)
    assert time.monotonic() - started < 30


def store(client: Session, text: str) -> dict:
    return client.ok("store_memory", file_name="a.md", content=text, metadata={"env": {"note": text}})


def stored(client: Session) -> str:
    return json.dumps(client.ok("retrieve_by_type", query="", doc_type="document"), ensure_ascii=False)


def test_by_default_it_is_stored_with_a_warning(client: Session) -> None:
    token = TOKEN
    answer = store(client, f"the token is {token}")
    assert len(answer["warnings"]) == 2
    assert "GitHub token" in answer["warnings"][0]
    assert token not in str(answer)
    assert token in stored(client)
    assert "warnings" not in client.ok("add_todo", title="plain")


def test_masking_and_refusing(db: Path) -> None:
    token = line("gitleaks:slack-user-token")
    with Session(db, env={"LTMC_SECRETS": "mask"}) as client:
        answer = store(client, f"the token is {token}")
        assert "masked" in answer["warnings"][0]
        assert token not in stored(client)
        assert "[masked Slack token]" in stored(client)
        client.ok("redis_set_cache", key="k", value={"deep": [token]})
        assert client.ok("redis_get_cache", key="k")["value"] == {"deep": ["[masked Slack token]"]}
    with Session(db, env={"LTMC_SECRETS": "refuse"}) as client:
        error = client.bad(
            "add_todo", "INVALID_ARGUMENT", "description", title="a", description=f"use {token}"
        )
        assert token not in str(error)
        assert client.ok("list_todos")["total"] == 0
    with Session(db, env={"LTMC_SECRETS": "off"}) as client:
        assert "warnings" not in client.ok("add_todo", title="a", description=f"use {token}")


def test_a_refusal_names_the_lines_and_kinds(db: Path) -> None:
    text = f"# Notes\n\nthe key\n{TOKEN}\n\npassword: x9kQ2zzz\n"
    with Session(db, env={"LTMC_SECRETS": "refuse"}) as client:
        error = client.bad("store_memory", "INVALID_ARGUMENT", "content", file_name="a.md", content=text)
        assert "(line 4: GitHub token; line 6: assigned secret)" in error["error"]
        assert "x9kQ2zzz" not in str(error)
        client.ok("store_memory", file_name="a.md", content="--- PASS: TestParseV2 (0.00s)")


def test_what_is_masked_elsewhere_is_the_word_itself() -> None:
    def elsewhere(secret: str, text: str) -> Any:
        return masked_with(text, {secret: "assigned secret"})

    for text in ("service10", "service1-gateway;", "service1.md", "old-service1", "my_service1"):
        assert elsewhere("service1", text) == text
    for text in ("{}", "a {}.", "a\n{}", "テ{}", "({})", "{},b", '"{}"'):
        assert elsewhere("service1", text.format("Service1")) == text.format("[masked assigned secret]")
    long = "correct-horse-battery-7"
    assert elsewhere(long, "correct-horses") == "correct-horses"
    assert elsewhere(long, "correct-horse-ba… and x") == "[masked assigned secret]… and x"
    assert elsewhere(long, f"{long}.md") == "[masked assigned secret].md"


def test_neither_errors_nor_logs_hold_secrets(db: Path, tmp_path: Path) -> None:
    token = filled("AKIA{BASE32:16}")
    log = tmp_path / "log"
    with Session(
        db, env={"LTMC_LOG_LEVEL": "INFO", "LTMC_REDIS_URL": "redis://u:hunter2@127.0.0.1:1/0"}, log=log
    ) as client:
        assert token not in str(client.bad("add_todo", "INVALID_ARGUMENT", title="a", priority=token))
        assert token not in str(client.ok("add_todo", title="a", **{token: 1}))
        assert token not in str(client.bad("delete_todo", "INVALID_ARGUMENT", todo_id=1, **{token: 1}))
        client.ok("add_todo", title=token)
        assert "hunter2" not in str(client.bad("redis_get_cache", "BACKEND_UNAVAILABLE", key="a"))
    assert token not in log.read_text()
    assert "hunter2" not in log.read_text()
