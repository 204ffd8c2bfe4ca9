"""Packages that add tools, installed for real beside LTMC in an environment of their own."""

import base64
import hashlib
import json
import os
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import ltmc
from ltmc.tools import selection
from tests.client import Session

PACKAGES = Path(__file__).parent / "packages"


def wheel(folder: Path, name: str) -> Path:
    """A wheel of one module of `PACKAGES`, with the entry point; written by hand, so that nothing is fetched."""
    info = f"ltmc_{name}-1.2.dist-info"
    files = {
        f"{name}_tools.py": (PACKAGES / f"{name}_tools.py").read_text(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: ltmc-{name}\nVersion: 1.2\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[ltmc.tools]\n{name} = {name}_tools\n",
    }
    lines = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
        f"{len(text.encode())}"
        for path, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"ltmc_{name}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


class Environment:
    """A Python environment with LTMC and what is installed into it."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "env", with_pip=False, symlinks=True)
        self.folder = folder
        self.python = folder / "env" / "bin" / "python"
        packages = subprocess.run(
            [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        beside = [Path(ltmc.__file__).parents[1], *site.getsitepackages()]
        (Path(packages) / "ltmc_of_this_run.pth").write_text("".join(f"{path}\n" for path in beside))

    def install(self, *names: str) -> None:
        wheels = [wheel(self.folder, name) for name in names]
        self._pip("install", "--no-index", "--no-deps", "--quiet", *map(str, wheels))

    def uninstall(self, *names: str) -> None:
        self._pip("uninstall", "--yes", "--quiet", *(f"ltmc-{name}" for name in names))

    def _pip(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "pip", "--python", self.python, *arguments], check=True)

    def ltmc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
            cwd=self.folder,
            timeout=120,
            check=False,
        )

    @property
    def command(self) -> list[str]:
        return [str(self.python), "-m", "ltmc"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("plugins"))
    made.install("garden", "broken", "leaving", "thief")
    return made


def test_its_tools_are_listed_and_called(environment: Environment, db: Path) -> None:
    with Session(db, command=environment.command) as client:
        listed = client.tools()
        names = [tool["name"] for tool in listed]
        assert names == [*(tool.name for tool in selection.select("all")), "count_garden_work"]
        assert listed[-1]["annotations"] == {"readOnlyHint": True}
        assert listed[-1]["inputSchema"]["properties"]["bed"]["description"] == "The name of the bed"
        client.ok("add_todo", title="Water the roses")
        assert client.ok("count_garden_work", bed="roses") == {"success": True, "bed": "roses", "todos": 1}
        assert client.any("count_garden_work", bed="compost")["error_code"] == "INVALID_ARGUMENT"
        refused = client.any("count_garden_work", bed="x" * 21)
        assert (refused["field"], refused["error_code"]) == ("bed", "INVALID_ARGUMENT")
        assert "stolen" not in client.ok("add_todo", title="Not stolen")


def test_its_category_is_a_word_of_profile(environment: Environment, db: Path) -> None:
    with Session(db, "--profile", "garden", command=environment.command) as client:
        assert [tool["name"] for tool in client.tools()] == ["count_garden_work"]
    refused = environment.ltmc("serve", "--db", str(db), "--profile", "orchard")
    assert refused.returncode == 2
    assert "garden" in refused.stderr


def test_doctor_shows_what_is_installed_and_what_is_wrong(environment: Environment, db: Path) -> None:
    done = environment.ltmc("doctor", "--db", str(db), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plugins"] == {
        "broken": ["ltmc-broken 1.2", "RuntimeError: the soil is frozen"],
        "garden": ["ltmc-garden 1.2", "count_garden_work"],
        "leaving": ["ltmc-leaving 1.2", "SystemExit: 7"],
        "thief": ["ltmc-thief 1.2", "ValueError: add_todo is the name of another tool already"],
    }
    shown = environment.ltmc("doctor", "--db", str(db)).stdout
    assert "count_garden_work" in shown
    assert "the soil is frozen" in shown


def test_check_names_what_does_not_load(environment: Environment) -> None:
    done = environment.ltmc("check")
    assert done.returncode == 1
    missing = [line for line in done.stderr.splitlines() if line.startswith("Missing")]
    assert [line.split(":")[0] for line in missing] == [
        "Missing plugin broken (ltmc-broken 1.2)",
        "Missing plugin leaving (ltmc-leaving 1.2)",
        "Missing plugin thief (ltmc-thief 1.2)",
    ]
    assert "the soil is frozen" in missing[0]
    assert "this must not reach stdout" not in done.stdout


def test_check_is_content_without_the_broken_ones(environment: Environment) -> None:
    environment.uninstall("broken", "leaving", "thief")
    try:
        done = environment.ltmc("check", "--json")
        assert done.returncode == 0, done.stderr
        entries = {(entry["kind"], entry["name"]) for entry in json.loads(done.stdout)["entries"]}
        assert {("plugin", "garden (ltmc-garden 1.2)"), ("tool", "count_garden_work")} <= entries
    finally:
        environment.install("broken", "leaving", "thief")
