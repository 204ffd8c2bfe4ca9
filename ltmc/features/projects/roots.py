"""Which folders may hold a project: not the home folder, not what is hidden in it, not the system's."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ALLOWED = (
    "a folder with your files, such as /home/me/work, whose path has no name that begins with a dot; any other "
    "if the setting roots (LTMC_ROOTS) names it"
)

_SYSTEM = (
    "/bin /boot /dev /etc /lib /lib32 /lib64 /proc /root /run /sbin /sys /usr /var /Library /System".split()
)
_SHARED = "/Applications /Users /Volumes /home /media /mnt /opt /srv".split()
"""Folders that are no project themselves; those inside may be one."""

_WINDOWS = "SystemRoot ProgramFiles ProgramFiles(x86) ProgramData".split()
"""The variables of Windows that name its folders."""

_ORDINARY = "/run/media /usr/src /var/folders /var/tmp".split()
"""Folders inside of the system's in which people keep files."""


def why_refused(folder: Path, bounds: Sequence[Path]) -> str | None:
    """Return why a resolved folder may not be a project's; None when it may.

    Args:
        bounds: the folders of the setting ``roots``; one of them is allowed itself, whatever it is.
    """
    if folder in bounds:
        return None
    home = _home()
    if folder == folder.parent:
        return "it is the root of the file system"
    if folder in _resolved(*_SHARED):
        return "it holds more than one project or person"
    if home is not None and home.is_relative_to(folder):
        return "it is the home folder" if home == folder else f"the home folder {home} lies in it"
    known = [Path(folder.anchor), *bounds, *_resolved(*_ORDINARY), *([home] if home else [])]
    top = max((one for one in known if folder.is_relative_to(one)), key=lambda one: len(one.parts))
    systems = [one for one in _resolved(*_SYSTEM, *_of_windows()) if folder.is_relative_to(one)]
    if systems and not any(top.is_relative_to(system) for system in systems):
        return f"{systems[0]} belongs to the system"
    hidden = [part for part in folder.relative_to(top).parts if part.startswith(".")]
    return f"{hidden[0]!r} begins with a dot" if hidden else None


def _home() -> Path | None:
    try:
        return Path(os.path.realpath(Path.home()))
    except RuntimeError:  # nobody knows it
        return None


def _of_windows() -> Iterator[str]:
    return (os.environ[name] for name in _WINDOWS if name in os.environ)


@cache
def _resolved(*folders: str) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(Path(os.path.realpath(folder)) for folder in folders))
