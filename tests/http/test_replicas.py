"""The short form of tests/soak/replicas.py, and what is shipped to deploy several servers."""

import json
import shutil
import subprocess

import pytest

from ltmc.server.http_transport import GRACE_SECONDS
from ltmc.settings import Settings
from tests.artefacts import ROOT
from tests.conftest import unavailable
from tests.http.balancing import CONFIGURATION
from tests.postgres import PostgresServer
from tests.soak.replicas import run

yaml = pytest.importorskip("yaml")


@pytest.fixture
def haproxy() -> None:
    """HAProxy is there."""
    if shutil.which("haproxy") is None:
        unavailable("haproxy is not installed")


@pytest.mark.usefixtures("haproxy")
def test_servers_come_and_go_and_so_does_the_database(postgres_server: PostgresServer) -> None:
    figures, apart = run(postgres_server, servers=3, sessions=30, seconds=20)
    assert not figures.failures
    assert (figures.missing, figures.twice) == (0, 0)
    assert len(figures.added) > 30
    killed, away = apart["a server was killed"], apart["PostgreSQL was away"]
    assert killed.total() <= 30  # what was being answered, at most
    assert away
    assert all("BACKEND_UNAVAILABLE" in failure or "cannot be used" in failure for failure in away), away


@pytest.mark.usefixtures("haproxy")
def test_the_configuration_of_the_balancer_is_sound() -> None:
    subprocess.run(["haproxy", "-c", "-f", str(CONFIGURATION)], check=True)


def test_the_compose_file_and_the_image_fit_the_project() -> None:
    folder = ROOT / "docs" / "deployment"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    built = services["ltmc"]["build"]
    assert (folder / built["context"] / built["dockerfile"]).resolve() == folder / "Dockerfile"
    (mounted,) = services["balancer"]["volumes"]
    assert (folder / mounted.split(":")[0]).resolve() == CONFIGURATION
    settings = {name for name in services["ltmc"]["environment"] if name.startswith("LTMC_")}
    assert {name.removeprefix("LTMC_").lower() for name in settings} <= set(Settings._fields)
    drain = services["ltmc"]["environment"]["LTMC_HTTP_DRAIN_SECONDS"]
    assert float(services["ltmc"]["stop_grace_period"].removesuffix("s")) > drain + GRACE_SECONDS
    image = (folder / "Dockerfile").read_text()
    command = json.loads(image.rpartition("CMD ")[2])
    assert command[command.index("--port") + 1] in services["balancer"]["ports"][0]
    assert json.loads(image.rpartition("ENTRYPOINT ")[2].splitlines()[0]) == ["ltmc"]
    assert "ENV PATH=/ltmc/bin:$PATH\n" in image  # `docker compose exec ltmc ltmc` looks there, too
    assert all((ROOT / word).exists() for word in ["bundles/constraints.txt", "pyproject.toml"])


def test_the_image_is_not_built_from_what_was_made_here() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    left_out = {line.strip("/").removeprefix("**/") for line in lines}
    made = (ROOT / ".gitignore").read_text().split()
    assert {".git", *(line.strip("/") for line in made)} <= left_out
    assert not left_out & {
        "ltmc",
        "bundles",
        "setup.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "LICENSES",
    }
