"""Debian's Python for 64-bit ARM, on a host that is something else: fetched with apt, unpacked, and run by QEMU."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.conftest import unavailable

ROOT = Path(__file__).parents[1] / "build" / "debian-arm64"
LIBRARIES = "aarch64-linux-gnu"


@cache
def python() -> list[str]:
    """The command of the emulated Python. It sees the files of this host; programs of its own kind it cannot start."""
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        unavailable("there is no emulator of ARM: qemu-user-static")
    if not ROOT.exists():
        _fetch()
    (program,) = (
        path for path in ROOT.glob("usr/bin/python3.*") if path.name.count(".") == 1 and "-" not in path.name
    )
    folders = ":".join(str(ROOT / place / LIBRARIES) for place in ("lib", "usr/lib"))
    return [
        *("/usr/bin/env", f"PYTHONHOME={ROOT / 'usr'}"),
        *(
            str(emulator),
            str(ROOT / "lib" / "ld-linux-aarch64.so.1"),
            "--library-path",
            folders,
            str(program),
        ),
    ]


def version() -> str:
    """The version of that Python, such as 3.11."""
    return Path(python()[-1]).name.removeprefix("python")


def _fetch() -> None:
    """Unpack python3 and all that it needs into `ROOT`: 38 packages, in ten seconds."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        unavailable("Debian's packages cannot be fetched: there is no apt-get")
    ROOT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT.parent) as name:
        state = Path(name)
        for folder in ("lists/partial", "cache/archives/partial", "root"):
            (state / folder).mkdir(parents=True)
        (state / "status").touch()  # nothing is installed, so all that is needed is fetched
        settings = [
            *("APT::Architecture=arm64", "APT::Architectures=arm64", "APT::Sandbox::User=root"),
            *("APT::Install-Recommends=false", "Acquire::Languages=none", f"Dir::State={state}"),
            *(
                f"Dir::State::lists={state}/lists",
                f"Dir::State::status={state}/status",
                f"Dir::Cache={state}/cache",
            ),
        ]
        apt = ["apt-get", "-qq", "-y", *(f"--option={setting}" for setting in settings)]
        try:
            for command in (["update"], ["install", "--download-only", "python3"]):
                subprocess.run([*apt, *command], check=True, capture_output=True, text=True, timeout=300)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            unavailable(f"Debian's packages for ARM cannot be fetched: {error.stderr}")
        for package in (state / "cache" / "archives").glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, state / "root"], check=True)
        (state / "root").rename(ROOT)
