"""What looks like a secret is noticed, masked or refused before it is stored."""

import json
from pathlib import Path

import pytest

from ltmc.app.redaction import kinds_in, masked
from tests.client import Session

# Made up in the shapes that are in use, and put together here so that no scanner takes them for real ones.
FILL = "Ab3dE6gH9jKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz"
SHAPES = {
    "AWS access key": "AKIA" + "QWERTYUIOPASDFGH",
    "GitHub token": "ghp_" + FILL[:36],
    "GitLab token": "glpat-" + FILL[:20],
    "Slack token": "xoxb-" + "1234567890-" + FILL[:24],
    "Anthropic key": "sk-ant-api03-" + FILL[:40],
    "OpenAI key": "sk-proj-" + FILL[:48],
    "Stripe key": "sk_live_" + FILL[:24],
    "Google key": "AIza" + FILL[:35],
    "npm token": "npm_" + FILL[:36],
    "PyPI token": "pypi-" + FILL[:60],
    "Hugging Face token": "hf_" + FILL[:34],
    "SendGrid key": "SG." + FILL[:22] + "." + FILL[:43],
    "Azure account key": "AccountKey=" + FILL[:60] + "==",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + FILL[:43],
    "private key": "-----BEGIN RSA PRIVATE KEY-----\n" + FILL + "\n-----END RSA PRIVATE KEY-----",
    "authorization header": "Authorization: Bearer " + FILL[:30],
    "password in a URL": "postgres://admin:hunter2!@db.internal:5432/app",
    "assigned secret": 'DB_PASSWORD = "correct-horse-9"',
}
HARMLESS = [
    "The password is asked for at login and never stored.",
    "password: str | None = None",
    "token_count = 512; api_key = os.environ['API_KEY']",
    "def get_secret(name: str) -> str: ...",
    "sk-learn and skeletons; commit 3f2a9c0e1b7d4c5a8e9f0a1b2c3d4e5f60718293",
    "https://example.org:8080/path?key=value",
    "AccountKey=<your key>",
    "Set LTMC_REDIS_URL to redis://localhost:6379/0",
]


@pytest.mark.parametrize("kind", SHAPES)
def test_shapes_are_recognised_inside_text(kind: str) -> None:
    text = f"before\n{SHAPES[kind]}\nafter"
    assert kinds_in(text) == [kind]
    assert f"[masked {kind}]" in masked(text)
    assert masked(text).startswith("before\n")
    assert masked(text).endswith("after")


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert kinds_in(text) == []
    assert masked(text) == text


def store(client: Session, text: str) -> dict:
    return client.ok("store_memory", file_name="a.md", content=text, metadata={"env": {"note": text}})


def stored(client: Session) -> str:
    return json.dumps(client.ok("retrieve_by_type", query="", doc_type="document"), ensure_ascii=False)


def test_by_default_it_is_stored_with_a_warning(client: Session) -> None:
    token = SHAPES["GitHub token"]
    answer = store(client, f"the token is {token}")
    assert len(answer["warnings"]) == 2
    assert "GitHub token" in answer["warnings"][0]
    assert token not in str(answer)
    assert token in stored(client)
    assert "warnings" not in client.ok("add_todo", title="plain")


def test_masking_and_refusing(db: Path) -> None:
    token = SHAPES["Slack token"]
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


def test_neither_errors_nor_logs_hold_secrets(db: Path, tmp_path: Path) -> None:
    token = SHAPES["AWS access key"]
    log = tmp_path / "log"
    with Session(
        db, env={"LTMC_LOG_LEVEL": "INFO", "LTMC_REDIS_URL": "redis://u:hunter2@127.0.0.1:1/0"}, log=log
    ) as client:
        assert token not in str(client.bad("add_todo", "INVALID_ARGUMENT", title="a", priority=token))
        assert token not in str(client.bad("add_todo", "INVALID_ARGUMENT", title="a", **{token: 1}))
        client.ok("add_todo", title=token)
        assert "hunter2" not in str(client.bad("redis_get_cache", "BACKEND_UNAVAILABLE", key="a"))
    assert token not in log.read_text()
    assert "hunter2" not in log.read_text()
