"""What the README and the docs show: every command runs, every link leads somewhere, nothing is left out."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from docs.picture import PICTURE, drawn
from ltmc.agents.registry import CLIENTS
from ltmc.cli.main import main
from ltmc.settings import Settings
from tests.conftest import RedisServer
from tests.postgres import PostgresPlace, PostgresServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(ltmc [^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")

ELSEWHERE = {
    "python3 -m venv .venv": ".ci/run and tests/installers",
    ".venv/bin/python -m pip": ".ci/run",
    ".venv/bin/pip": ".ci/run",
    ".venv/bin/python -m bundles.": ".ci/run",
    ".venv/bin/python -m freeze.": ".ci/run",
    "uv pip compile": "it would change the lock file",
    "uv ": "tests/installers",
    "pip": "tests/installers",
    "npm ci": ".ci/run",
    "python -m tests.soak": "it runs for a minute",
    "createdb": "another host",
    "docker": "a Docker engine",
    "LTMC_DB_PASSWORD": "a Docker engine",
}
"""How lines begin that are not run here, and what runs them, or what they need."""

SERVES = ("ltmc serve --transport http", "ltmc dashboard")
"""How lines begin that go on until they are stopped."""


POSTGRES, REDIS = "postgresql://ltmc@db.example.org/ltmc", "redis://redis.example.org/0"
"""The servers of which the docs speak."""


def commands(page: Path) -> list[str]:
    """The command lines that a page shows."""
    text = "".join(match[1] for match in BLOCK.finditer(page.read_text("utf-8")))
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def runs_elsewhere(line: str) -> bool:
    """Whether a line is none of this test."""
    return line.startswith(tuple(ELSEWHERE))


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment with the command ``ltmc``, in which a repository and some agents are."""
    for folder in ("home/.codex", "home/.cursor", "bin", "repository"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin" / "ltmc").symlink_to(Path(sys.executable).with_name("ltmc"))
    subprocess.run(["git", "init", "--quiet", tmp_path / "repository"], check=True)
    surroundings = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
        "LTMC_HTTP_PORT": "0",
        "BROWSER": "true",
    }
    run("ltmc remember 'There is a memory.'", [], surroundings)
    return surroundings


def run(line: str, before: list[str], surroundings: dict[str, str]) -> None:
    """Run a line, which must succeed, after the lines before it that set variables."""
    program = line if "|" in line or not line.startswith("ltmc") else f"exec {line}"
    with subprocess.Popen(
        ["bash", "-c", "\n".join([*before, program])],
        cwd=Path(surroundings["HOME"]).with_name("repository"),
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        shown = ""
        if line.startswith(SERVES):
            while "http://" not in shown:
                read = process.stdout.readline()
                assert read, shown
                shown += read
            process.terminate()
        shown += process.stdout.read()
    ended = (0, -signal.SIGTERM) if line.startswith(SERVES) else (0,)
    assert process.returncode in ended, f"{line}\n{shown}"


SHOWING = [page for page in PAGES if any(not runs_elsewhere(line) for line in commands(page))]


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.name)
def test_every_command_that_is_shown_runs(
    page: Path, surroundings: dict[str, str], request: pytest.FixtureRequest
) -> None:
    before: list[str] = []
    places: list[PostgresPlace] = []
    for shown in commands(page):
        if runs_elsewhere(shown):
            continue
        line = shown
        if POSTGRES in line:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            if not places or line.startswith("export"):
                places.append(server.empty_database())
            line = line.replace(POSTGRES, places[-1].url)
        if REDIS in line:
            redis: RedisServer = request.getfixturevalue("redis_server")
            line = line.replace(REDIS, redis.url)
        run(line, before, surroundings)
        if line.startswith("export"):
            before.append(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_in_a_line_exist(page: Path) -> None:
    for match in INLINE.finditer(page.read_text("utf-8")):
        words = shlex.split(match[1].replace("…", ""))[1:]
        command: click.Command = main
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            assert words[0] in command.commands, match[0]
            command = command.commands[words.pop(0)]
        known = {option for one in command.params for option in one.opts} | {"--help"}
        if command.context_settings.get("ignore_unknown_options"):
            continue
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, match[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert heading in [
                re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings
            ], target


def test_nothing_is_left_out() -> None:
    pages = {page.name: page.read_text("utf-8") for page in PAGES}
    listed = pages["commands.md"]
    assert {name for name in main.commands if not re.search(rf"`(ltmc )?{name}\b", listed)} == set()
    every = "".join(pages.values())
    named = {name for name in Settings._fields if re.search(rf"`{name}`|LTMC_{name.upper()}\b", every)}
    assert set(Settings._fields) - named == {"postgres_url"}, "it is no setting but what `db` means"
    assert {name for name in CLIENTS if f"`ltmc install {name}`" not in PAGES[0].read_text("utf-8")} == set()
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert {page.name for page in PAGES if page.parent.name == "docs"} <= {*LINK.findall(index), "README.md"}


def test_the_picture_shows_what_the_demo_shows() -> None:
    """After a change run python docs/picture.py."""

    def words(picture: str) -> list[str]:
        shown = " ".join(re.findall(r">([^<>]*)</text>", picture)).replace("&#160;", " ")
        return re.sub(r"\d+ ms", "", shown).split()

    assert words(PICTURE.read_text("utf-8")) == words(drawn())
