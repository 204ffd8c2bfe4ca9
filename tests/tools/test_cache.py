"""The cache tools through a real client, on the database and on a real Redis: the same tests."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Session
from tests.conftest import RedisServer
from tests.postgres import engine_of


@pytest.fixture(params=["sqlite", "redis"])
def cache(request: pytest.FixtureRequest, db: Path) -> Iterator[Session]:
    env = {}
    if request.param == "redis":
        env["LTMC_REDIS_URL"] = request.getfixturevalue("redis_server").url
    with Session(db, env=env) as session:
        assert session.ok("redis_health_check")["backend"] == ("redis" if env else engine_of(db))
        yield session


def test_values_come_back_as_they_were(cache: Session) -> None:
    for n, value in enumerate([None, 0, False, "", "text 漢字", [1, {"a": [None]}], {"k": 1.5}, 2**60]):
        first = cache.ok("redis_set_cache", key=f"k:{n}", value=value)
        assert (first["replaced"], first["ttl"], first["expires_at"]) == (False, None, None)
        got = cache.ok("redis_get_cache", key=f"k:{n}")
        assert got["found"] is True
        assert got["value"] == value
        assert got["ttl_remaining_seconds"] is None
    assert cache.ok("redis_set_cache", key="k:0", value=1)["replaced"] is True
    missing = cache.ok("redis_get_cache", key="nothing")
    assert (missing["found"], missing["value"]) == (False, None)
    assert cache.ok("redis_get_cache", key="k:1", project_id="other")["found"] is False


def test_expired_values_are_gone_and_counted(cache: Session) -> None:
    cache.ok("redis_set_cache", key="short", value=1, ttl=1)
    cache.ok("redis_set_cache", key="long", value=1, ttl=1000)
    left = cache.ok("redis_get_cache", key="long")["ttl_remaining_seconds"]
    assert 990 < left <= 1000
    time.sleep(1.1)
    assert cache.ok("redis_get_cache", key="short")["found"] is False
    stats = cache.ok("redis_cache_stats")
    assert stats["total_keys"] == 1
    assert stats["expired"] == 1
    assert stats["ttl_histogram"] == {
        "no_expiry": 0,
        "under_1_minute": 0,
        "under_1_hour": 1,
        "under_1_day": 0,
        "over_1_day": 0,
    }


def test_deleting_and_counting(cache: Session) -> None:
    assert cache.ok("redis_cache_stats")["hit_rate"] is None
    cache.ok("redis_set_cache", key="a", value=1)
    cache.ok("redis_get_cache", key="a")
    cache.ok("redis_get_cache", key="b")
    assert cache.ok("redis_delete_cache", key="a")["deleted"] is True
    assert cache.ok("redis_delete_cache", key="a")["deleted"] is False
    stats = cache.ok("redis_cache_stats")
    counts = {name: stats[name] for name in ("total_keys", "hits", "misses", "sets", "deletes", "expired")}
    assert counts == {"total_keys": 0, "hits": 1, "misses": 1, "sets": 1, "deletes": 1, "expired": 0}
    assert stats["hit_rate"] == 0.5


def test_clearing_keeps_to_the_pattern_and_the_project(cache: Session) -> None:
    for key in ("user:1", "user:2", "user:10", "page:1", "lit*eral"):
        cache.ok("redis_set_cache", key=key, value=1)
    cache.ok("redis_set_cache", key="user:1", value=1, project_id="other")
    dry = cache.ok("redis_clear_cache", pattern="user:?", dry_run=True)
    assert (dry["cleared_count"], dry["sample_keys"]) == (2, ["user:1", "user:2"])
    assert cache.ok("redis_clear_cache", pattern="user:[1-2]")["cleared_count"] == 2
    assert cache.ok("redis_clear_cache", pattern="lit\\*eral")["cleared_count"] == 1
    assert cache.ok("redis_get_cache", key="user:10")["found"] is True
    assert cache.ok("redis_clear_cache")["cleared_count"] == 2
    assert cache.ok("redis_get_cache", key="user:1", project_id="other")["found"] is True


@pytest.mark.parametrize(
    ("tool", "field", "arguments"),
    [
        ("redis_set_cache", "key", {"key": "", "value": 1}),
        ("redis_set_cache", "key", {"key": "x" * 251, "value": 1}),
        ("redis_set_cache", "key", {"key": "a\x00", "value": 1}),
        ("redis_set_cache", "value", {"key": "a"}),
        ("redis_set_cache", "value", {"key": "a", "value": "x" * 1024 * 1024}),
        ("redis_set_cache", "ttl", {"key": "a", "value": 1, "ttl": 0}),
        ("redis_set_cache", "ttl", {"key": "a", "value": 1, "ttl": -5}),
        ("redis_set_cache", "ttl", {"key": "a", "value": 1, "ttl": 2_592_001}),
        ("redis_get_cache", "key", {"key": " "}),
        ("redis_clear_cache", "pattern", {"pattern": "x" * 101}),
    ],
)
def test_cache_tools_refuse(shared: Session, tool: str, field: str, arguments: dict) -> None:
    shared.bad(tool, "INVALID_ARGUMENT", field, **arguments)


def test_a_dead_redis_is_named_and_harms_nothing_else(db: Path, redis_server: RedisServer) -> None:
    url = redis_server.url.replace("redis://", "redis://:secret-word@")
    redis_server_url = redis_server.url
    with Session(db, env={"LTMC_REDIS_URL": redis_server_url}) as client:
        client.ok("redis_set_cache", key="a", value=1)
        redis_server.kill()
        for tool, arguments in (
            ("redis_get_cache", {"key": "a"}),
            ("redis_set_cache", {"key": "a", "value": 2}),
            ("redis_delete_cache", {"key": "a"}),
            ("redis_clear_cache", {}),
            ("redis_cache_stats", {}),
        ):
            error = client.bad(tool, "BACKEND_UNAVAILABLE", **arguments)
            assert str(redis_server.port) in error["error"]
        health = client.ok("redis_health_check")
        assert (health["connected"], health["status"], health["backend"]) == (False, "down", "redis")
        assert str(redis_server.port) in health["error"]
        client.ok("store_memory", file_name="a.md", content="still here")
        assert client.ok("retrieve_memory", query="still")["total"] == 1
        redis_server.start()
        assert client.ok("redis_health_check")["status"] == "healthy"
        assert client.ok("redis_get_cache", key="a")["found"] is False
    with Session(db, env={"LTMC_REDIS_URL": url}) as client:
        assert "secret-word" not in str(client.any("redis_get_cache", key="a"))
        assert "secret-word" not in str(client.ok("redis_health_check"))


def test_the_cache_outlives_the_server(db: Path) -> None:
    with Session(db) as client:
        client.ok("redis_set_cache", key="a", value=[1])
        client.ok("redis_get_cache", key="a")
    with Session(db) as client:
        assert client.ok("redis_get_cache", key="a")["value"] == [1]
        assert client.ok("redis_cache_stats")["hits"] == 2


def test_a_bound_is_written_out(shared: Session) -> None:
    refused = shared.bad("redis_set_cache", "INVALID_ARGUMENT", "ttl", key="k", value=1, ttl=0)
    assert "from 1 to 2592000." in refused["error"]
