"""Settings: from flags, else the environment (``LTMC_*``), else a TOML file, else the defaults."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ltmc.errors import ErrorCode, LtmcError, shorten

ENV_PREFIX = "LTMC_"
AUTO = "auto"
"""Stands for the project of the repository worked in."""

LONGEST_FILE = 1024 * 1024
"""In bytes, of the TOML file."""

_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,100}")
_EXAMPLES = {
    "roots": '["/home/me/work"]',
    "targets_ms": '{"retrieve_memory": 80}',
    "capture_ignore": '["notes/", "*.pem"]',
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # a drive of Windows is one letter


class Settings(BaseSettings):
    """The settings in force. ``ltmc doctor`` prints them, each with where it came from."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", enable_decoding=False)

    db: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("ltmc", appauthor=False)) / "ltmc.db",
        description="The database file.",
    )
    durability: Literal["full", "normal"] = Field(
        "full", description="full: committed writes survive a power cut; normal: the death of the process."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis for the cache tools, as redis://[user:password@]host:port/db."
    )
    profile: str = Field("all", description="Which tools to offer: all, core, or categories by commas.")
    read_only: bool = Field(False, description="Write nothing, and offer only the tools that read.")
    project: str = Field(
        "default", description="The project of calls that name none; auto: that of the repository worked in."
    )
    transport: Literal["stdio", "http"] = Field("stdio", description="How clients reach the server.")
    http_host: str = Field("127.0.0.1", description="The address to listen on.")
    http_port: int = Field(8765, ge=0, le=65535, description="The port; 0 for any free one.")
    http_public: bool = Field(False, description="Allow an address that other machines reach.")
    http_allowed_hosts: str = Field("", description="Further host names of this server, separated by spaces.")
    http_max_calls: int = Field(256, ge=1, le=10_000, description="Requests that are answered at a time.")
    http_call_seconds: float = Field(60, gt=0, le=3600, description="How long a request may take.")
    roots: list[Path] = Field(
        [], description="Folders in which the files of projects must lie, as a JSON list; none: anywhere."
    )
    targets_ms: dict[str, float] = Field(
        {}, description="Time targets of tools in ms, where they differ from the usual 50, as a JSON object."
    )
    search_mode: Literal["hybrid", "lexical", "semantic"] = Field(
        "hybrid", description="What to search by: words and meaning, words alone, or meaning alone."
    )
    secrets: Literal["off", "warn", "mask", "refuse"] = Field(
        "warn", description="What to do with stored text that looks like a key, a token or a password."
    )
    capture: bool = Field(True, description="Keep what hooks of agents tell of a session.")
    inject: bool = Field(True, description="Have hooks of agents recall: a brief, and what fits a prompt.")
    capture_ignore: list[str] = Field(
        [],
        description="Files that hooks keep nothing of, as a JSON list of patterns like those of .gitignore.",
    )
    log_days: int = Field(90, ge=1, le=36_500, description="How many days the logs of use are kept.")
    log_rows: int = Field(
        100_000, ge=1_000, le=100_000_000, description="How many rows each log of use keeps, the newest."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="What to log, on stderr."
    )

    @field_validator("roots", "targets_ms", "capture_ignore", mode="before")
    @classmethod
    def _decoded(cls, given: Any, field: ValidationInfo) -> Any:
        try:
            return json.loads(given) if isinstance(given, str) else given
        except ValueError:
            raise ValueError(f"allowed: JSON, such as {_EXAMPLES[field.field_name or '']}") from None

    @field_validator("project")
    @classmethod
    def _project_id(cls, name: str) -> str:
        if not _PROJECT.fullmatch(name):
            raise ValueError(f"allowed: 1 to 100 letters, digits, _ or -; or {AUTO}")
        return name

    @field_validator("db", mode="before")
    @classmethod
    def _file(cls, value: Any) -> Any:
        allowed = "allowed: the path of a file, as --db or LTMC_DB"
        if not value or not isinstance(value, str | Path):
            raise ValueError(f"it is no path; {allowed}")
        if scheme := _SCHEME.match(str(value)):
            raise ValueError(f"{scheme[1]} is not supported, the database is SQLite in a file; {allowed}")
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

    @field_validator("roots")
    @classmethod
    def _all_absolute(cls, paths: list[Path]) -> list[Path]:
        try:
            if any("\0" in str(path) for path in paths):
                raise ValueError("a path has no NUL")
            return [path.expanduser().absolute() for path in paths]
        except RuntimeError as error:
            raise ValueError(str(error).rstrip(".")) from None

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: Any) -> Any:
        return level.upper() if isinstance(level, str) else level


def config_file() -> Path:
    """Return the TOML file: ``LTMC_CONFIG``, else ``ltmc.toml`` in the user's configuration folder."""
    named = os.environ.get("LTMC_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("ltmc", appauthor=False)) / "ltmc.toml"


def load(**flags: Any) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force, and for each its origin: flag, environment, the TOML file's path or default.

    Args:
        flags: settings given on the command line; None means not given.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the setting, its value and origin.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    stored = _read_toml(config_file())
    chosen = os.environ.get(f"{ENV_PREFIX}PROJECT", stored.get("project", AUTO))
    if given.get("project") == AUTO and chosen not in (AUTO, "default"):
        del given["project"]  # agents are installed with the flag, and a name that was chosen holds
    origins = dict.fromkeys(Settings.model_fields, "default")
    origins |= dict.fromkeys(stored, str(config_file()))
    origins |= {name: "environment" for name in Settings.model_fields if _environment_has(name)}
    origins |= dict.fromkeys(given, "flag")
    stored = {name: value for name, value in stored.items() if not _environment_has(name)}
    try:
        return Settings(**(stored | given)), origins
    except ValidationError as error:
        raise _refusal(error, origins) from None


def _environment_has(name: str) -> bool:
    return (ENV_PREFIX + name).upper() in {key.upper() for key in os.environ}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for whoever writes into it
            raise ValueError("it is no ordinary file; allowed: a file of TOML")
        if status.st_size > LONGEST_FILE:
            raise ValueError(f"it has {status.st_size} bytes; allowed: {LONGEST_FILE}")
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT, f"Settings file {path}: {error}", field="config"
        ) from None


def _refusal(error: ValidationError, origins: dict[str, str]) -> LtmcError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    if first["type"] == "extra_forbidden":
        why = "is unknown; known: " + ", ".join(Settings.model_fields)
    else:
        shown = "a secret value" if name == "redis_url" else shorten(first["input"])
        if scheme := _SCHEME.match(str(first["input"])):
            shown = f"{scheme[1]}://…"  # what follows may hold a password
        why = f"got {shown}: {first['msg'].removeprefix('Value error, ')}"
    return LtmcError(
        ErrorCode.INVALID_ARGUMENT, f"Setting {name} ({origins.get(name, 'unknown')}) {why}.", field=name
    )
