"""The program in one file: a small launcher, the archive of the program in a folder, and a record of both."""

import hashlib
import os
import platform
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("launcher")
CACHE = Path(__file__).parents[1] / "build" / "zig"
"""What Zig compiles of its own C library, which takes it half a minute, is kept here."""
END = struct.Struct("<4Q16s16s")
"""`struct end` of launcher.c: offset and size of the archive, files and bytes in it, digest, magic."""
MAGIC = b"ltmc-in-one-file"
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
SYSTEM = {"linux": "linux-musl", "darwin": "macos"}
"""Zig's names of the systems; with musl the launcher needs nothing of a host, and can say what the program lacks."""


def write(archive: Path, target: Path) -> None:
    """Write the program in one file.

    Args:
        archive: a .tar.gz with the program in a folder.

    Raises:
        subprocess.CalledProcessError: the launcher could not be compiled; why is on stderr.
    """
    with tempfile.TemporaryDirectory() as name:
        launcher = compile_launcher(Path(name)).read_bytes()
    with tarfile.open(archive) as packed:
        sizes = [entry.size for entry in packed if entry.isfile()]
    content = archive.read_bytes()
    digest = hashlib.blake2b(content, digest_size=8).hexdigest().encode()
    end = END.pack(len(launcher), len(content), len(sizes), sum(sizes), digest, MAGIC)
    target.write_bytes(launcher + content + end)
    target.chmod(0o755)


def compile_launcher(scratch: Path, target: str | None = None) -> Path:
    """Compile the launcher into a folder, with the Zig of the extra `build`; the file.

    Args:
        target: as Zig names it; this host by default.
    """
    aim = ["-target", target or f"{MACHINE}-{SYSTEM[sys.platform]}"]
    unpack, launcher = scratch / "unpack.o", scratch / "launcher"
    zig = [sys.executable, "-m", "ziglang"]
    commands = (
        [
            "build-obj",
            *aim,
            "-O",
            "ReleaseFast",
            "-fstrip",
            str(SOURCE / "unpack.zig"),
            f"-femit-bin={unpack}",
        ],
        ["cc", *aim, "-Os", "-s", "-std=gnu11", str(SOURCE / "launcher.c"), str(unpack), "-o", str(launcher)],
    )
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(CACHE), "ZIG_LOCAL_CACHE_DIR": str(CACHE)}
    for command in commands:
        subprocess.run([*zig, *command], check=True, cwd=scratch, env=environment)
    return launcher
