"""LTMC as a resource server of OAuth 2.1, with a real issuer of tokens beside it."""

import asyncio
import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwk, jwt
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from ltmc.server.oauth import AGAIN_SECONDS
from tests.client import run_cli
from tests.http.serving import Answer, Serving, User

RESOURCE = "https://memory.example.org/mcp"
METADATA = "/.well-known/oauth-protected-resource/mcp"


class Issuer:
    """Serves its metadata and its keys, and gives out tokens."""

    def __init__(self) -> None:
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "one"})
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = issuer.pages.get(self.path)
                issuer.asked.append(self.path)
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.asked: list[str] = []
        self.pages: dict[str, Any] = {
            "/.well-known/oauth-authorization-server": {
                "issuer": self.address,
                "jwks_uri": f"{self.address}/keys",
            },
            "/keys": {"keys": [self.key.as_dict(private=False)]},
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, *scopes: str, key: jwk.RSAKey | None = None, kid: str = "one", **claims: Any) -> str:
        """Return a token; a claim that is None is left out, but for `ltmc_projects`."""
        said = {
            "iss": self.address,
            "aud": RESOURCE,
            "sub": "ann@example.org",
            "exp": int(time.time()) + 60,
            "scope": " ".join(scopes),
            **claims,
        }
        given = {name: value for name, value in said.items() if value is not None or name == "ltmc_projects"}
        return jwt.encode({"alg": "RS256", "kid": kid}, given, key or self.key)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    db = tmp_path_factory.mktemp("oauth") / "data" / "ltmc.db"
    with Serving(db, LTMC_OAUTH_ISSUER=issuer.address, LTMC_OAUTH_RESOURCE=RESOURCE) as serving:
        yield serving


def ping(server: Serving, token: str) -> Answer:
    return User(server, token).rpc("ping")


def test_scopes_and_claims_say_what_a_token_may(server: Serving, issuer: Issuer) -> None:
    reader = User(server, issuer.token("ltmc:read"))
    assert "store_memory" not in reader.tools()
    reader.bad("store_memory", "UNSUPPORTED", file_name="a.md", content="A pear.")
    writer = User(server, issuer.token("openid", "ltmc:write", "ltmc:read", ltmc_projects=["web", "api"]))
    writer.ok("store_memory", file_name="a.md", content="A pear.")
    assert "web, api" in writer.bad("list_memories", "INVALID_ARGUMENT", project_id="default")
    assert User(server, issuer.token("ltmc:read", "ltmc:project:web")).ok("list_memories")["total"] == 1
    assert User(server, issuer.token("ltmc:read", ltmc_projects="api")).ok("list_memories")["total"] == 0
    admin = User(server, issuer.token("ltmc:admin"))
    assert "register_project" in admin.tools()
    held = User(server, issuer.token("ltmc:admin", ltmc_projects=["web"]))
    assert "register_project" not in held.tools()
    calls = run_cli("usage", "--by", "caller", "--project", "*", "--json", "--db", str(server.db)).stdout
    assert "oauth:ann@example.org" in calls


def test_both_kinds_of_tokens_work_beside_each_other(server: Serving, issuer: Issuer) -> None:
    assert server.rpc("ping").status == 200
    assert server.user("bob", "read").rpc("ping").status == 200
    assert ping(server, issuer.token("ltmc:read")).status == 200
    owner = issuer.token("ltmc:read", sub="owner")
    assert User(server, owner).bad("add_todo", "UNSUPPORTED", title="x")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example.org/mcp"},
        {"aud": None},
        {"iss": "https://other.example.org"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 2**40},
        {"nbf": "soon"},
    ],
)
def test_what_was_not_given_for_this_server_is_refused(
    server: Serving, issuer: Issuer, claims: dict[str, Any]
) -> None:
    answer = ping(server, issuer.token("ltmc:write", **claims))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token", resource_metadata=')


def _part(content: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_forged_tokens_are_refused(server: Serving, issuer: Issuer) -> None:
    other = jwk.RSAKey.generate_key(2048, {"kid": "one"})
    good = issuer.token("ltmc:admin")
    head, body, signature = good.split(".")
    none = _part({"alg": "none"})
    by_public_key = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{body}"
    digest = hmac.digest(issuer.key.as_pem(private=False), by_public_key.encode(), "sha256")
    for forged in (
        issuer.token("ltmc:admin", key=other),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{none}.{body}.",
        f"{head}.{issuer.token('ltmc:admin', sub='eve').split('.')[1]}.{signature}",
        f"{by_public_key}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}",
        "..",
        "a.b.c",
        "a." * 20_000,
        f"{head}.{body}",
    ):
        assert ping(server, forged).status == 401, forged


@pytest.mark.parametrize(
    ("scopes", "claims"),
    [
        (["openid"], {}),
        ([], {"scope": None}),
        (["ltmc:boss"], {}),
        (["ltmc:write"], {"ltmc_projects": []}),
        (["ltmc:write"], {"ltmc_projects": None}),
        (["ltmc:write"], {"ltmc_projects": {"web": True}}),
        (["ltmc:write"], {"ltmc_projects": [f"p{number}" for number in range(51)]}),
        (["ltmc:write"], {"ltmc_projects": ["*"]}),
        (["ltmc:write"], {"ltmc_projects": ""}),
        (["ltmc:write"], {"ltmc_projects": 5}),
        (["ltmc:write", "ltmc:project:"], {}),
        (["ltmc:write"], {"ltmc_projects": [["web"], None, 5]}),
    ],
)
def test_a_token_that_lets_into_nothing_is_told_so(
    server: Serving, issuer: Issuer, scopes: list[str], claims: dict[str, Any]
) -> None:
    answer = ping(server, issuer.token(*scopes, **claims))
    assert answer.status == 403, answer
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert "ann@example.org" in answer.text


def test_clients_learn_who_the_issuer_is(server: Serving, issuer: Issuer) -> None:
    refused = server.rpc("ping", Authorization=None)
    place = f"https://memory.example.org{METADATA}"
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (
        401,
        f'Bearer resource_metadata="{place}"',
    )
    said = server.request("GET", METADATA, Authorization=None, Host="memory.example.org")
    assert said.status == 200, said
    assert said.json()["resource"] == RESOURCE
    assert [one.rstrip("/") for one in said.json()["authorization_servers"]] == [issuer.address]
    assert said.json()["scopes_supported"] == ["ltmc:read", "ltmc:write", "ltmc:admin"]
    for elsewhere in ("/.well-known/openid-configuration", "/register"):
        assert server.request("GET", elsewhere, Authorization=None).status == 404


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
def test_the_official_client_brings_such_a_token(server: Serving, issuer: Issuer, mode: str) -> None:
    async def run() -> Any:
        header = {"Authorization": f"Bearer {issuer.token('ltmc:write', ltmc_projects=['bees'])}"}
        async with (
            httpx2.AsyncClient(headers=header) as http,
            Client(streamable_http_client(server.url, http_client=http), mode=mode) as client,
        ):
            await client.call_tool("add_todo", {"title": f"Feed the bees {mode}"})
            return (await client.call_tool("list_projects", {})).structured_content

    (project,) = asyncio.run(asyncio.wait_for(run(), 60))["projects"]
    assert project["project_id"] == "bees"


def test_an_issuer_that_does_not_answer_is_no_refusal(db: Path, issuer: Issuer) -> None:
    settings = {
        "LTMC_OAUTH_ISSUER": issuer.address + "/gone",
        "LTMC_OAUTH_RESOURCE": RESOURCE,
    }
    with Serving(db, **settings) as serving:
        answer = ping(serving, issuer.token("ltmc:read", iss=issuer.address + "/gone"))
        assert (answer.status, "cannot be asked" in answer.text) == (503, False)
        asked = len(issuer.asked)
        assert ping(serving, issuer.token("ltmc:read")).status == 503
        assert len(issuer.asked) == asked
        assert serving.rpc("ping").status == 200


@pytest.mark.parametrize("instead", [None, {"keys": None}, ["no keys"]])
def test_keys_that_cannot_be_read_are_no_refusal(
    db: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, instead: Any
) -> None:
    settings = {"LTMC_OAUTH_ISSUER": issuer.address, "LTMC_OAUTH_RESOURCE": RESOURCE}
    keys = issuer.pages["/keys"]
    monkeypatch.setitem(issuer.pages, "/keys", instead)
    with Serving(db, **settings) as serving:
        for _ in range(2):
            answer = ping(serving, issuer.token("ltmc:read"))
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1"), answer
        assert any(f"{issuer.address}/keys: " in line for line in serving.log), serving.log
        issuer.pages["/keys"] = keys
        time.sleep(AGAIN_SECONDS)
        assert ping(serving, issuer.token("ltmc:read")).status == 200
        issuer.pages["/keys"] = instead
        other = jwk.RSAKey.generate_key(2048, {"kid": "two"})
        asked = len(issuer.asked)
        assert ping(serving, issuer.token("ltmc:read", key=other, kid="two")).status == 401
        assert len(issuer.asked) == asked
        assert ping(serving, issuer.token("ltmc:read")).status == 200


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("ISSUER", "issuer.example.org", "oauth_issuer"),
        ("ISSUER", "http://issuer.example.org", "oauth_issuer"),
        ("ISSUER", "https://ann:pw@issuer.example.org", "oauth_issuer"),
        ("RESOURCE", "", "oauth_resource"),
        ("RESOURCE", "https://memory.example.org/", "/mcp"),
        ("ALGORITHM", "HS256", "oauth_algorithm"),
        ("ALGORITHM", "none", "oauth_algorithm"),
        ("JWKS_URL", "file:///etc/passwd", "oauth_jwks_url"),
    ],
)
def test_wrong_settings_are_named(db: Path, setting: str, value: str, said: str) -> None:
    env = {"LTMC_OAUTH_ISSUER": "https://issuer.example.org", "LTMC_OAUTH_RESOURCE": RESOURCE}
    env[f"LTMC_OAUTH_{setting}"] = value
    done = run_cli("serve", "--transport", "http", "--port", "0", "--db", str(db), **env)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done
    assert said in done.stderr
    assert "pw@" not in done.stderr
