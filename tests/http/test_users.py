"""Tokens of users over HTTP: who is let in, and what a role may."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from click.testing import CliRunner

from ltmc.app.application import Application
from ltmc.app.tokens import Known
from ltmc.cli.main import main
from ltmc.errors import ErrorCode, LtmcError
from ltmc.server.http_transport import _Server
from ltmc.server.rate_limit import RateLimit
from ltmc.tools import manifest
from tests.client import connected, run_cli, settings_of, use
from tests.http.serving import Serving, User
from tests.postgres import PostgresPlace

LEAN = {tool.name for tool in manifest.tools() if tool.category == "lean"}
OF_ADMINS = {tool.name for tool in manifest.tools() if tool.admin}
READING = {tool.name for tool in manifest.tools() if tool.read_only}


def token(db: Path, *arguments: str) -> str:
    """What a command about tokens prints."""
    done = run_cli("token", *arguments, "--db", str(db))
    assert done.returncode == 0, done
    return done.stdout.strip()


def test_a_role_says_which_tools_there_are(db: Path) -> None:
    with Serving(db) as server:
        reader, writer = server.user("ann", "read"), server.user("bob", "write")
        admin, owner = server.user("eve", "admin"), User(server, server.token)
        every = {tool.name for tool in manifest.tools()} - LEAN
        assert {
            "register_project",
            "hook_event",
            "get_performance_report",
            "redis_health_check",
        } == OF_ADMINS
        assert set(owner.tools()) == set(admin.tools()) == every
        assert set(writer.tools()) == every - OF_ADMINS
        assert set(reader.tools()) == (every & READING) - OF_ADMINS
        prompts = [one["name"] for one in reader.rpc("prompts/list").json()["result"]["prompts"]]
        assert prompts == ["recall", "brief"]
        started = reader.rpc(
            "initialize",
            protocolVersion="2025-11-25",
            capabilities={},
            clientInfo={"name": "t", "version": "1"},
        )
        assert "store_memory" not in started.json()["result"]["instructions"]

        stored = {"file_name": "a.md", "content": "A pear."}
        said = reader.bad("store_memory", "UNSUPPORTED", **stored)
        assert said == "Tool store_memory needs the role write; the token 'ann' has the role read."
        said = writer.bad("register_project", "UNSUPPORTED", project_id="x", root_path="/")
        assert "needs the role admin" in said
        assert "bob" in said
        writer.ok("store_memory", **stored)
        assert reader.ok("get_memory", file_name="a.md")["content"] == "A pear."
        assert reader.bad("no_such_tool", "NOT_FOUND")


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
def test_the_tool_for_other_tools_keeps_to_the_role(db: Path, era: str) -> None:
    with Serving(db, "--profile", "lean") as server:
        reader, writer = server.user("ann", "read", "web"), server.user("bob", "write", "web")
        todo = {"name": "add_todo", "arguments": {"title": "Pick pears"}}
        params = {"name": "use_tool", "arguments": todo}
        answer = server.rpc("tools/call", params, era, **reader.header).json()["result"]
        assert answer["isError"]
        assert not any("add_todo" in names for names in reader.ok("use_tool")["names"].values())
        assert not any(
            found["name"] in OF_ADMINS
            for found in writer.ok("use_tool", query="register project hook report")["tools"]
        )
        writer.bad("use_tool", "NOT_FOUND", name="register_project", arguments={"project_id": "web"})
        assert server.rpc("tools/call", params, era, **writer.header).json()["result"]["isError"] is False
        elsewhere = {"title": "Pick", "project_id": "other"}
        assert "web" in writer.bad("use_tool", "INVALID_ARGUMENT", name="add_todo", arguments=elsewhere)
        assert reader.ok("use_tool", name="list_todos")["total"] == 1


def test_a_revoked_or_expired_token_is_refused_within_a_second_or_so(db: Path) -> None:
    with Serving(db) as server:
        user = server.user("ann", "write")
        assert user.rpc("ping").status == 200
        assert json.loads(token(db, "revoke", "ann", "--json"))["revoked_at"]
        time.sleep(1.1)
        assert user.rpc("ping").status == 401
        assert server.rpc("ping").status == 200
        brief = User(server, token(db, "add", "zoe", "--role", "read", "--expires", "1"))
        time.sleep(1.1)
        assert brief.rpc("ping").status == 200
        with closing(connected(db)) as connection:
            connection.execute("UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z'")
            connection.commit()
        time.sleep(1.1)
        assert [brief.rpc("ping").status, brief.rpc("ping").status] == [401, 401]
        for _ in range(50):
            refused = [line for line in server.log if "is refused" in line]
            if len(refused) == 2:
                break
            time.sleep(0.1)
        assert len(refused) == 2, server.log
        assert "'ann' is refused: it was revoked at" in refused[0]
        assert "'zoe' is refused: it expired at" in refused[1]
    assert not any(user.token in line or brief.token in line for line in server.log)


def test_only_digests_are_stored_and_none_is_exported(db: Path, tmp_path: Path) -> None:
    secret = token(db, "add", "ann", "--role", "read")
    with closing(connected(db)) as connection:
        (row,) = connection.execute("SELECT * FROM tokens").fetchall()
    assert secret not in str(row)
    listed = token(db, "list", "--json")
    assert secret not in listed
    assert row[3] not in listed
    assert len(row[3]) == 64
    exported = run_cli("export", "--db", str(db), "--output", str(tmp_path / "all.jsonl"))
    assert exported.returncode == 0, exported
    assert "ann" not in (tmp_path / "all.jsonl").read_text()


WRONG = [
    (["ann", "--role", "read"], "there is a token 'ann'"),
    (["old", "--role", "read"], "revoked"),
    (["bob", "--role", "boss"], "--role: got 'boss'; allowed: read, write, admin"),
    (["owner", "--role", "read"], "not owner"),
    (["Ann", "--role", "read"], "a-z"),
    (["a" * 65, "--role", "read"], "1 to 64"),
    (["bob\n", "--role", "read"], "1 to 64"),
    (["bob", "--role", "read", "--project", "a b"], "--project: got 'a b'"),
    (["bob", "--role", "read", "--project", "*"], "--project: got '*'"),
    (["bob", "--role", "admin", "--project", "web"], "--project: got web; a token with the role admin"),
    (["bob", "--role", "read", "--expires", "0"], "--expires: got 0"),
    (["bob", "--role", "read", "--expires", str(10**30)], "--expires"),
    (["bob"], "--role"),
]


def test_wrong_arguments_are_named(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTMC_DB", str(db))
    token(db, "add", "ann", "--role", "read")
    token(db, "add", "old", "--role", "read")
    token(db, "revoke", "old")
    for arguments, said in WRONG:
        done = CliRunner().invoke(main, ["token", "add", *arguments])
        assert (done.exit_code in (1, 2), done.stdout) == (True, ""), done
        assert said in done.stderr, done.stderr
    near = run_cli("token", "revoke", "anm")
    assert (near.returncode, "near: ann" in near.stderr) == (1, True), near
    assert [one["name"] for one in json.loads(token(db, "list", "--json"))["tokens"]] == ["ann", "old"]


def test_the_log_says_who(db: Path) -> None:
    with Serving(db) as server:
        server.user("ann", "write", "web").ok("add_todo", title="Pick pears")
        server.call("list_todos")
    listed = json.loads(
        run_cli("usage", "--by", "caller", "--project", "*", "--json", "--db", str(db)).stdout
    )
    assert {(row["caller"], row["count"]) for row in listed["calls"]} == {("ann", 1), ("owner", 1)}
    (ann,) = json.loads(token(db, "list", "--json"))["tokens"]
    assert ann["last_used_at"] > ann["created_at"]
    assert ann["projects"] == ["web"]


def test_what_is_about_the_server_is_for_admins(db: Path) -> None:
    with Serving(db) as server:
        users = [server.user(role, role) for role in ("read", "write", "admin")]
        for path, status in (("/metrics", 200), ("/docs", 404)):
            found = [server.request("GET", path, **user.header).status for user in users]
            assert found == [403, 403, status], path
        assert server.request("GET", "/health", Authorization=None).status == 200
        for user in users:  # pages are for the owner, who has the file
            form = f"token={user.token}"
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            assert server.request("POST", "/sign-in", form, Authorization=None, **kind).status == 403
            assert server.request("GET", "/memories", **user.header).status == 303


def test_strangers_cost_no_query_each(db: Path) -> None:
    with Serving(db) as server:
        server.user("ann", "read")
        for wrong in ("ltmc_", "ltmc_" + "x" * 43, "ltmc_\xff", "x" * 5000):
            assert server.rpc("ping", Authorization=f"Bearer {wrong}").status == 401


def test_without_its_database_nobody_is_taken_for_a_stranger(db: Path) -> None:
    if isinstance(db, PostgresPlace):
        pytest.skip("bound to a database file")
    with Serving(db) as server:
        user = server.user("ann", "read")
        assert user.rpc("ping").status == 200
        time.sleep(1.1)
        db.write_bytes(b"no database" * 1000)
        for name in ("-wal", "-shm"):
            Path(f"{db}{name}").unlink(missing_ok=True)
        refused = user.rpc("ping")
        assert (refused.status, str(db.parent) in refused.text) == (503, False)
        assert sum(str(db) in line for line in server.log) >= 1
        assert server.rpc("ping", Authorization="Bearer wrong").status == 401


def test_each_token_may_send_so_many_requests_a_minute(db: Path) -> None:
    with Serving(db, LTMC_HTTP_CALLS_PER_MINUTE="5") as server:
        ann, bob = server.user("ann", "read"), server.user("bob", "read")
        assert [ann.rpc("ping").status for _ in range(7)] == [200] * 5 + [429] * 2
        refused = ann.rpc("ping")
        assert 1 <= int(refused.headers["Retry-After"]) <= 120
        assert "'ann'" in refused.text
        assert bob.rpc("ping").status == 200
        assert server.rpc("ping").status == 200


@pytest.mark.parametrize("shared_in", ["database", "redis"])
def test_the_limit_is_one_for_all_servers(shared_in: str, db: Path, request: pytest.FixtureRequest) -> None:
    env = {"LTMC_HTTP_CALLS_PER_MINUTE": "40"}
    if shared_in == "redis":
        env["LTMC_REDIS_URL"] = request.getfixturevalue("redis_server").url
    with Serving(db, **env) as one, Serving(db, **env) as other:
        here = one.user("ann", "read")
        there = User(other, here.token)
        while time.time() % 60 > 40:  # not over the end of a minute
            time.sleep(0.5)
        for server, count in ((here, 15), (there, 15), (here, 0)):
            assert [server.rpc("ping").status for _ in range(count)] == [200] * count
            time.sleep(1.1)
            assert server.rpc("ping").status == 200  # with which the counts are shared
            time.sleep(1)
        statuses = Counter(server.rpc("ping").status for server in (here, there) for _ in range(12))
        assert (
            statuses[429] >= 9
        )  # 33 of 40 were sent; one lets in 7 more, and the other, which knows of 32, 8
        assert one.log[2:] == other.log[2:] == []


def test_a_server_that_cannot_share_its_counts_counts_for_itself(db: Path) -> None:
    with Serving(db, LTMC_HTTP_CALLS_PER_MINUTE="5", LTMC_REDIS_URL="redis://127.0.0.1:1/0") as server:
        ann = server.user("ann", "read")
        statuses = []
        for _ in range(7):
            statuses.append(ann.rpc("ping").status)
            time.sleep(0.3)
        assert statuses[-1] == 429
        (said,) = [line for line in server.log if "counted by each server" in line]
        assert "Redis" in said


def test_counts_that_were_lost_elsewhere_still_count_here() -> None:
    at, kept = 60.0, Counter[str]()

    async def share(_: int, more: Mapping[str, int]) -> Mapping[str, int]:
        kept.update(more)
        return dict(kept)

    async def work() -> list[int]:
        limit = RateLimit(5, share, lambda: at)
        waits = [await limit.seconds_to_wait("ann") for _ in range(4)]
        await asyncio.sleep(0.1)
        kept.clear()  # as by a Redis that was started anew
        limit._shared_at = 0.0
        waits += [await limit.seconds_to_wait("ann")]
        await asyncio.sleep(0.1)
        return [*waits, await limit.seconds_to_wait("ann")]

    *let_in, refused = asyncio.run(work())
    assert let_in == [0] * 5
    assert refused > 0


def test_who_is_known_does_not_wait_for_strangers(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltmc.app.tokens.APART_SECONDS", 3.0)
    monkeypatch.setattr("ltmc.app.tokens.KNOWN_SECONDS", 0.0)
    monkeypatch.setattr("ltmc.app.tokens.MOST_KNOWN", 2)
    mine = {name: token(db, "add", name, "--role", "read").encode() for name in ("ann", "bob", "eve")}

    async def work(app: Application) -> None:
        known, began = app.get(Known), time.monotonic()
        assert await known.whose(b"ltmc_stranger") is None
        new = [asyncio.create_task(known.whose(one)) for one in (mine["ann"], b"ltmc_other", mine["bob"])]
        assert [found.name if found else None for found in await asyncio.gather(*new)] == ["ann", None, "bob"]
        assert time.monotonic() - began > 2.9
        began = time.monotonic()
        strangers = [asyncio.create_task(known.whose(b"ltmc_%d" % number)) for number in range(100)]
        await asyncio.sleep(0.2)
        assert not any(one.done() for one in strangers)
        assert (await known.whose(mine["ann"])).name == "ann"
        assert await asyncio.gather(*strangers) == [None] * 100  # with the same query
        assert time.monotonic() - began < 2.5
        for name, secret in mine.items():
            assert (await known.whose(secret)).name == name
        assert len(known._known) == 2

    use(db, work)


def test_who_waits_for_a_database_that_is_away_waits_for_it_once(tmp_path: Path) -> None:
    tries = 0

    class Away:
        @asynccontextmanager
        async def read(self) -> AsyncIterator[None]:
            nonlocal tries
            tries += 1
            await asyncio.sleep(0.1)
            raise LtmcError(ErrorCode.BACKEND_UNAVAILABLE, "It is away.")
            yield

    settings = settings_of(tmp_path / "ltmc.db")
    settings.db.touch()

    async def work() -> list[object]:
        known = Known(settings, cast("Any", Away()))
        asking = (known.whose(b"ltmc_" + bytes(43)) for _ in range(20))
        return await asyncio.gather(*asking, return_exceptions=True)

    assert [str(answer) for answer in asyncio.run(work())] == ["It is away."] * 20
    assert tries == 1


@pytest.mark.parametrize("second", [None, signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_says_so_first_and_goes_on_until_then(
    db: Path, second: signal.Signals | None
) -> None:
    with Serving(db, LTMC_HTTP_DRAIN_SECONDS="2" if second is None else "60") as server:
        assert server.request("GET", "/health").json()["status"] == "healthy"
        server.process.terminate()
        for _ in range(50):
            health = server.request("GET", "/health")
            if health.status == 503:
                break
            time.sleep(0.02)
        assert health.json()["status"] == "ending"
        assert server.call("add_todo", title="Pick pears")["success"]
        began = time.monotonic()
        if second is not None:
            server.process.send_signal(second)
        assert server.finish() == 0, server.log
        assert time.monotonic() - began < 10


def test_a_signal_before_it_serves_ends_it() -> None:
    server = _Server(uvicorn.Config(cast("Any", None)), cast("Any", None), 5)
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit
