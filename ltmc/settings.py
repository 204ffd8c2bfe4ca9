"""Settings: from flags, else the environment (``LTMC_*``), else a TOML file, else the defaults.

They are read before a server answers its first message and before each hook, so nothing slow is imported here.
"""

import json
import math
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ltmc.errors import ErrorCode, LtmcError, shorten

ENV_PREFIX = "LTMC_"
AUTO = "auto"
"""Stands for the project of the repository worked in."""

LONGEST_FILE = 1024 * 1024
"""In bytes, of the TOML file."""

LONGEST_SHOWN = 200
"""How many characters of a value that is wrong are shown."""

_YES, _NO = {"1", "true", "t", "yes", "y", "on"}, {"0", "false", "f", "no", "n", "off"}
PROJECT = re.compile(r"[A-Za-z0-9_-]{1,100}")
PROJECT_PATTERN = PROJECT.pattern
"""What the id of a project is."""

_POSTGRES = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # a drive of Windows is one letter


class Settings(NamedTuple):
    """The settings in force. ``ltmc doctor`` prints them, each with where it came from.

    Attributes:
        db: the database file, or the address of a PostgreSQL database, as postgresql://user@host/name.
        durability: full: committed writes survive a power cut; normal: the death of the process.
        redis_url: Redis for the cache tools, as redis://[user:password@]host:port/db.
        profile: which tools to offer: all, core, lean, or categories by commas.
        read_only: write nothing, and offer only the tools that read.
        project: the project of calls that name none; auto: that of the repository worked in.
        transport: how clients reach the server: stdio or http.
        http_host: the address to listen on.
        http_port: the port; 0 for any free one.
        http_public: allow an address that other machines reach.
        http_allowed_hosts: further host names of this server, separated by spaces.
        http_max_calls: requests that are answered at a time.
        http_call_seconds: how long a request may take.
        http_drain_seconds: how long a server that is asked to end still takes requests, while its health says so.
        http_calls_per_minute: how many requests a minute each token may send; 0: any number.
        oauth_issuer: whose tokens are taken too, as the issuer's address; none: no OAuth.
        oauth_resource: the address that clients have for this server, such as https://memory.example.org/mcp.
        oauth_audience: what tokens of the issuer must be for, if not oauth_resource.
        oauth_jwks_url: where the issuer's keys are, if the issuer does not say so itself.
        oauth_algorithm: how tokens of the issuer are signed.
        roots: folders in which the files of projects must lie; none: anywhere.
        targets_ms: time targets of tools in ms, where they differ from the usual 50.
        search_mode: what to search by: words and meaning (hybrid), lexical or semantic alone.
        secrets: what to do with stored text that looks like a key, a token or a password: off, warn, mask, refuse.
        capture: keep what hooks of agents tell of a session.
        inject: have hooks of agents recall: a brief, and what fits a prompt.
        capture_ignore: files that hooks keep nothing of, as patterns like those of .gitignore.
        log_days: how many days the logs of use are kept.
        log_rows: how many rows each log of use keeps, the newest.
        log_level: what to log, on stderr.
        postgres_url: the address that db gave; db is then the file in whose folder lies what belongs to this host.
    """

    db: Path
    durability: Literal["full", "normal"] = "full"
    redis_url: str | None = None
    profile: str = "all"
    read_only: bool = False
    project: str = AUTO
    transport: Literal["stdio", "http"] = "stdio"
    http_host: str = "127.0.0.1"
    http_port: int = 8765
    http_public: bool = False
    http_allowed_hosts: str = ""
    http_max_calls: int = 256
    http_call_seconds: float = 60.0
    http_drain_seconds: float = 0.0
    http_calls_per_minute: int = 0
    oauth_issuer: str | None = None
    oauth_resource: str | None = None
    oauth_audience: str | None = None
    oauth_jwks_url: str | None = None
    oauth_algorithm: str = "RS256"
    roots: tuple[Path, ...] = ()
    targets_ms: Mapping[str, float] = {}
    search_mode: Literal["hybrid", "lexical", "semantic"] = "hybrid"
    secrets: Literal["off", "warn", "mask", "refuse"] = "warn"
    capture: bool = True
    inject: bool = True
    capture_ignore: tuple[str, ...] = ()
    log_days: int = 90
    log_rows: int = 100_000
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    postgres_url: str | None = None

    def has_database(self) -> bool:
        """Return whether there may be something stored: PostgreSQL says so when it is asked."""
        return self.postgres_url is not None or self.db.exists()


def config_file() -> Path:
    """Return the TOML file: ``LTMC_CONFIG``, else ``ltmc.toml`` in the user's configuration folder."""
    named = os.environ.get("LTMC_CONFIG")
    return Path(named) if named else _user_folder("config", "XDG_CONFIG_HOME", ".config") / "ltmc.toml"


def default_db() -> Path:
    """Return the database file where none is named."""
    return _user_folder("data", "XDG_DATA_HOME", ".local/share") / "ltmc.db"


def load(**flags: Any) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force, and for each its origin: flag, environment, the TOML file's path or default.

    Args:
        flags: settings given on the command line; None means not given.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the setting, its value and origin.
    """
    environment = {
        name.lower().removeprefix("ltmc_"): value
        for name, value in os.environ.items()
        if name.upper().startswith(ENV_PREFIX)
    }
    environment = {name: value for name, value in environment.items() if name in _READERS}
    if environment.get("project") == "":  # as agents fill in `${LTMC_PROJECT:-}` where nothing names one
        del environment["project"]
    given = {name: value for name, value in flags.items() if value is not None}
    stored = _read_toml(config_file())
    origins = dict.fromkeys(Settings._fields, "default")
    origins |= dict.fromkeys(stored, str(config_file()))
    origins |= dict.fromkeys(environment, "environment")
    origins |= dict.fromkeys(given, "flag")
    found: dict[str, Any] = {}
    for name, value in ({"db": default_db()} | stored | environment | given).items():
        if name not in _READERS:
            raise _refusal(name, origins, "is unknown; known: " + ", ".join(_READERS))
        try:
            found[name] = _READERS[name](value)
        except (ValueError, RecursionError) as error:
            raise _refusal(name, origins, f"got {_shown(name, value)}: {error}") from None
    if isinstance(found["db"], str):
        found |= {"postgres_url": found["db"], "db": default_db()}
        origins["postgres_url"] = origins["db"]
    return Settings(**found), origins


def _refusal(name: str, origins: dict[str, str], why: str) -> LtmcError:
    return LtmcError(
        ErrorCode.INVALID_ARGUMENT, f"Setting {name} ({origins.get(name, 'unknown')}) {why}.", field=name
    )


def _shown(name: str, value: Any) -> str:
    if name == "redis_url":
        return "a secret value"
    scheme = _SCHEME.match(str(value))
    return f"{scheme[1]}://…" if scheme else shorten(value, LONGEST_SHOWN)  # what follows may hold a password


def _user_folder(kind: str, variable: str, usual: str) -> Path:
    """Return what platformdirs says, which takes longer to load than to ask on Linux."""
    named, home = os.environ.get(variable, ""), os.environ.get("HOME", "")
    if sys.platform != "linux" or not os.path.isabs(home):  # noqa: PTH117 - the fastest
        import platformdirs

        find = platformdirs.user_data_path if kind == "data" else platformdirs.user_config_path
        return find("ltmc", appauthor=False)
    return Path(named if os.path.isabs(named) else f"{home}/{usual}", "ltmc")  # noqa: PTH117


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for whoever writes into it
            raise ValueError("it is no ordinary file; allowed: a file of TOML")
        if status.st_size > LONGEST_FILE:
            raise ValueError(f"it has {status.st_size} bytes; allowed: {LONGEST_FILE}")
        import tomllib

        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT, f"Settings file {path}: {error}", field="config"
        ) from None


# How a setting is read from a flag, from text of the environment and from a value of TOML. Each raises a
# ValueError that says what is allowed.


def _database(value: Any) -> Path | str:
    allowed = "allowed: the path of a file or postgresql://user@host/name, as --db or LTMC_DB"
    if isinstance(value, str) and _POSTGRES.match(value):
        if "\0" in value:
            raise ValueError(f"an address has no NUL; {allowed}")
        return _POSTGRES.sub("postgresql://", value, count=1)
    if not value or not isinstance(value, str | Path):
        raise ValueError(f"it is no path; {allowed}")
    if scheme := _SCHEME.match(str(value)):
        raise ValueError(f"{scheme[1]} is not supported; {allowed}")
    try:
        path = Path(value).expanduser().absolute()
    except RuntimeError:
        path = Path(os.devnull, value)
    if path.is_relative_to(os.devnull):
        raise ValueError(f"there is no such home folder; {allowed}")
    if "\0" in str(path):
        raise ValueError(f"a path has no NUL; {allowed}")
    # SQLite keeps the log beside the file itself, not beside a link to it.
    path = Path(os.path.realpath(path))
    if os.path.isdir(path):  # noqa: PTH112 - False also where it cannot be looked at
        raise ValueError(f"it is a folder; {allowed}")
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        raise ValueError(f"it is no ordinary file; {allowed}")
    return path


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("allowed: text")  # noqa: TRY004 - what a reader raises
    return value


def _redis_url(value: Any) -> str:
    from urllib.parse import urlsplit

    allowed = "allowed: redis://host:port/number, rediss:// or unix:///path"
    try:
        parts = urlsplit(_text(value))
        known = parts.scheme in ("redis", "rediss", "unix") and parts.port != 0
    except ValueError:  # which may repeat a password
        known = False
    if not known:
        raise ValueError(allowed)
    return str(value)


def _web_address(value: Any) -> str:
    from urllib.parse import urlsplit

    allowed = (
        "allowed: https://host/path, or http:// for a host of this machine, without user, query or fragment"
    )
    try:
        parts = urlsplit(_text(value))
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(allowed) from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost"))
    if not host or not secure or "@" in parts.netloc or set(str(value)) & set("?#\\ "):
        raise ValueError(allowed)
    return str(value)


def _project_id(value: Any) -> str:
    if not isinstance(value, str) or not PROJECT.fullmatch(value):
        raise ValueError(f"allowed: 1 to 100 letters, digits, _ or -; or {AUTO}")
    return value


def _flag(value: Any) -> bool:
    word = str(value).lower()
    if word not in _YES | _NO:
        raise ValueError("allowed: true, false")
    return word in _YES


def _one_of(*allowed: str, upper: bool = False) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        word = value.upper() if upper and isinstance(value, str) else value
        if word not in allowed:
            raise ValueError(f"allowed: {', '.join(allowed)}")
        return str(word)

    return read


def _number(low: float, high: float, *, whole: bool = True) -> Callable[[Any], Any]:
    kind = int if whole else float

    def read(value: Any) -> float:
        try:
            found = kind(value) if not isinstance(value, bool) else math.nan
        except (ValueError, TypeError, OverflowError):
            found = math.nan
        if not low <= found <= high or (whole and isinstance(value, float) and found != value):
            raise ValueError(f"allowed: {'a whole number' if whole else 'a number'}, {low} to {high}")
        return found

    return read


def _decoded(value: Any, kind: type, what: str, example: str) -> Any:
    """Return a list or dictionary, which the environment gives as JSON."""
    allowed = f"allowed: a {what}, such as {example}"
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"it is no JSON; {allowed}") from None
    if not isinstance(value, kind):
        raise ValueError(f"it is no {what.partition(' ')[0]}; {allowed}")  # noqa: TRY004 - what a reader raises
    return value


def _folders(value: Any) -> tuple[Path, ...]:
    what, example = "list of folders", '["/home/me/work"]'
    found = []
    for one in _decoded(value, list, what, example):
        if not isinstance(one, str) or "\0" in one:
            raise ValueError(f"{shorten(one)} is no path; allowed: a {what}, such as {example}")
        try:
            found.append(Path(one).expanduser().absolute())
        except RuntimeError as error:
            raise ValueError(str(error).rstrip(".")) from None
    return tuple(found)


def _patterns(value: Any) -> tuple[str, ...]:
    what, example = "list of patterns", '["notes/", "*.pem"]'
    found = _decoded(value, list, what, example)
    if not all(isinstance(one, str) for one in found):
        raise ValueError(f"allowed: a {what}, such as {example}")
    return tuple(found)


def _targets(value: Any) -> dict[str, float]:
    what, example = "dictionary of numbers", '{"retrieve_memory": 80}'
    found = _decoded(value, dict, what, example)
    try:
        return {str(name): float(target) for name, target in found.items()}
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"allowed: a {what}, such as {example}") from None


_READERS: dict[str, Callable[[Any], Any]] = {
    "db": _database,
    "durability": _one_of("full", "normal"),
    "redis_url": _redis_url,
    "profile": _text,
    "read_only": _flag,
    "project": _project_id,
    "transport": _one_of("stdio", "http"),
    "http_host": _text,
    "http_port": _number(0, 65_535),
    "http_public": _flag,
    "http_allowed_hosts": _text,
    "http_max_calls": _number(1, 10_000),
    "http_call_seconds": _number(0.001, 3_600, whole=False),
    "http_drain_seconds": _number(0, 300, whole=False),
    "http_calls_per_minute": _number(0, 1_000_000),
    "oauth_issuer": _web_address,
    "oauth_resource": _web_address,
    "oauth_audience": _text,
    "oauth_jwks_url": _web_address,
    "oauth_algorithm": _one_of(
        "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"
    ),
    "roots": _folders,
    "targets_ms": _targets,
    "search_mode": _one_of("hybrid", "lexical", "semantic"),
    "secrets": _one_of("off", "warn", "mask", "refuse"),
    "capture": _flag,
    "inject": _flag,
    "capture_ignore": _patterns,
    "log_days": _number(1, 36_500),
    "log_rows": _number(1_000, 100_000_000),
    "log_level": _one_of("DEBUG", "INFO", "WARNING", "ERROR", upper=True),
}
