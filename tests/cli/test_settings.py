"""Settings that cannot be used: an error that names them, what was given and what is allowed."""

import os
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from ltmc.app import startup
from ltmc.app.diagnosis import in_force
from ltmc.errors import LtmcError
from ltmc.settings import LONGEST_FILE, Settings, load
from tests.client import run_cli


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("roots", "/home/x", '["/home/me/work"]'),
        ("roots", '"/home/x"', "list"),
        ("roots", '["~no-such-user/x"]', "home directory"),
        ("targets_ms", "{", '{"retrieve_memory": 80}'),
        ("targets_ms", "50", "dictionary"),
    ],
)
def test_a_setting_in_json_that_is_wrong_is_named(db: Path, name: str, value: str, allowed: str) -> None:
    done = run_cli("doctor", "--db", str(db), **{f"LTMC_{name.upper()}": value})
    assert done.returncode == 2
    assert f"Setting {name} (environment) got " in done.stderr
    assert allowed in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "too long", "not UTF-8", "nested"])
def test_a_settings_file_that_cannot_be_read_is_named_at_once(tmp_path: Path, db: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "ltmc.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "too long":
        path.write_text(" " * (LONGEST_FILE + 1))
    elif kind == "not UTF-8":
        path.write_bytes(b'profile = "\xff"')
    elif kind == "nested":
        path.write_text("roots = " + "[" * 100_000)
    done = run_cli("todo", "list", "--db", str(db), LTMC_CONFIG=str(path))
    assert (done.returncode, f"Settings file {path}: " in done.stderr) == (2, True), done
    assert "Traceback" not in done.stderr


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("LTMC_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "ltmc.toml"
    monkeypatch.setenv("LTMC_CONFIG", str(path))
    return path


@pytest.mark.parametrize(
    ("env", "toml", "expected"),
    [
        ({"HOME": "/h", "LTMC_DB": "~/a.db"}, "db = 'b.db'", {"db": Path("/h/a.db")}),
        ({"LTMC_CAPTURE": "off", "ltmc_inject": "N"}, "capture = true", {"capture": False, "inject": False}),
        ({"LTMC_CAPTURE_IGNORE": '["a", "b/"]'}, 'capture_ignore = ["c"]', {"capture_ignore": ("a", "b/")}),
        ({}, "roots = ['/r']\nlog_days = 7", {"roots": (Path("/r"),), "log_days": 7}),
        ({"LTMC_TARGETS_MS": '{"a": 5}'}, "", {"targets_ms": {"a": 5.0}}),
        ({"LTMC_LOG_LEVEL": "debug", "LTMC_HTTP_CALL_SECONDS": "1.5"}, "", {"log_level": "DEBUG"}),
        (
            {"LTMC_HTTP_PORT": "0", "LTMC_UNKNOWN": "x"},
            "log_rows = 1000.0",
            {"http_port": 0, "log_rows": 1000},
        ),
    ],
)
def test_the_environment_goes_before_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], toml: str, expected: dict[str, Any]
) -> None:
    config.write_text(toml)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    settings, origins = load()
    found = settings._asdict()
    assert {name: found[name] for name in expected} == expected
    for name in expected:
        assert origins[name] == (
            "environment" if f"LTMC_{name}".upper() in map(str.upper, env) else str(config)
        )


@pytest.mark.parametrize("toml", ["", "project = 'orchard'"])
def test_an_empty_variable_names_no_project(config: Path, monkeypatch: pytest.MonkeyPatch, toml: str) -> None:
    config.write_text(toml)
    without = load()
    monkeypatch.setenv("LTMC_PROJECT", "")
    assert load() == without


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("durability", "quick", "full, normal"),
        ("read_only", "perhaps", "true, false"),
        ("http_port", "65536", "0 to 65535"),
        ("http_port", "1.5", "a whole number"),
        ("http_call_seconds", "nan", "0.001 to 3600"),
        ("log_days", "9" * 5000, "1 to 36500"),
        ("log_level", "loud", "DEBUG, INFO, WARNING, ERROR"),
        ("project", "a b", "letters, digits"),
        ("capture_ignore", "{}", '["notes/", "*.pem"]'),
        ("targets_ms", '{"a": "x"}', '{"retrieve_memory": 80}'),
        ("targets_ms", "[" * 100_000, "targets_ms"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    assert not config.exists()
    monkeypatch.setenv(f"LTMC_{name.upper()}", value)
    with pytest.raises(LtmcError) as refused:
        load()
    assert refused.value.field == name
    assert f"Setting {name} (environment) got " in refused.value.message
    assert allowed in refused.value.message
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    "toml", ["log_days = true", "durability = 5", "profile = ['core']", "http_port = []"]
)
def test_a_value_of_another_kind_is_refused(config: Path, toml: str) -> None:
    config.write_text(toml)
    with pytest.raises(LtmcError, match=rf"Setting \w+ \({config}\) got .*: allowed: "):
        load()


def test_a_password_is_not_shown(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("redis_url = 5")
    with pytest.raises(LtmcError, match="got a secret value"):
        load()
    config.write_text("")
    with pytest.raises(LtmcError) as refused:
        load(db="mysql://me:hunter2@host/db")
    assert "hunter2" not in refused.value.message


def test_an_address_of_postgresql_leaves_what_belongs_to_this_host_in_the_usual_folder(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = load()[0].db
    monkeypatch.setenv("LTMC_DB", "postgresql://me@host/memory")
    settings, origins = load()
    assert (settings.postgres_url, settings.db) == ("postgresql://me@host/memory", usual)
    assert origins["postgres_url"] == "environment"
    assert load(db="other.db")[0].postgres_url is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("postgresql://ltmc:my%pass@h/x", "% stands in it as such"),
        ("postgresql://ltmc:my/pass@h/x", "@ or /"),
        ("postgresql://ltmc:12/pass@h/x", "@ or /"),
        ("postgresql://ltmc:my@pass@h/x", "@ or /"),
        ("postgresql://ltmc:pass@[::1/x", "libpq cannot read it"),
        ("POSTGRESQL://ltmc:pass@h:abc/x", "port"),
        ("postgresql://ltmc:pass@h:99999/x", "port"),
        ("postgresql://ltmc:%ffpass@h/x", "libpq cannot read it"),
        ("postgresql://ltmc:pass@h/x?application_name=y&bogus=1", "no parameter bogus"),
        ("postgresql://ltmc:12?pass=c/d@h/x", "libpq cannot read it"),
        ("postgresql://ltmc:pass@h", "names no database"),
        ("postgres://", "names no database"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(
    config: Path, tmp_path: Path, address: str, fault: str
) -> None:
    pytest.importorskip("psycopg")
    for command in (("doctor",), ("serve",), ("migrate-to", address)):
        named = {"LTMC_DB": str(tmp_path / "db")} if address in command else {"LTMC_DB": address}
        (tmp_path / "db").touch()
        done = run_cli(*command, **named)
        assert (done.returncode, fault in done.stderr) == (2, True), done
        assert ("TARGET" if address in command else "Setting db (environment)") in done.stderr
        assert "allowed: postgresql://user@host:port/name" in done.stderr
        for secret in ("pass@", "my%", "my/", "Traceback"):
            assert secret not in done.stdout + done.stderr, command
    run_cli("hook", "prompt", text='{"prompt": "heron"}', LTMC_DB=address, XDG_DATA_HOME=str(tmp_path))
    logged = (tmp_path / "ltmc" / "hooks.log").read_text()
    assert ("pass@" in logged, fault in logged) == (False, True), logged
    assert not config.exists()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("POSTGRESQL://ltmc:pass@h/x", "postgresql://ltmc@h/x"),
        ("postgres://ltmc:pa%25ss@h:5433/x?sslmode=require&password=pass", "postgresql://ltmc@h:5433/x"),
        ("postgresql://u%40d:pa?ss#@h/x?options=-csearch_path%3Dname", "postgresql://u%40d@h/x"),
        ("postgresql://[::1]:5,h/x", "postgresql://[::1]:5,h/x"),
        ("postgresql:///x?host=/var/run", "postgresql://%2Fvar%2Frun/x"),
    ],
)
def test_an_address_is_shown_without_its_password(config: Path, address: str, shown: str) -> None:
    pytest.importorskip("psycopg")
    assert not config.exists()
    assert in_force(*startup.load(db=address))["db"] == [shown, "flag"]


@pytest.mark.parametrize(
    "env", [{"XDG_DATA_HOME": "/data"}, {"XDG_DATA_HOME": "data"}, {"XDG_DATA_HOME": "", "HOME": "/nowhere"}]
)
def test_files_are_where_platformdirs_says(
    config: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere/config")
    settings: Settings = load()[0]
    assert settings.db == platformdirs.user_data_path("ltmc", appauthor=False) / "ltmc.db"
    monkeypatch.delenv("LTMC_CONFIG")
    assert load()[1]["db"] == "default"
    assert not config.exists()
