"""Who may ask: the token, Host and Origin, the address to listen on."""

import http.client
import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ltmc.errors import LtmcError
from ltmc.server import bearer_token as tokens
from tests.client import run_cli
from tests.http.serving import HEADERS, Serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that the tests of this module share."""
    with Serving(tmp_path_factory.mktemp("guard") / "ltmc.db", "--allow-host", "memory.example") as server:
        yield server


def test_the_first_start_makes_a_private_token_and_shows_it_once(db: Path) -> None:
    with Serving(db) as first:
        mode = first.token_path.stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        assert stat.S_IMODE(db.parent.stat().st_mode) == 0o700
        assert re.fullmatch(r"ltmc_[\w-]{43}", first.token)
        assert sum(first.token in line for line in first.log) == 1
        assert first.rpc("ping").status == 200
    with Serving(db, LTMC_LOG_LEVEL="DEBUG") as second:
        assert second.token == first.token
        assert second.rpc("ping").status == 200
        second.rpc("ping", Authorization="Bearer wrong-token-of-someone")
    log = "\n".join(second.log)
    assert str(second.token_path) in log
    assert first.token not in log
    assert "wrong-token" not in log


def test_rotation_shuts_out_the_old_token_at_once(db: Path) -> None:
    with Serving(db) as server:
        assert run_cli("token", "path", "--db", str(db)).stdout == f"{server.token_path}\n"
        rotated = run_cli("token", "rotate", "--db", str(db))
        assert rotated.returncode == 0, rotated
        new = rotated.stdout.strip()
        assert stat.S_IMODE(server.token_path.stat().st_mode) == 0o600
        assert server.rpc("ping").status == 401
        assert server.rpc("ping", Authorization=f"Bearer {new}").status == 200
        server.token_path.unlink()
        assert server.rpc("ping", Authorization=f"Bearer {new}").status == 401
        server.token_path.touch(0o600)
        assert server.rpc("ping", Authorization="Bearer ").status == 401


def test_an_edited_token_counts_though_the_time_of_the_file_is_the_same(db: Path) -> None:
    with Serving(db) as server:
        assert server.rpc("ping").status == 200
        before = server.token_path.stat()
        new = "ltmc_" + "n" * (len(server.token) - 5)
        server.token_path.write_text(new + "\n")
        os.utime(server.token_path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert server.rpc("ping").status == 401
        assert server.rpc("ping", Authorization=f"Bearer {new}").status == 200


@pytest.mark.parametrize(
    ("content", "mode", "word"),
    [
        ("a" * 40, 0o644, "others may read it"),
        ("short", 0o600, "token"),
        ("", 0o600, "token"),
        ("ü" * 40, 0o600, ""),
    ],
)
def test_an_unsafe_token_file_is_refused_at_the_start(db: Path, content: str, mode: int, word: str) -> None:
    db.parent.mkdir()
    path = tokens.path_of(db)
    path.write_text(content)
    path.chmod(mode)
    run = run_cli("serve", "--transport", "http", "--port", "0", "--db", str(db))
    assert run.returncode == 1
    assert str(path) in run.stderr
    assert word in run.stderr
    assert "Traceback" not in run.stderr
    assert path.read_text() == content


def test_a_token_of_ones_own_is_kept(db: Path) -> None:
    db.parent.mkdir()
    path = tokens.path_of(db)
    path.touch(0o600)
    path.write_text("0123456789abcdef0123456789abcdef\n")
    with Serving(db) as server:
        assert server.token == "0123456789abcdef0123456789abcdef"
        assert server.rpc("ping").status == 200
        assert not any("new token" in line for line in server.log)


def test_servers_that_start_together_agree_on_a_token(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ltmc.db.token"
    with ThreadPoolExecutor(16) as pool:
        made = [token for token in pool.map(lambda _: tokens.ensure(path), range(64)) if token]
    assert made == [tokens.read(path)]
    assert list(path.parent.iterdir()) == [path]


def test_a_token_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LtmcError, match="token file"):
        tokens.ensure(tmp_path / "file" / "token")


@pytest.mark.parametrize("path", ["/mcp", "/metrics", "/docs", "/health/", "//health"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "presented",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer \xff", "Basic {}", "{}", "Bearer {}x"],
)
def test_nothing_but_health_answers_without_the_token(
    server: Serving, path: str, method: str, presented: str | None
) -> None:
    header = None if presented is None else presented.format(server.token)
    answer = server.request(method, path, Authorization=header)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert server.token not in answer.text


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-protected-resource/mcp", "/.well-known/openid-configuration", "/register"]
)
def test_where_oauth_is_looked_for_nothing_is_found(server: Serving, path: str) -> None:
    for method in ("GET", "POST"):
        answer = server.request(method, path, Authorization=None)
        assert (answer.status, "WWW-Authenticate" in answer.headers) == (404, False)


def test_two_authorization_headers_are_refused(server: Serving) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("GET", "/metrics")
    connection.putheader("Authorization", f"Bearer {server.token}")
    connection.putheader("Authorization", f"Bearer {server.token}")
    connection.endheaders()
    assert connection.getresponse().status == 401


def test_the_scheme_is_named_in_any_case(server: Serving) -> None:
    assert server.rpc("ping", Authorization=f"bearer {server.token}").status == 200


def test_comparison_reads_every_digit(tmp_path: Path) -> None:
    tokens.ensure(tmp_path / "token")
    token = tokens.read(tmp_path / "token")
    check = tokens.TokenCheck(tmp_path / "token")
    assert check.admits(token.encode())
    for position in range(len(token)):
        other = "A" if token[position] != "A" else "B"
        assert not check.admits((token[:position] + other + token[position + 1 :]).encode())
    assert not check.admits(token[:-1].encode())
    assert not check.admits(token.encode() + b"\n")


@pytest.mark.parametrize("path", ["/mcp", "/health", "/metrics"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 0),
        ("localhost", 0),
        ("[::1]:9", 0),
        ("memory.example", 0),
        ("memory.example:443", 0),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:8765", 421),
        ("memory.example.evil.example", 421),
        ("", 421),
    ],
)
def test_the_host_must_be_this_one(server: Serving, path: str, host: str, status: int) -> None:
    method = "POST" if path == "/mcp" else "GET"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}) if path == "/mcp" else None
    answer = server.request(method, path, body, **HEADERS, Host=host)
    assert answer.status == (status or 200)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:3000", 200),
        ("http://localhost", 200),
        ("http://evil.example", 403),
        ("https://evil.example:8765", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("file://", 403),
    ],
)
def test_the_origin_must_be_this_machine(server: Serving, origin: str, status: int) -> None:
    assert server.rpc("ping", Origin=origin).status == status
    assert server.request("GET", "/health", Origin=origin).status == status


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,mcp-name",
}


def test_a_page_of_this_machine_may_ask_with_the_token(server: Serving) -> None:
    page = {"Origin": "http://localhost:3000"}
    asked = server.request("OPTIONS", "/mcp", Authorization=None, **page, **PREFLIGHT)
    assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (200, page["Origin"])
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert asked.headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    for token, status in (({}, 200), ({"Authorization": "Bearer wrong"}, 401)):
        answer = server.rpc("ping", **page, **token)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, page["Origin"])
    assert "Access-Control-Allow-Credentials" not in asked.headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
def test_no_other_page_gets_permission(server: Serving, origin: str | None) -> None:
    for answer in (
        server.request("OPTIONS", "/mcp", Authorization=None, Origin=origin, **PREFLIGHT),
        server.rpc("ping", Origin=origin),
    ):
        assert (answer.status == 403) is (origin is not None)
        assert not any(name.lower().startswith("access-control-allow-o") for name in answer.headers)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_public_address_needs_the_flag(db: Path, host: str) -> None:
    run = run_cli("serve", "--transport", "http", "--port", "0", "--host", host, "--db", str(db))
    assert run.returncode == 2
    assert "--public" in run.stderr
    assert "the token is all that keeps them from every memory" in run.stderr
    assert not db.parent.exists()


def test_with_the_flag_a_public_address_is_served_and_the_start_says_what_that_means(db: Path) -> None:
    with Serving(db, "--host", "0.0.0.0", "--public") as server:
        assert any("0.0.0.0 is public" in line and "plain HTTP" in line for line in server.log)
        assert server.rpc("ping").status == 200
        assert server.rpc("ping", Authorization=None).status == 401
        assert server.rpc("ping", Host="evil.example").status == 421


def test_the_help_says_what_public_means() -> None:
    text = " ".join(run_cli("serve", "--help").stdout.split())
    assert "other machines reach" in text
    assert "not encrypted" in text


def test_ipv6_loopback_is_not_public(db: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Serving(db, "--host", "::1") as server:
        assert any(f"http://[::1]:{server.port}/mcp" in line for line in server.log)
        connection = http.client.HTTPConnection("::1", server.port)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def test_an_address_that_cannot_be_used_is_a_clear_error(db: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = run_cli("serve", "--transport", "http", "--port", port, "--db", str(db))
    assert (run.returncode, "Traceback" in run.stderr) == (1, False)
    assert port in run.stderr
    assert "in use" in run.stderr
    for host in ("", "no.such.host.invalid", "999.1.1.1", "a b", "ü" * 300):
        run = run_cli("serve", "--transport", "http", "--port", "0", "--host", host, "--db", str(db))
        assert (run.returncode, "Traceback" in run.stderr) == (2, False), run
        assert "host" in run.stderr
    run = run_cli("serve", "--transport", "http", "--port", "65536", "--db", str(db))
    assert run.returncode == 2
    assert "65535" in run.stderr
    assert not db.parent.exists()
