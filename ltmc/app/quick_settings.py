"""The few settings that a hook needs, read without what checks all of them: that takes longer than the hook.

They come from where `ltmc.settings` takes them: the environment, else the TOML file, else the defaults.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ltmc.errors import invalid
from ltmc.tools.project_scope import DEFAULT_PROJECT

_YES, _NO = {"1", "true", "t", "yes", "y", "on"}, {"0", "false", "f", "no", "n", "off"}


class QuickSettings(NamedTuple):
    """See the fields of `ltmc.settings.Settings`."""

    db: Path
    project: str
    read_only: bool
    capture: bool
    inject: bool
    capture_ignore: list[str]


def load() -> QuickSettings:
    """Return the settings in force.

    Raises:
        LtmcError: INVALID_ARGUMENT for a value that these settings cannot have.
    """
    given = _file() | {
        name.lower().removeprefix("ltmc_"): value
        for name, value in os.environ.items()
        if name.upper().startswith("LTMC_")
    }
    db = given.get("db") or default_db()
    ignore = given.get("capture_ignore", [])
    if isinstance(ignore, str):
        try:
            ignore = json.loads(ignore)
        except ValueError:
            raise invalid("capture_ignore", ignore, "JSON, a list of patterns") from None
    if not isinstance(ignore, list) or not all(isinstance(one, str) for one in ignore):
        raise invalid("capture_ignore", ignore, "a list of patterns")
    return QuickSettings(
        Path(os.path.realpath(Path(db).expanduser().absolute())),
        str(given.get("project", DEFAULT_PROJECT)),
        _flag(given, "read_only", default=False),
        _flag(given, "capture", default=True),
        _flag(given, "inject", default=True),
        ignore,
    )


def default_db() -> Path:
    """Return the database file where none is named."""
    return _user_folder("data", "XDG_DATA_HOME", ".local/share") / "ltmc.db"


def _user_folder(kind: str, variable: str, usual: str) -> Path:
    """Return what platformdirs says, which takes longer to load than to ask on Linux."""
    named, home = os.environ.get(variable, ""), os.environ.get("HOME", "")
    if sys.platform != "linux" or not os.path.isabs(home):  # noqa: PTH117 - the fastest
        import platformdirs

        find = platformdirs.user_data_path if kind == "data" else platformdirs.user_config_path
        return find("ltmc", appauthor=False)
    return Path(named if os.path.isabs(named) else f"{home}/{usual}", "ltmc")  # noqa: PTH117


def _flag(given: dict[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    word = str(value).lower()
    if word not in _YES | _NO:
        raise invalid(name, value, "true, false")
    return word in _YES


def _file() -> dict[str, Any]:
    named = os.environ.get("LTMC_CONFIG")
    path = Path(named) if named else _user_folder("config", "XDG_CONFIG_HOME", ".config") / "ltmc.toml"
    if not path.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise invalid("config", str(path), f"a file of TOML ({error})") from None
