"""The lock file: one version of each package, with the hashes of its files, for every supported Python."""

import platform as running
import re
import sys
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
    """A platform that LTMC is built for.

    Attributes:
        name: as ``--platform`` has it.
        words: what the launcher calls it.
        tags: its wheel tags, the preferred one first; pip takes them in this order.
        own: the tag of LTMC's own wheel, for which `setup.py` compiles the kernel.
        sys_platform: as Python calls the system.
        machine: as the launcher calls the processor.
        environment: the values of the other environment markers that depend on the platform.
        binary: the format and processor of its libraries, as `inspection.binary` names them.
    """

    name: str
    words: str
    tags: tuple[str, ...]
    own: str
    sys_platform: str
    machine: str
    environment: dict[str, str]
    binary: str

    @property
    def stem(self) -> str:
        """What the names of the files for it begin with: those for this host are called like LTMC itself."""
        return "ltmc" if self == host() else f"ltmc-{self.name}"


GLIBC = (2, 28)
"""The oldest glibc that every wheel runs on: that of Debian 10, RHEL 8 and Ubuntu 20.04."""


def _linux(name: str, words: str, machine: str, older: tuple[str, ...] = ()) -> Platform:
    return Platform(
        name=name,
        words=f"{words} Linux with glibc {GLIBC[0]}.{GLIBC[1]} or newer",
        tags=(
            *(f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[1], 16, -1)),
            f"manylinux2014_{machine}",
            *(f"{tag}_{machine}" for tag in older),
        ),
        own=f"manylinux_2_17_{machine}",
        sys_platform="linux",
        machine=machine,
        environment={"os_name": "posix", "platform_system": "Linux", "platform_machine": machine},
        binary=f"ELF {machine}",
    )


LINUX_X86_64 = _linux(
    "linux-x86_64",
    "64-bit x86",
    "x86_64",
    ("manylinux_2_12", "manylinux2010", "manylinux_2_5", "manylinux1"),
)

PLATFORMS = (
    LINUX_X86_64,
    _linux("linux-arm64", "64-bit ARM", "aarch64"),
    Platform(
        name="macos-arm64",
        words="a Mac with Apple silicon",
        tags=(
            "macosx_11_0_arm64",
            "macosx_11_0_universal2",
            *(f"macosx_10_{minor}_universal2" for minor in range(16, 8, -1)),
        ),
        own="macosx_11_0_arm64",
        sys_platform="darwin",
        machine="arm64",
        environment={"os_name": "posix", "platform_system": "Darwin", "platform_machine": "arm64"},
        binary="Mach-O arm64",
    ),
    Platform(
        name="windows-x64",
        words="64-bit x86 Windows",
        tags=("win_amd64",),
        own="win_amd64",
        sys_platform="win32",
        machine="amd64",
        environment={"os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
        binary="PE x86_64",
    ),
)


def host() -> Platform | None:
    """Return the platform that this runs on; None when nothing is built for it."""
    here = (sys.platform, running.machine().lower())
    return next((one for one in PLATFORMS if (one.sys_platform, one.machine) == here), None)


PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
"""The versions of CPython that ltmc.pyz runs on."""


def requirements(python: tuple[int, int], platform: Platform = LINUX_X86_64, lock: Path = LOCK) -> str:
    """Return the lines of `lock` that hold for `python` on `platform`, with their hashes and without markers.

    Markers are settled here because pip takes them from the Python that runs it, whatever
    ``--python-version`` says. The patch release counts as 0: what any release of `python` may need is in.
    """
    version = ".".join(map(str, python))
    environment = platform.environment | {
        "sys_platform": platform.sys_platform,
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
