"""What ltmc.pyz says on a Python or host that it does not support."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bundles import launcher, lock
from tests import artefacts

SENTENCE = (
    "ltmc.pyz needs CPython 3.11, 3.12, 3.13, 3.14 on 64-bit x86 Linux with glibc 2.28 or newer, and this is "
    "{}; start it with such a Python, or use the ltmc program, which brings its own.\n"
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


def test_this_host_is_supported(host: pytest.MonkeyPatch) -> None:
    assert launcher.unsupported() is None


@pytest.mark.parametrize(
    ("owner", "name", "value", "words"),
    [
        (sys, "version_info", (3, 15, 0), "Python 3.15"),
        (sys, "implementation", SimpleNamespace(name="pypy"), "pypy"),
        (sys, "abiflags", "t", "a free-threaded Python"),
        (sys, "platform", "darwin", "darwin on x86_64"),
        (os, "uname", lambda: SimpleNamespace(machine="aarch64"), "linux on aarch64"),
        (sys, "maxsize", 2**31 - 1, "linux on x86_64"),
        (os, "confstr", lambda _: "glibc 2.17", "glibc 2.17"),
        (os, "confstr", lambda _: None, "a C library other than glibc"),
    ],
)
def test_another_host_is_named(
    host: pytest.MonkeyPatch, owner: object, name: str, value: object, words: str
) -> None:
    host.setattr(owner, name, value)
    assert launcher.unsupported() == words
