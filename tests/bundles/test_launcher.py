"""What ltmc.pyz says on a Python or host that it does not support."""

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bundles import launcher, lock
from tests import artefacts

SENTENCE = (
    "ltmc.pyz needs CPython 3.11, 3.12, 3.13, 3.14 on 64-bit x86 Linux with glibc 2.28 or newer, and this is "
    "{}; start it with such a Python, or take the form of LTMC that is made for this host.\n"
)


@pytest.mark.parametrize("version", ["2.7", "3.8", "3.10"])
def test_an_old_python_gets_one_sentence(version: str) -> None:
    done = subprocess.run(
        [artefacts.python(version), artefacts.pyz(), "serve"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == SENTENCE.format(f"Python {version}")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(launcher, "PYTHONS", lock.PYTHONS)
    monkeypatch.setattr(launcher, "GLIBC", lock.GLIBC)
    return monkeypatch


def made_for(name: str, host: pytest.MonkeyPatch) -> None:
    platform = next(one for one in lock.PLATFORMS if one.name == name)
    host.setattr(launcher, "PLATFORM", (platform.sys_platform, platform.machine, platform.words))


def test_this_host_is_supported(host: pytest.MonkeyPatch) -> None:
    made_for("linux-x86_64", host)
    assert launcher.unsupported() is None


def refused(_: str) -> str:
    """What musl does."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


@pytest.mark.parametrize(
    ("owner", "name", "value", "words"),
    [
        (sys, "version_info", (3, 15, 0), "Python 3.15"),
        (sys, "implementation", SimpleNamespace(name="pypy"), "pypy"),
        (sys, "abiflags", "t", "a free-threaded Python"),
        (sys, "version", "3.14.0 free-threading build (main)", "a free-threaded Python"),
        (sys, "platform", "darwin", "darwin on x86_64"),
        (os, "uname", lambda: SimpleNamespace(machine="aarch64"), "linux on aarch64"),
        (sys, "maxsize", 2**31 - 1, "linux on x86_64"),
        (os, "confstr", lambda _: "glibc 2.17", "glibc 2.17"),
        (os, "confstr", lambda _: None, "a C library other than glibc"),
        (os, "confstr", refused, "a C library other than glibc"),
    ],
)
def test_another_host_is_named(
    host: pytest.MonkeyPatch, owner: object, name: str, value: object, words: str
) -> None:
    made_for("linux-x86_64", host)
    host.setattr(owner, name, value)
    assert launcher.unsupported() == words


@pytest.mark.parametrize(
    ("system", "machine", "build", "name"),
    [
        ("linux", "aarch64", "GCC 12.2.0", "linux-arm64"),
        ("darwin", "arm64", "Clang 17.0.0", "macos-arm64"),
        ("darwin", "x86_64", "Clang 17.0.0", None),
        ("win32", None, "MSC v.1942 64 bit (AMD64)", "windows-x64"),
        ("win32", None, "MSC v.1942 64 bit (ARM64)", None),
        ("win32", None, "MSC v.1942 32 bit (Intel)", None),
    ],
)
def test_each_file_is_for_its_platform_alone(
    host: pytest.MonkeyPatch, system: str, machine: str | None, build: str, name: str | None
) -> None:
    host.setattr(sys, "platform", system)
    host.setattr(sys, "version", f"3.13.1 (main) [{build}]")
    if machine is None:
        host.delattr(os, "uname")
        host.delattr(sys, "abiflags")
    else:
        host.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    for platform in lock.PLATFORMS:
        made_for(platform.name, host)
        assert (launcher.unsupported() is None) == (platform.name == name), platform.name


def test_the_sentence_names_the_file_and_what_it_is_made_for(
    host: pytest.MonkeyPatch,
) -> None:
    made_for("macos-arm64", host)
    host.setattr(sys, "argv", ["/some/where/ltmc-macos-arm64.pyz", "serve"])
    with pytest.raises(SystemExit) as ended:
        launcher.main()
    assert str(ended.value) == (
        "ltmc-macos-arm64.pyz needs CPython 3.11, 3.12, 3.13, 3.14 on a Mac with Apple silicon, and this is linux on "
        "x86_64; start it with such a Python, or take the form of LTMC that is made for this host."
    )
