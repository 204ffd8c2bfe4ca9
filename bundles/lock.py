"""The lock file: one version of each package, with the hashes of its files, for every supported Python."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

LOCK = Path(__file__).with_name("requirements.lock")
BUILD_TOOLS = LOCK.with_name("build-tools.lock")
"""The environment in which a release is built: what is shipped, and the tools of the extra `build`."""
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
"""The versions of the lock file without hashes, for pip to install the same where tests run."""

_COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that wheels are fetched for.

    Attributes:
        tags: its wheel tags, the preferred one first; pip takes them in this order.
        environment: the values of the environment markers that depend on the platform.
    """

    tags: tuple[str, ...]
    environment: dict[str, str]


GLIBC = (2, 28)
"""The oldest glibc that every wheel runs on: that of Debian 10, RHEL 8 and Ubuntu 20.04."""

LINUX_X86_64 = Platform(
    tags=(
        *(f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC[1], 16, -1)),
        "manylinux2014_x86_64",
        "manylinux_2_12_x86_64",
        "manylinux2010_x86_64",
        "manylinux_2_5_x86_64",
        "manylinux1_x86_64",
    ),
    environment={
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
    },
)

PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
"""The versions of CPython that ltmc.pyz runs on."""


def requirements(python: tuple[int, int], platform: Platform = LINUX_X86_64, lock: Path = LOCK) -> str:
    """Return the lines of `lock` that hold for `python` on `platform`, with their hashes and without markers.

    Markers are settled here because pip takes them from the Python that runs it, whatever
    ``--python-version`` says. The patch release counts as 0: what any release of `python` may need is in.
    """
    version = ".".join(map(str, python))
    environment = platform.environment | {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_name": "cpython",
        "implementation_version": f"{version}.0",
        "platform_python_implementation": "CPython",
    }
    chosen = []
    for head, hashes in entries(lock):
        requirement = Requirement(head)
        if requirement.marker is None or Marker(str(requirement.marker)).evaluate(environment):
            chosen.append(f"{requirement.name}{requirement.specifier} \\\n{hashes}")
    return "\n".join(chosen)


def constraints() -> str:
    """Return what `CONSTRAINTS` is to hold."""
    return "".join(f"{head}\n" for head, _ in entries(LOCK))


def entries(lock: Path) -> Iterator[tuple[str, str]]:
    """Yield the requirement and the lines with the hashes of each entry of a lock file."""
    for entry in re.split(r"\n(?=\S)", _COMMENT.sub("", lock.read_text("utf-8"))):
        if entry.strip():
            head, _, hashes = entry.partition(" \\\n")
            yield head, hashes


if __name__ == "__main__":
    CONSTRAINTS.write_text(constraints(), "utf-8")
