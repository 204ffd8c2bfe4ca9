"""Settings: from flags, else the environment (``LTMC_*``), else a TOML file, else the defaults."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ltmc.errors import ErrorCode, LtmcError, shorten

ENV_PREFIX = "LTMC_"


class Settings(BaseSettings):
    """The settings in force. ``ltmc doctor`` prints them, each with where it came from."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid")

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
    read_only: bool = Field(False, description="Offer only the tools that change nothing.")
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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="What to log, on stderr."
    )

    @field_validator("db")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

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
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
        why = f"got {shown}: {first['msg']}"
    return LtmcError(
        ErrorCode.INVALID_ARGUMENT, f"Setting {name} ({origins.get(name, 'unknown')}) {why}.", field=name
    )
