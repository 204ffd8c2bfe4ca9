"""The real agents see LTMC after `ltmc install`, and their files are as before after `ltmc uninstall`.

The agents come from npm: ``npm ci`` in this folder. They run in a home of the test's own, without accounts.
"""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ltmc.agents import hooks
from ltmc.tools.selection import select
from tests.agents.model import COMMAND, SAID, Call, answering
from tests.agents.test_installing import JSONC, TOML, ltmc, ok, tree
from tests.conftest import unavailable

PACKAGES = Path(__file__).parent / "node_modules"
PROGRAMS = {name: PACKAGES / ".bin" / name for name in ("claude", "codex", "gemini")}
PROGRAMS["opencode"] = PACKAGES / "opencode-linux-x64-baseline" / "bin" / "opencode"
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Needs the agents."""
    if not all(program.exists() for program in PROGRAMS.values()):
        unavailable("the agents are not installed: npm ci in tests/agents")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which four agents are, with settings as people have them."""
    home = tmp_path / "home"
    for name, text in {
        ".claude/settings.json": "{}",
        ".codex/config.toml": TOML.replace('command = "x"', 'command = "true"').replace(
            "hooks.Stop", "theirs"
        ),
        ".gemini/settings.json": '{\n  // mine\n  "ui": {}\n}\n',
        ".config/opencode/opencode.jsonc": JSONC.replace('\t"a": [1, 2], // two\n', "")
        .replace("mcpServers", "agent")
        .replace('"command": "b"', '"mode": "subagent"'),
    }.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    (home / "project").mkdir()
    return home


def run(home: Path, *command: str, **env: str) -> str:
    """What an agent says."""
    done = subprocess.run(
        [PROGRAMS[command[0]], *command[1:]],
        cwd=home / "project",
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ESCAPES.sub("", done.stdout + done.stderr)


@contextmanager
def installed(home: Path, agent: str) -> Iterator[None]:
    """LTMC in an agent; afterwards every file that it touched must be what it was, whatever the agent did since."""
    before = tree(home)
    ok(home, "install", agent)
    touched = json.loads((home / ".local/share/ltmc/agents.json").read_text())
    names = [str(Path(path).relative_to(home)) for path in touched]
    during = tree(home)
    assert [name for name in names if during.get(name) == before.get(name)] == []
    yield
    ok(home, "uninstall", agent)
    after = tree(home)
    assert {name: after.get(name) for name in names} == {name: before.get(name) for name in names}
    assert [name for name in after if name.endswith(".ltmc-backup")] == []


def test_claude_code_connects_and_reads_the_plugin(home: Path) -> None:
    with installed(home, "claude-code"):
        assert re.search(r"plugin:ltmc:ltmc: .* serve .*Connected", run(home, "claude", "mcp", "list"))
        plugin = home / ".claude/skills/ltmc"
        details = run(home, "claude", "plugin", "validate", str(plugin))
        assert "skills: ltmc:ltmc" in details
        assert "hooks: UserPromptSubmit mcp_tool plugin:ltmc:ltmc hook_event" in details
        assert "✘" not in details.partition("Plugin directory checks")[0]
    assert "ltmc" not in run(home, "claude", "mcp", "list")


def test_codex_reads_the_server_and_the_hooks(home: Path) -> None:
    with installed(home, "codex"):
        assert re.search(r"^ltmc .* serve .*enabled", run(home, "codex", "mcp", "list"), re.MULTILINE)
        hooks = codex_hooks(home)
        assert (hooks["warnings"], hooks["errors"]) == ([], [])
        found = {(hook["eventName"], hook["handlerType"]) for hook in hooks["hooks"]}
        assert found >= {("sessionStart", "command"), ("userPromptSubmit", "mcpTool"), ("stop", "mcpTool")}
    assert "ltmc" not in run(home, "codex", "mcp", "list")


def codex_hooks(home: Path) -> dict[str, list[dict[str, str]]]:
    """What Codex says of the hooks that it found, asked by its protocol for editors."""
    with subprocess.Popen(
        [PROGRAMS["codex"], "app-server"],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for message in (
            {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "test", "version": "1"}}},
            {"method": "initialized"},
            {"id": 2, "method": "hooks/list", "params": {"cwds": [str(home / "project")]}},
        ):
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        server.stdin.flush()
        answer = next(message for line in server.stdout if (message := json.loads(line)).get("id") == 2)
        server.kill()
    (hooks,) = answer["result"]["data"]
    return hooks


def test_gemini_connects(home: Path) -> None:
    with installed(home, "gemini"):
        listed = run(home, "gemini", "mcp", "list", GEMINI_CLI_TRUST_WORKSPACE="true")
        assert re.search(r"ltmc \(from ltmc\): .* serve .*Connected", listed)
    assert "ltmc" not in run(home, "gemini", "mcp", "list", GEMINI_CLI_TRUST_WORKSPACE="true")


def test_opencode_connects(home: Path) -> None:
    with installed(home, "opencode"):
        assert re.search(r"ltmc connected", run(home, "opencode", "mcp", "list"))
    assert "ltmc" not in run(home, "opencode", "mcp", "list")


def kept(home: Path) -> list[str]:
    """What the hooks kept, oldest first, without the times in it."""
    with sqlite3.connect(home / ".local/share/ltmc/ltmc.db") as database:
        rows = database.execute("SELECT content FROM chat_messages WHERE source_tool = 'hook' ORDER BY id")
        return [content.partition("\n")[0] for (content,) in rows]


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside an entry of a person"])
def test_the_hooks_of_claude_code_keep_and_recall(home: Path, beside: bool) -> None:
    if beside:
        command, *arguments = hooks.server_command()
        entry = {"command": command, "args": arguments}
        (home / ".claude.json").write_text(json.dumps({"mcpServers": {"ltmc": entry}}))
    with installed(home, "claude-code"), answering() as (address, asked):
        for prompt in ("The quince jam is boiled on Tuesdays", "And the plums"):
            env = {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": "none"}
            said = run(home, "claude", "-p", prompt, "--allowedTools", "Bash", **env)
            assert SAID in said
            assert kept(home)[-3:] == [prompt, f"Failed: {COMMAND}", SAID]
    assert "quince" in asked[-1]  # the second session was told of the first
    assert imported(home) == ["The quince jam is boiled on Tuesdays", SAID, "And the plums", SAID]


def test_the_hooks_of_codex_keep_and_recall(home: Path) -> None:
    with installed(home, "codex"), answering() as (address, asked):
        provider = f'model_providers.stub={{name="stub",base_url="{address}/v1",wire_api="responses"}}'
        for prompt in ("The quince jam is boiled on Tuesdays", "And the plums"):
            options = ["--dangerously-bypass-hook-trust", "--skip-git-repo-check"]
            options += ["-c", 'model_provider="stub"', "-c", provider]
            said = run(home, "codex", "exec", *options, prompt)
            assert re.findall(r"hook: (\w+) (?!Completed)(\w+)", said) == []
            assert re.findall(r"hook: (\w+) Completed", said) == [
                "SessionStart",
                "UserPromptSubmit",
                "PostToolUse",
                "Stop",
            ]
            assert kept(home)[-3:] == [prompt, f"Failed: {COMMAND}", SAID]
    assert "quince" in asked[-1]
    assert imported(home) == ["The quince jam is boiled on Tuesdays", SAID, "And the plums", SAID]


def test_the_hooks_of_gemini_keep_and_recall_and_its_sessions_come_in(home: Path) -> None:
    (home / ".gemini/settings.json").write_text('{"security": {"auth": {"selectedType": "gemini-api-key"}}}')
    prompts = ["The quince jam is boiled on Tuesdays", "And the plums"]
    with installed(home, "gemini"), answering() as (address, asked):
        env = {
            "GEMINI_API_KEY": "none",
            "GOOGLE_GEMINI_BASE_URL": address,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        }
        for prompt in prompts:
            assert SAID in run(home, "gemini", "-p", prompt, "-y", "-m", "gemini-2.5-flash", **env)
            found = [text for text in kept(home) if not text.startswith(("last asked", "exit"))]
            assert found[-3:] == [prompt, f"Failed: {COMMAND}", SAID]
    assert "quince" in asked[-1]
    assert imported(home) == [text for prompt in prompts for text in (prompt, SAID)]


def opencode_settings(home: Path, address: str) -> None:
    """Have opencode ask a model at an address."""
    options = {"baseURL": f"{address}/v1", "apiKey": "none"}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": {"name": "m"}}}
    settings = {"$schema": "https://opencode.ai/config.json", "model": "stub/m", "permission": "allow"}
    file = home / ".config/opencode/opencode.jsonc"
    file.write_text(json.dumps({**settings, "provider": {"stub": provider}}))


def test_the_hooks_of_opencode_keep_and_recall_and_its_sessions_come_in(home: Path) -> None:
    prompts = ["The quince jam is boiled on Tuesdays", "And the plums"]
    with answering() as (address, asked):
        opencode_settings(home, address)
        with installed(home, "opencode"):
            for prompt in prompts:
                assert SAID in run(home, "opencode", "run", prompt)
                assert kept(home)[-3:] == [f'"{prompt}"', f"Failed: {COMMAND}", SAID]
    assert "quince" in asked[-1]
    assert imported(home) == [text for prompt in prompts for text in (f'"{prompt}"', SAID)]


JAM: Call = ("store_memory", {"file_name": "jam.md", "content": "The quince jam is boiled on Tuesdays."})


def stored(home: Path) -> list[str]:
    """The memories."""
    with sqlite3.connect(home / ".local/share/ltmc/ltmc.db") as database:
        return [text for (text,) in database.execute("SELECT content FROM resources")]


def test_claude_code_lists_the_core_and_calls_a_tool(home: Path) -> None:
    with installed(home, "claude-code"), answering(JAM) as (address, asked):
        options = ["--allowedTools", "mcp__plugin_ltmc_ltmc__store_memory"]
        env = {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": "none"}
        assert SAID in run(home, "claude", "-p", "Remember when the jam is boiled", *options, **env)
        assert stored(home) == [JAM[1]["content"]]
    tools = {tool["name"]: tool for tool in json.loads(asked[0])["tools"]}
    core = {name for name in tools if name.startswith("mcp__plugin_ltmc_ltmc__")}
    assert core == {f"mcp__plugin_ltmc_ltmc__{tool.name}" for tool in select("core")}


def test_codex_lists_all_and_calls_a_tool(home: Path) -> None:
    with installed(home, "codex"), answering(JAM) as (address, asked):
        assert SAID in codex(home, address)
        assert stored(home) == [JAM[1]["content"]]
    (space,) = (tool for tool in json.loads(asked[0])["tools"] if tool.get("name") == "mcp__ltmc")
    assert {tool["name"] for tool in space["tools"]} == {tool.name for tool in select("all")}


def codex(home: Path, address: str) -> str:
    """What Codex says after one turn."""
    provider = f'model_providers.stub={{name="stub",base_url="{address}/v1",wire_api="responses"}}'
    options = ["--dangerously-bypass-hook-trust", "--skip-git-repo-check", "-m", "stub"]
    options += ["-c", 'model_provider="stub"', "-c", provider]
    return run(home, "codex", "exec", *options, "Remember when the jam is boiled")


def test_gemini_lists_all_and_calls_a_tool(home: Path) -> None:
    """Gemini CLI adds an argument of its own to every tool, and passes it on."""
    (home / ".gemini/settings.json").write_text('{"security": {"auth": {"selectedType": "gemini-api-key"}}}')
    call = JAM[0], {**JAM[1], "wait_for_previous": True}
    with installed(home, "gemini"), answering(call) as (address, asked):
        env = {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": address}
        env |= {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
        options = ["-y", "-m", "gemini-2.5-flash"]
        assert SAID in run(home, "gemini", "-p", "Remember when the jam is boiled", *options, **env)
        assert stored(home) == [JAM[1]["content"]]
    (tools,) = json.loads(asked[0])["tools"]
    names = {tool["name"] for tool in tools["functionDeclarations"]}
    assert names >= {f"mcp_ltmc_{tool.name}" for tool in select("all")}


def test_opencode_lists_all_and_calls_a_tool(home: Path) -> None:
    with answering(JAM) as (address, asked):
        opencode_settings(home, address)
        with installed(home, "opencode"):
            assert SAID in run(home, "opencode", "run", "Remember when the jam is boiled")
            assert stored(home) == [JAM[1]["content"]]
    names = {tool["function"]["name"] for tool in json.loads(asked[-1])["tools"]}
    assert names >= {f"ltmc_{tool.name}" for tool in select("all")}


def imported(home: Path) -> list[str]:
    """What an import of all that is found brings into an empty memory, oldest first."""
    other = home / "other.db"
    done = ltmc(home, "import", "--found", LTMC_DB=str(other))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(other) as database:
        return [text for (text,) in database.execute("SELECT content FROM chat_messages ORDER BY created_at")]
