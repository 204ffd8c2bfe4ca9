"""The official conformance suite of MCP, against LTMC and against a fixture server on the same stack.

The suite comes from npm: ``npm ci`` in this folder. It runs what each revision requires and more; failures
that are not listed, with their reason, in ltmc.yml or fixture.yml fail the test, and so do listed ones that
pass.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ltmc.server import bearer_token as tokens
from tests.conformance.proxy import with_token
from tests.conftest import unavailable
from tests.http.serving import Serving

FOLDER = Path(__file__).parent
PROGRAMS = FOLDER / "node_modules" / ".bin"
REVISIONS = ["2025-11-25", "2026-07-28"]


@pytest.fixture(scope="module", autouse=True)
def suite() -> None:
    """Needs the suite."""
    if not (PROGRAMS / "conformance").exists():
        unavailable("the conformance suite is not installed: npm ci in tests/conformance")


@pytest.fixture(scope="module")
def ltmc_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """LTMC, behind a proxy that adds its token."""
    with (
        Serving(tmp_path_factory.mktemp("ltmc") / "ltmc.db") as server,
        with_token(server.port, server.token) as port,
    ):
        yield port


@pytest.fixture(scope="module")
def fixture_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The fixture server, behind a proxy that adds its token."""
    token_file = tmp_path_factory.mktemp("fixture") / "token"
    tokens.ensure(token_file)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.fixture", str(token_file)],
        cwd=FOLDER.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        with with_token(int(process.stdout.readline()), tokens.read(token_file)) as port:
            yield port
        process.kill()


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("server", ["ltmc", "fixture"])
def test_conforms(request: pytest.FixtureRequest, server: str, revision: str, tmp_path: Path) -> None:
    port = request.getfixturevalue(f"{server}_port")
    command = [PROGRAMS / "node", PROGRAMS / "conformance", "server", "--requirements", revision]
    run = subprocess.run(
        [
            *command,
            f"--url=http://127.0.0.1:{port}/mcp",
            f"--expected-failures={FOLDER / server}.yml",
            f"--output-dir={tmp_path}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    summary = run.stdout.partition("=== SUMMARY ===")[2]
    print(f"\n{server}, {revision}:{summary}")
    assert run.returncode == 0, run.stdout + run.stderr
    ran = set(re.findall(r"^[✓✗~] ([\w-]+): ", summary, re.MULTILINE))
    assert len(ran) >= 30, summary
    passed = set(re.findall(r"^✓ ([\w-]+): [1-9]", summary, re.MULTILINE))
    required = {"tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"}
    required |= {"server-initialize", "ping"} if revision < "2026" else {"http-header-validation", "caching"}
    assert required <= passed, summary
