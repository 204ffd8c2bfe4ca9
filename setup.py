"""Build the C kernel of the sentence model, one plain shared library for every Python, into its package.

Zig's C compiler does it where `ziglang` is installed (the extra `build` has it), else the system's. Zig names the
oldest glibc that will do, so what is built here loads on other hosts too.
"""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
KERNEL = Path("ltmc", "search", "kernel")
COMMIT_FILE = Path("ltmc", "distribution", "commit.txt")  # which ltmc/distribution/form.py reads
LIBRARY = {"darwin": "libltmc-kernel.dylib", "win32": "ltmc-kernel.dll"}.get(
    sys.platform, "libltmc-kernel.so"
)
ZIG = "ziglang==0.17.1"
FLAGS = ["-std=gnu11", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-math-errno"]
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
GLIBC = "2.17"
ZIG_TARGET = {"linux": f"linux-gnu.{GLIBC}", "darwin": "macos", "win32": "windows-gnu"}


def has_zig() -> bool:
    """Whether Zig can be used."""
    return importlib.util.find_spec("ziglang") is not None and sys.platform in ZIG_TARGET


def system_compiler() -> str | None:
    """Return a compiler that knows GCC's vectors."""
    return os.environ.get("CC") or next(filter(shutil.which, ("clang", "gcc", "cc")), None)


def command(target: Path) -> list[str]:
    """Return the command that builds the library."""
    if has_zig():
        # Without a target Zig would use whatever this very processor has.
        triple = f"{MACHINE}-{ZIG_TARGET[sys.platform]}"
        compiler = [sys.executable, "-m", "ziglang", "cc", "-target", triple, "-s"]
    elif found := system_compiler():
        compiler = [*found.split(), "-ffp-contract=on"] if "clang" in found else found.split()
    else:
        raise SystemExit(f"LTMC's kernel needs a C compiler: install gcc or clang, or `pip install {ZIG}`")
    return [*compiler, *FLAGS, str(ROOT / KERNEL / "kernel.c"), "-o", str(target)]


def commit() -> str:
    """Return the commit that is built: as git says, or as the source distribution says."""
    if given := os.environ.get("LTMC_COMMIT"):
        return given
    if (ROOT / ".git").exists():
        git = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        told = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
        return told.stdout.strip()
    return (ROOT / COMMIT_FILE).read_text("utf-8") if (ROOT / COMMIT_FILE).exists() else ""


def note_commit(folder: Path) -> None:
    """Write the commit, where it is known, into a folder to which the packages were copied."""
    if found := commit():
        (folder / COMMIT_FILE).write_text(found.strip() + "\n", "utf-8")


class BuildPackages(build_py):
    """Note the commit beside the packages."""

    def run(self) -> None:
        """Copy them."""
        super().run()
        if not self.editable_mode:
            note_commit(Path(self.build_lib))


class SourceDistribution(sdist):
    """Note the commit in it."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files."""
        super().make_release_tree(base_dir, files)
        note_commit(Path(base_dir))


class BuildKernel(build_ext):
    """Compile one file to a library whose name says nothing of a Python."""

    def get_ext_filename(self, ext_name: str) -> str:
        """Return its path below the folder of its package, or of all packages, as `ext_name` is dotted or not."""
        return str(Path(*ext_name.split(".")[:-1], LIBRARY))

    def build_extension(self, ext: Extension) -> None:
        """Compile."""
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(command(target), check=True)


class KernelWheel(bdist_wheel):
    """A wheel for every Python of one platform."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return Python, ABI and platform."""
        tag = super().get_tag()[2]
        if has_zig() and tag.startswith("linux_"):
            tag = f"manylinux_{GLIBC.replace('.', '_')}_{MACHINE}"
        return "py3", "none", tag


setup(
    ext_modules=[
        Extension(
            "ltmc.search.kernel.library",
            [str(KERNEL / "kernel.c")],
            depends=[str(path.relative_to(ROOT)) for path in sorted((ROOT / KERNEL).glob("*.h"))],
        )
    ],
    cmdclass={
        "build_py": BuildPackages,
        "build_ext": BuildKernel,
        "bdist_wheel": KernelWheel,
        "sdist": SourceDistribution,
    },
    setup_requires=[] if system_compiler() else [ZIG],
)
