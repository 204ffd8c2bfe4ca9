"""What differs between systems: twins with one interface, and nothing of one system where another runs.

`mypy --platform win32` and `--platform darwin` (`.ci/run`) hold the same for all that is typed. Here it is held without
them, by the names that are written and by importing every module where what Windows lacks is missing.
"""

import ast
import ctypes
import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.architecture.test_structure import ROOT, modules
from tests.conftest import unavailable

MISSING_MODULES = {
    "win32": "curses fcntl grp posix pty pwd readline resource syslog termios tty".split(),
    "darwin": ["msvcrt", "winreg"],
    "linux": ["msvcrt", "winreg"],
}
"""A system to modules of the standard library that it lacks."""

NOT_ON_MACOS = {
    "os": (
        "O_PATH copy_file_range eventfd getresgid getresuid getxattr memfd_create pidfd_open posix_fadvise "
        "sched_getaffinity sched_setaffinity setresuid setxattr splice unshare"
    ).split(),
    "select": "epoll".split(),
    "signal": "sigtimedwait sigwaitinfo".split(),
    "socket": "AF_NETLINK AF_PACKET AF_VSOCK SO_PEERCRED".split(),
}
MISSING_NAMES = {
    "linux": {"ctypes": ["WinDLL", "WinError", "windll"], "os": ["O_BINARY", "O_TEMPORARY", "startfile"]},
    "darwin": NOT_ON_MACOS | {"ctypes": ["WinDLL", "WinError", "windll"]},
    "win32": {
        "os": NOT_ON_MACOS["os"]
        + (
            "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK WEXITSTATUS WIFEXITED chown chroot confstr ctermid "
            "fchmod fchown fdatasync fork forkpty geteuid getegid getgid getgroups getlogin_r getpgid getpgrp "
            "getpriority getsid getuid initgroups killpg lchown lockf major minor mkfifo mknod nice openpty pathconf "
            "posix_spawn pread pwrite readv sendfile setegid seteuid setgid setgroups setpgid setpriority setsid "
            "setuid statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4 writev"
        ).split(),
        "select": "epoll kqueue poll".split(),
        "signal": (
            "ITIMER_REAL SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 "
            "SIGWINCH alarm pause pthread_kill pthread_sigmask setitimer siginterrupt sigwait"
        ).split(),
        "socket": "AF_UNIX SCM_RIGHTS socketpair_unix".split(),
        "time": "CLOCK_MONOTONIC clock_gettime tzset".split(),
    },
}
"""A system to names of the standard library that it lacks, by their module."""

MISSING_NAMES["win32"]["os"] += ["kill"]  # there it ends a process, whatever the signal


class On(ast.NodeTransformer):
    """Leaves of a module what a system runs: branches that `sys.platform` decides, and what follows an assertion."""

    def __init__(self, system: str) -> None:
        self.system = system

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for place, statement in enumerate(node.body):
            if isinstance(statement, ast.Assert) and self.decided(statement.test) is False:
                return ast.Module(node.body[:0] if place else [], node.type_ignores)
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        decided = self.decided(node.test)
        if decided is None:
            return self.generic_visit(node)
        chosen = ast.Module(node.body if decided else node.orelse, [])
        self.generic_visit(chosen)
        return chosen.body or ast.Pass()

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        decided = self.decided(node.test)
        if decided is None:
            return self.generic_visit(node)
        chosen: ast.AST = self.visit(node.body if decided else node.orelse)
        return chosen

    def decided(self, test: ast.expr) -> bool | None:
        if isinstance(test, ast.Compare) and ast.unparse(test.left) == "sys.platform":
            (compared,) = test.comparators
            assert isinstance(compared, ast.Constant)
            return (self.system == compared.value) is isinstance(test.ops[0], ast.Eq)
        return None


def run_on(system: str, text: str) -> ast.AST:
    """What a system runs of a text in Python."""
    tree: ast.AST = On(system).visit(ast.parse(text))
    return tree


def missing(system: str, tree: ast.AST) -> set[str]:
    """What is written in a piece of code and is not there on a system."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & {*MISSING_MODULES[system]}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module)} & {*MISSING_MODULES[system]}
            names = {alias.name for alias in node.names} & {*MISSING_NAMES[system].get(str(node.module), ())}
            found |= {f"{node.module}.{name}" for name in names}
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            found |= {
                f"{owner}.{node.attr}" for name in MISSING_NAMES[system].get(owner, ()) if name == node.attr
            }
    return found


def test_what_a_system_lacks_is_found_where_it_runs() -> None:
    text = (
        "import sys, os\nif sys.platform == 'win32':\n import msvcrt\nelse:\n import fcntl\n"
        "def f(): return os.getuid() if sys.platform != 'win32' else 0\n"
    )
    assert missing("win32", run_on("win32", text)) == set()
    assert missing("linux", run_on("linux", text)) == set()
    assert missing("win32", ast.parse(text)) == {"fcntl", "os.getuid"}
    assert missing("linux", ast.parse(text)) == {"msvcrt"}
    assert missing("win32", run_on("win32", "from signal import SIGKILL")) == {"signal.SIGKILL"}
    assert missing("win32", run_on("win32", "import fcntl, sys\nassert sys.platform != 'win32'")) == set()


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_nothing_is_written_that_a_system_lacks(system: str) -> None:
    paths = [*ROOT.rglob("*.py"), ROOT.parent / "bundles" / "launcher.py"]
    found = {
        f"{path.relative_to(ROOT.parent)}: {name}"
        for path in paths
        for name in missing(system, run_on(system, path.read_text("utf-8")))
    }
    assert found == (
        {"bundles/launcher.py: os.uname", "bundles/launcher.py: os.confstr"} if system == "win32" else set()
    ), "the launcher looks whether these are there"


TWINS = sorted(
    name.removesuffix(end) for name in modules() for end in ("_unix", "_windows") if name.endswith(end)
)


def interface(module: str) -> dict[str, str]:
    """The public functions of a module, with what they take and return."""
    return {
        node.name: f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns or ast.Constant(None))}"
        for node in modules()[module].body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


@pytest.mark.parametrize("name", [*dict.fromkeys(TWINS)])
def test_twins_have_one_interface_and_say_for_which_system_they_are(name: str) -> None:
    assert TWINS.count(name) == 2, f"{name} has no twin"
    assert interface(f"{name}_unix") == interface(f"{name}_windows")
    for end, sign in (("_unix", "!="), ("_windows", "==")):
        asserted = [node for node in modules()[name + end].body if isinstance(node, ast.Assert)]
        assert [ast.unparse(node) for node in asserted] == [f"assert sys.platform {sign} 'win32'"]


WITHOUT_POSIX = """
import ctypes, importlib, json, os, sys, types
from ltmc.distribution import check
from ltmc.tools import manifest
names, absent = json.load(sys.stdin)
for module in filter(check.is_wanted, manifest.modules()):  # and what others wrote, which is not looked at here
    importlib.import_module(module)
for module in [name for name in sys.modules if name.partition(".")[0] == "ltmc"]:
    del sys.modules[module]
sys.modules |= dict.fromkeys(absent)
for owner, missing in names.items():
    for name in missing:
        if hasattr(sys.modules.get(owner), name):
            delattr(sys.modules[owner], name)
class Function:
    pass
class Library:
    def __init__(self, name, use_last_error=False):
        assert name == "kernel32"
    def __getattr__(self, name):
        self.__dict__[name] = Function()
        return self.__dict__[name]
sys.modules["msvcrt"] = types.ModuleType("msvcrt")
ctypes.WinDLL = Library
sys.platform = "win32"
from ltmc.distribution import check
wanted = [*filter(check.is_wanted, manifest.modules())]
layouts = {}
for module in wanted:
    loaded = importlib.import_module(module)
    for kind in vars(loaded).values():
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure):
            fields = {name: [getattr(kind, name).offset, getattr(kind, name).size] for name, _ in kind._fields_}
            layouts[kind.__doc__.partition(",")[0].partition(";")[0].rstrip(".")] = [ctypes.sizeof(kind), fields]
assert any(name.endswith("_windows") for name in wanted) and not any(name.endswith("_unix") for name in sys.modules)
print(json.dumps(layouts))
"""
"""Imports every module of Windows where what it lacks is missing; prints the structures that are handed to it."""


@cache
def structures() -> dict[str, tuple[int, dict[str, tuple[int, int]]]]:
    """The structures of Windows by their names in C: size, and the place and size of each field."""
    given = json.dumps([MISSING_NAMES["win32"], MISSING_MODULES["win32"]])
    command = [sys.executable, "-c", WITHOUT_POSIX]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, dict[str, tuple[int, int]]]] = json.loads(done.stdout)
    return found


def test_every_module_is_imported_where_what_windows_lacks_is_missing() -> None:
    assert structures()


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the structures are those of 64 bits")
def test_structures_are_laid_out_as_the_headers_of_windows_have_them(tmp_path: Path) -> None:
    if find_spec("ziglang") is None:
        unavailable("ziglang, which has those headers, is not installed")
    lines = ["#include <stddef.h>", "#include <windows.h>", "#include <psapi.h>"]
    for name, (size, fields) in structures().items():
        lines.append(f'_Static_assert(sizeof({name}) == {size}, "{name}");')
        lines += [
            f"_Static_assert(offsetof({name}, {field}) == {place} && sizeof((({name} *)0)->{field}) == {bytes_}, "
            f'"{name}.{field}");'
            for field, (place, bytes_) in fields.items()
        ]
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-c", str(source)]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "layout.o")], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(lines) > 30
