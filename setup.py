"""Build the C kernel of the sentence model, one plain shared library for every Python, into its package.

Zig's C compiler does it where `ziglang` is installed (the extra `build` has it), else the system's. Zig names the
oldest system that will do, so what is built here loads on other hosts too. With LTMC_TARGET, one of `TARGETS`, it is
built for that platform.
"""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
KERNEL = Path("ltmc", "search", "kernel")
COMMIT_FILE = Path("ltmc", "distribution", "commit.txt")  # which ltmc/distribution/form.py reads
ZIG = "ziglang==0.17.1"
FLAGS = ["-std=gnu11", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-math-errno"]
SO, DYLIB, DLL = "libltmc-kernel.so", "libltmc-kernel.dylib", "ltmc-kernel.dll"
TARGETS = {
    "manylinux_2_17_x86_64": ("x86_64-linux-gnu.2.17", SO),
    "manylinux_2_17_aarch64": ("aarch64-linux-gnu.2.17", SO),
    "musllinux_1_2_x86_64": ("x86_64-linux-musl", SO),
    "musllinux_1_2_aarch64": ("aarch64-linux-musl", SO),
    "macosx_11_0_arm64": ("aarch64-macos.11.0", DYLIB),
    "macosx_10_13_x86_64": ("x86_64-macos.10.13", DYLIB),
    "win_amd64": ("x86_64-windows-gnu", DLL),
}
"""By the wheel's platform: the target of Zig, and the name of the library."""


def host() -> str | None:
    """Return the target of this Python; None when there is none."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    libc = "musl" if "musl" in (sysconfig.get_config_var("SOABI") or "") else "gnu"
    kind = {"linux": f"-linux-{libc}", "darwin": "-macos", "win32": "-windows"}.get(sys.platform, "?")
    return next((tag for tag, (triple, _) in TARGETS.items() if triple.startswith(machine + kind)), None)


GIVEN = os.environ.get("LTMC_TARGET")
if GIVEN and GIVEN not in TARGETS:
    raise SystemExit(f"LTMC_TARGET: got {GIVEN}; allowed: {', '.join(TARGETS)}")
TAG = GIVEN or host()
ZIG_TARGET, LIBRARY = TARGETS.get(TAG, ("", SO))


def has_zig() -> bool:
    """Whether Zig can be used."""
    return bool(ZIG_TARGET) and importlib.util.find_spec("ziglang") is not None


def system_compiler() -> str | None:
    """Return a compiler that knows GCC's vectors."""
    return os.environ.get("CC") or next(filter(shutil.which, ("clang", "gcc", "cc")), None)


def command(target: Path) -> list[str]:
    """Return the command that builds the library."""
    if has_zig():
        # Without a target Zig would use whatever this very processor has.
        compiler = [sys.executable, "-m", "ziglang", "cc", "-target", ZIG_TARGET, "-s"]
    elif GIVEN:
        raise SystemExit(f"for {GIVEN} LTMC's kernel needs Zig: `pip install {ZIG}`")
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
        with tempfile.TemporaryDirectory() as name:  # for Windows Zig writes more than that
            made = Path(name, LIBRARY)
            subprocess.run(command(made), check=True)
            shutil.copyfile(made, target)


class KernelWheel(bdist_wheel):
    """A wheel for every Python of one platform."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return Python, ABI and platform."""
        return "py3", "none", TAG if has_zig() else super().get_tag()[2]


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
    setup_requires=[] if system_compiler() and not GIVEN else [ZIG],
)
