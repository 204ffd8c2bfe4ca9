"""`ltmc install` and `ltmc uninstall` on the files that agents have, in a home of the test's own."""

import codecs
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltmc.agents import guidance, hooks, installing, jsonc
from ltmc.agents.ledger import Ledger
from ltmc.agents.model import Scope
from ltmc.agents.places import Places
from ltmc.agents.registry import CLIENTS
from ltmc.tools import manifest
from tests.agents.test_editing import TOML, YAML, json_texts
from tests.client import SOURCE_COMMAND, run_cli

JSONC = '// mine\n{\n\t"a": [1, 2], // two\n\t"mcpServers": {\n\t\t"b": {"command": "b"}, /* b */\n\t},\n}\n'
HOOKS = '{"version": 1, "hooks": {"stop": [{"command": "mine"}], "Stop": [{"hooks": []}]}}'

FOUND = {
    ".claude/settings.json": '{"model": "opus"}',
    ".claude/CLAUDE.md": "# Mine\n",
    ".config/Claude/claude_desktop_config.json": "{}",
    ".codex/config.toml": TOML,
    ".codex/hooks.json": HOOKS,
    ".gemini/settings.json": JSONC,
    ".cursor/mcp.json": JSONC.replace("\n", "\r\n"),
    ".cursor/hooks.json": HOOKS,
    ".config/Code/User/mcp.json": '{\n\t"servers": {},\n\t"inputs": []\n}',
    ".copilot/mcp-config.json": '{"mcpServers":{"x":{"type":"local"}}}\n\n',
    ".config/devin/config.json": "{}",
    ".codeium/windsurf/mcp_config.json": "",
    ".codeium/windsurf/memories/global_rules.md": "Always say please.",
    ".config/zed/settings.json": '// Zed\n{\n  // servers\n  "context_servers": {\n    // none\n  },\n}\n',
    ".cline/data/settings/cline_mcp_settings.json": "\n",
    "Documents/Cline/Rules/mine.md": "Mine\n",
    "Documents/Cline/Hooks/PreCompact": "#!/bin/sh\n",
    ".config/opencode/opencode.jsonc": JSONC,
    ".config/opencode/plugins/mine.js": "export const Mine = async () => ({})",
    ".config/opencode/AGENTS.md": "# Mine\r\n\r\nText\r\n\r\n",
    ".config/goose/config.yaml": YAML,
    ".ai/mcp/mcp.json": codecs.BOM_UTF8.decode() + '{"mcpServers": {}}',
    ".junie/mcp/mcp.json": "  {  }  ",
}
"""Files of agents in a home."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which every agent is, with files as people have them."""
    home = tmp_path / "home"
    for name, text in FOUND.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(text.encode())
    return home


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A home in which no agent is."""
    (tmp_path / "bare").mkdir()
    return tmp_path / "bare"


def ltmc(
    home: Path, *arguments: str, cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a home."""
    return subprocess.run(
        [*SOURCE_COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd or home,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "COLUMNS": "200",
            "PYTHONPATH": str(Path.cwd()),
            **env,
        },
    )


def ok(home: Path, *arguments: str, cwd: Path | None = None, **env: str) -> str:
    """The output of a command that must succeed."""
    done = ltmc(home, *arguments, cwd=cwd, **env)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Every path below a folder but LTMC's own data, with its mode and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            str(path.readlink()) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
        if ".local" not in path.parts
    }


def test_nothing_is_made_where_no_agent_is(bare: Path) -> None:
    said = ok(bare, "install", "--all")
    assert said.startswith("None of the agents is here")
    assert all(client.title in said for client in CLIENTS.values())
    assert str(bare / ".codex") in said
    refused = ltmc(bare, "install", "codex")
    assert (refused.returncode, refused.stderr) == (
        1,
        f"Error: Codex: it is not here: there is no folder {bare / '.codex'}.\n",
    )
    assert ok(bare, "uninstall", "--all") == "There was nothing to take out.\n"
    assert tree(bare) == {}


def test_every_file_becomes_byte_for_byte_what_it_was(home: Path) -> None:
    (home / ".codex" / "config.toml").chmod(0o600)
    (home / ".cursor" / "mcp.json").chmod(0o640)
    before = tree(home)
    said = ok(home, "install", "--all")
    assert all(client.title in said for client in CLIENTS.values())
    during = tree(home)
    assert during[".codex/config.toml"][0] == stat.S_IFREG | 0o600
    assert during[".claude/settings.json"] == before[".claude/settings.json"]
    assert during[".codex/config.toml.ltmc-backup"] == before[".codex/config.toml"]
    for _ in range(2):
        assert "installed already" in ok(home, "install", "--all")
        assert tree(home) == during
    ok(home, "uninstall", "--all")
    assert tree(home) == before
    assert not (home / ".local/share/ltmc/agents.json").exists()


def test_an_absent_file_of_an_agent_that_is_here_comes_and_goes(bare: Path) -> None:
    for client in CLIENTS.values():
        for folder in client.folders(Places(bare)):
            folder.mkdir(parents=True, exist_ok=True)
    before = tree(bare)
    ok(bare, "install", *CLIENTS)
    assert len(tree(bare)) > len(before) + 25
    for name in CLIENTS:  # one by one, for some share folders
        ok(bare, "uninstall", name)
    assert tree(bare) == before


def test_a_file_that_its_owner_removed_meanwhile_goes_again(home: Path) -> None:
    ok(home, "install", "cursor", "opencode")
    for name in (".cursor/mcp.json", ".config/opencode/AGENTS.md"):
        (home / name).unlink(missing_ok=True)
    before = tree(home)
    ok(home, "install", "cursor", "opencode")
    assert (home / ".cursor/mcp.json").exists()
    ok(home, "uninstall", "cursor", "opencode")
    assert not (home / ".cursor/mcp.json").exists()
    assert not (home / ".config/opencode/AGENTS.md").exists()
    assert not [name for name in tree(home) if "backup" in name and name not in before]


def test_every_agent_starts_this_ltmc(home: Path) -> None:
    ok(home, "install", "--all")

    def servers(path: str, key: str = "mcpServers") -> dict[str, object]:
        return jsonc.read((home / path).read_text("utf-8-sig"), (key, "ltmc"))

    serve = ["-P", "-m", "ltmc", "serve"]
    plain = {"command": sys.executable, "args": serve}
    core = {"command": sys.executable, "args": [*serve, "--profile", "core"]}
    plugin = {"command": sys.executable, "args": [*serve, "--transport", "stdio"]}
    assert servers(".claude/skills/ltmc/.mcp.json") == plugin, "other words than an entry of a person has"
    assert servers(".config/Claude/claude_desktop_config.json") == plain
    assert servers(".gemini/extensions/ltmc/gemini-extension.json") == plain
    assert servers(".cursor/mcp.json") == core
    assert servers(".config/Code/User/mcp.json", "servers") == {"type": "stdio", **core}
    assert servers(".copilot/mcp-config.json") == {"type": "local", **plain, "tools": ["*"]}
    assert servers(".config/devin/mcp_config.json") == core
    assert servers(".codeium/windsurf/mcp_config.json") == core
    assert servers(".config/zed/settings.json", "context_servers") == {"source": "custom", **plain, "env": {}}
    assert servers(".cline/data/settings/cline_mcp_settings.json") == {**plain, "disabled": False}
    assert servers(".config/opencode/opencode.jsonc", "mcp") == {
        "type": "local",
        "command": [sys.executable, *serve],
        "enabled": True,
    }
    assert servers(".ai/mcp/mcp.json") == servers(".junie/mcp/mcp.json") == plain
    assert tomllib.loads((home / ".codex/config.toml").read_text())["mcp_servers"]["ltmc"] == plain
    goose = yaml.safe_load((home / ".config/goose/config.yaml").read_text())["extensions"]["ltmc"]
    assert (goose["cmd"], goose["args"], goose["enabled"]) == (sys.executable, serve, True)


def test_hooks_call_ltmc_and_leave_those_of_others(home: Path) -> None:
    ok(home, "install", "codex", "cursor", "goose", "copilot", "gemini", "claude-code")
    codex = json.loads((home / ".codex/hooks.json").read_text())["hooks"]
    assert codex["Stop"][0] == {"hooks": []}
    assert codex["Stop"][1]["hooks"][0]["input"]["agent"] == "codex"
    assert codex["SessionStart"][0]["hooks"][0]["command"].endswith("-m ltmc hook start --agent codex")
    cursor = json.loads((home / ".cursor/hooks.json").read_text())
    assert (cursor["version"], cursor["hooks"]["stop"]) == (1, [{"command": "mine"}])
    assert cursor["hooks"]["afterFileEdit"][0]["command"].endswith("hook tool --agent cursor")
    assert cursor["hooks"]["afterAgentResponse"][0]["command"].endswith("hook end --agent cursor")
    claude = json.loads((home / ".claude/skills/ltmc/hooks/hooks.json").read_text())["hooks"]
    assert claude["SessionStart"][0]["hooks"][0]["args"][-4:] == ["hook", "start", "--agent", "claude-code"]
    prompt = claude["UserPromptSubmit"][0]["hooks"][0]
    assert (prompt["server"], prompt["tool"]) == ("plugin:ltmc:ltmc", "hook_event")
    assert prompt["input"]["event"] == "prompt"
    assert prompt["input"]["prompt"] == "${prompt}"
    gemini = json.loads((home / ".gemini/extensions/ltmc/hooks/hooks.json").read_text())["hooks"]
    assert gemini["PreCompress"][0]["hooks"][0]["timeout"] == 10_000


def test_what_others_changed_since_stays(home: Path) -> None:
    ok(home, "install", "--all")
    desktop, codex = home / ".config/Claude/claude_desktop_config.json", home / ".codex/config.toml"
    goose, rules = home / ".config/goose/config.yaml", home / ".codeium/windsurf/memories/global_rules.md"
    hooks, zed = home / ".codex/hooks.json", home / ".config/zed/settings.json"
    desktop.write_text(desktop.read_text().replace("{\n", '{\n  "theirs": 1,\n', 1))
    codex.write_text(codex.read_text() + "[theirs]\n")
    goose.write_text(goose.read_text() + "theirs: 1\n")
    rules.write_text(rules.read_text() + "Theirs.\n")
    hooks.write_text(hooks.read_text().replace('"mine"', '"theirs"'))
    zed.write_text(zed.read_text().replace("// servers", "// theirs"))
    own = home / ".claude/skills/ltmc/hooks/hooks.json"
    own.write_text("{}")
    ok(home, "install", "--all")  # which keeps the changes and puts the own file right
    ok(home, "uninstall", "--all")
    assert json.loads(desktop.read_text()) == {"theirs": 1}
    assert codex.read_text() == TOML + "[theirs]\n"
    assert goose.read_text() == YAML + "theirs: 1\n"
    assert rules.read_text() == "Always say please.\nTheirs.\n"
    assert json.loads(hooks.read_text()) == json.loads(HOOKS.replace("mine", "theirs"))
    assert zed.read_text() == FOUND[".config/zed/settings.json"].replace("// servers", "// theirs")
    assert not own.exists()
    assert not list(home.rglob("*.ltmc-backup"))


def test_an_entry_that_was_there_before_is_used_and_comes_back(home: Path) -> None:
    by_hand = {
        ".cursor/mcp.json": '{"mcpServers": {"ltmc": {"command": "old", "env": {"LTMC_DB": "/a"}, "disabled": true}}}',
        ".codex/config.toml": "[mcp_servers.ltmc]\ncommand = 'old' # mine\n[mcp_servers.ltmc.env]\nA = '1'\n",
        ".config/goose/config.yaml": "extensions:\n  ltmc:\n    enabled: false # off\n    cmd: old\n  z:\n    a: 1\n",
    }
    for name, text in by_hand.items():
        (home / name).write_text(text)
    ok(home, "install", "cursor", "codex", "goose")
    cursor = json.loads((home / ".cursor/mcp.json").read_text())["mcpServers"]
    assert cursor["ltmc"].pop("args")[-2:] == ["--profile", "core"]
    assert cursor == {"ltmc": {"command": sys.executable, "env": {"LTMC_DB": "/a"}, "disabled": True}}
    codex = tomllib.loads((home / ".codex/config.toml").read_text())["mcp_servers"]["ltmc"]
    assert (codex["command"], codex["env"]) == (sys.executable, {"A": "1"})
    goose = yaml.safe_load((home / ".config/goose/config.yaml").read_text())["extensions"]["ltmc"]
    assert (goose["enabled"], goose["cmd"]) == (False, sys.executable)
    for name in by_hand:
        (home / name).write_text((home / name).read_text() + "\n")
    ok(home, "uninstall", "cursor", "codex", "goose")
    for name, text in by_hand.items():
        if name.endswith("yaml"):
            assert yaml.safe_load((home / name).read_text()) == yaml.safe_load(text)
        else:
            assert (home / name).read_text() == text + "\n"


def test_an_entry_of_another_kind_is_left_alone(home: Path) -> None:
    path = home / ".cursor/mcp.json"
    path.write_text('{\n "mcpServers": {\n  "ltmc": {"url": "http://127.0.0.1:8765/mcp"}}}')
    before = tree(home)
    done = ltmc(home, "install", "cursor")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path}: line 3: there is an entry mcpServers.ltmc that starts no command" in done.stderr
    assert tree(home) == before


@pytest.mark.parametrize(
    ("agent", "name", "text"),
    [
        ("codex", ".codex/config.toml", '# mine\n[mcp_servers.ltmc]\nurl = "http://127.0.0.1:8765/mcp"\n'),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n  ltmc:\n    type: streamable_http\n    uri: http://x\n",
        ),
    ],
)
def test_a_server_that_is_reached_by_a_url_is_left_alone(
    home: Path, agent: str, name: str, text: str
) -> None:
    (home / name).write_text(text)
    before = tree(home)
    done = ltmc(home, "install", agent)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{home / name}: line " in done.stderr
    assert "that starts no command; remove it first" in done.stderr
    assert tree(home) == before


def test_a_dry_run_shows_the_changes_and_makes_none(home: Path) -> None:
    before = tree(home)
    said = ok(home, "install", "--all", "--dry-run")
    assert tree(home) == before
    assert not (home / ".local").exists()
    assert f"--- {home / '.codex/config.toml'}\n+++ {home / '.codex/config.toml'}\n" in said
    assert "\n+[mcp_servers.ltmc]\n" in said
    assert f"--- /dev/null\n+++ {home / '.claude/skills/ltmc/.mcp.json'}\n" in said
    assert "\\ No newline at end of file" in said


def test_links_stay_links(home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles"
    kept.mkdir()
    (home / ".codex/config.toml").rename(kept / "codex.toml")
    (home / ".codex/config.toml").symlink_to(kept / "codex.toml")
    (home / ".cursor/mcp.json").unlink()
    (home / ".cursor/mcp.json").symlink_to(kept / "dangling.json")
    before, before_kept = tree(home), tree(kept)
    ok(home, "install", "codex", "cursor")
    assert (home / ".codex/config.toml").is_symlink()
    assert "[mcp_servers.ltmc]" in (kept / "codex.toml").read_text()
    assert "ltmc" in (kept / "dangling.json").read_text()
    ok(home, "uninstall", "codex", "cursor")
    assert (tree(home), tree(kept)) == (before, before_kept)


@pytest.mark.parametrize(
    ("agent", "name", "content", "said"),
    [
        ("cursor", ".cursor/hooks.json", b'{\n"a" 1}', "line 2: a colon is missing after a key"),
        ("codex", ".codex/config.toml", b"a = 1\nb = [\n", "line 3: "),
        ("goose", ".config/goose/config.yaml", b"a: 1\nb: {\n", "line 3: "),
        ("opencode", ".config/opencode/AGENTS.md", b"a\n<!-- ltmc:begin -->\n", "line 2: the marks"),
        ("zed", ".config/zed/settings.json", b'{\n"a": "\xff"}', "line 2: it is not UTF-8"),
        ("gemini", ".gemini/extensions/ltmc/hooks", b"a file", "File exists"),
    ],
)
def test_what_cannot_be_edited_is_left_alone(
    home: Path, agent: str, name: str, content: bytes, said: str
) -> None:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(content)
    before = tree(home)
    done = ltmc(home, "install", agent, "claude-desktop")
    assert done.returncode == 1
    assert f": {home / name}" in done.stderr
    assert said in done.stderr
    assert done.stdout.startswith("Claude Desktop: installed.")  # the others are done
    ok(home, "uninstall", "claude-desktop")
    assert tree(home) == before


def test_the_hooks_of_cline_are_programs_beside_those_of_a_person(home: Path) -> None:
    theirs = home / "Documents/Cline/Hooks/PreCompact"
    ok(home, "install", "cline")
    assert theirs.read_text() == "#!/bin/sh\n"
    done = subprocess.run(
        [theirs.with_name("TaskStart")],
        env={"HOME": str(home)},
        input=b'{"taskId": "t"}',
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{}", b"")
    assert (home / ".local/share/ltmc/ltmc.db").exists()


def test_the_hooks_of_cline_without_an_editor_are_in_its_own_folder(bare: Path) -> None:
    (bare / ".cline").mkdir()
    before = tree(bare)
    ok(bare, "install", "cline")
    assert (bare / ".cline/rules/ltmc.md").read_text() == guidance.BLOCK
    assert os.access(bare / ".cline/hooks/PostToolUse", os.X_OK)
    during = tree(bare)
    (bare / "Documents/Cline").mkdir(parents=True)
    ok(bare, "install", "cline")
    assert list((bare / "Documents/Cline").iterdir()) == [], "they would run twice"
    (bare / "Documents/Cline").rmdir()
    (bare / "Documents").rmdir()
    assert tree(bare) == during
    ok(bare, "uninstall", "cline")
    assert tree(bare) == before


def test_what_a_person_told_the_server_stays(home: Path) -> None:
    told = {
        ".cursor/mcp.json": '{"mcpServers": {"ltmc": {"command": "/old/ltmc", "args": ["serve", "--db", "/a.db"]}}}',
        ".codex/config.toml": "[mcp_servers.ltmc]\ncommand = '/old/ltmc'\nargs = ['serve', '--project=mine']\n",
        ".config/goose/config.yaml": "extensions:\n  ltmc:\n    cmd: old\n    args: [serve, --profile, core]\n",
        ".config/opencode/opencode.jsonc": '{"mcp": {"ltmc": {"command": ["/old/ltmc", "serve", "--read-only"]}}}',
    }
    for name, text in told.items():
        (home / name).write_text(text)
    before = tree(home)
    agents = ["cursor", "codex", "goose", "opencode"]
    for _ in range(2):
        ok(home, "install", *agents)
        cursor = json.loads((home / ".cursor/mcp.json").read_text())["mcpServers"]["ltmc"]
        assert cursor["command"] == sys.executable
        assert cursor["args"][3:] == ["serve", "--db", "/a.db", "--profile", "core"]
        codex = tomllib.loads((home / ".codex/config.toml").read_text())["mcp_servers"]["ltmc"]
        assert codex["args"][3:] == ["serve", "--project=mine"]
        goose = yaml.safe_load((home / ".config/goose/config.yaml").read_text())["extensions"]["ltmc"]
        assert goose["args"][3:] == ["serve", "--profile", "core"]
        opencode = json.loads((home / ".config/opencode/opencode.jsonc").read_text())["mcp"]["ltmc"]
        assert opencode["command"][4:] == ["serve", "--read-only"]
    ok(home, "uninstall", *agents)
    assert tree(home) == before


def test_an_entry_that_is_not_ltmcs_work_is_not_taken_out(home: Path) -> None:
    (home / ".cursor/mcp.json").write_text('{"mcpServers": {"ltmc": {"url": "http://127.0.0.1:8765/mcp"}}}')
    (home / ".codex/config.toml").write_text('[mcp_servers.ltmc]\nurl = "http://127.0.0.1:8765/mcp"\n')
    (home / ".config/goose/config.yaml").write_text(
        "extensions:\n  ltmc:\n    uri: http://127.0.0.1:8765/mcp\n"
    )
    before = tree(home)
    assert ok(home, "uninstall", "--all") == "There was nothing to take out.\n"
    assert tree(home) == before


def test_a_read_only_file_is_left_alone(home: Path) -> None:
    (home / ".cursor/hooks.json").chmod(0o444)
    before = tree(home)
    done = ltmc(home, "install", "cursor")
    assert (done.returncode, f"{home / '.cursor/hooks.json'}: " in done.stderr) == (1, True)
    assert "read-only" in done.stderr
    assert tree(home) == before


def test_a_special_file_is_left_alone(home: Path) -> None:
    (home / ".cursor/mcp.json").unlink()
    os.mkfifo(home / ".cursor/mcp.json")
    done = ltmc(home, "install", "cursor")
    assert (done.returncode, "no ordinary file" in done.stderr) == (1, True)


FAILING = """
import sys
failing = sys.argv.pop(1)
def refuse(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(failing):
        raise PermissionError(13, "Permission denied")
sys.addaudithook(refuse)
from ltmc.cli.main import main
main()
"""


@pytest.mark.parametrize("failing", [".codex/hooks.json", ".cursor/hooks.json", "share/ltmc/agents.json"])
def test_a_file_that_cannot_be_written_leaves_all_of_an_agent_as_they_were(home: Path, failing: str) -> None:
    before = tree(home)
    done = subprocess.run(
        [sys.executable, "-c", FAILING, failing, "install", "codex", "cursor"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
    )
    assert (done.returncode, f"{failing}: " in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    ok(home, "uninstall", "codex", "cursor")
    assert tree(home) == before


def test_many_at_once_do_what_one_does(home: Path) -> None:
    before = tree(home)
    ok(home, "install", "--all")
    expected = tree(home)
    ok(home, "uninstall", "--all")
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    runs = [
        subprocess.Popen([*SOURCE_COMMAND, "install", "--all"], env=env, stdout=subprocess.DEVNULL)
        for _ in range(5)
    ]
    assert [run.wait() for run in runs] == [0] * 5
    assert tree(home) == expected
    runs = [
        subprocess.Popen([*SOURCE_COMMAND, "uninstall", "--all"], env=env, stdout=subprocess.DEVNULL)
        for _ in range(5)
    ]
    assert [run.wait() for run in runs] == [0] * 5
    assert tree(home) == before


def test_agents_are_found_where_their_variables_say(bare: Path, tmp_path: Path) -> None:
    moved = {
        "CLAUDE_CONFIG_DIR": "skills/ltmc/.mcp.json",
        "CODEX_HOME": "config.toml",
        "GEMINI_CLI_HOME": ".gemini/extensions/ltmc/gemini-extension.json",
        "CURSOR_CONFIG_DIR": "mcp.json",
        "COPILOT_HOME": "mcp-config.json",
        "CLINE_DIR": "data/settings/cline_mcp_settings.json",
        "XDG_CONFIG_HOME": "zed/settings.json",
        "GOOSE_PATH_ROOT": "config/config.yaml",
    }
    env = {}
    for name, file in moved.items():
        env[name] = str(tmp_path / name)
        first = Path(file).parts[0]
        (tmp_path / name / first if first in (".gemini", "zed", "config") else tmp_path / name).mkdir(
            parents=True
        )
    ok(bare, "install", "--all", **env)
    assert [name for name, file in moved.items() if not (tmp_path / name / file).exists()] == []
    ok(bare, "uninstall", "--all")  # without the variables: what was done is noted
    assert [name for name, file in moved.items() if (tmp_path / name / file).exists()] == []


def test_a_project_gets_files_of_its_own(home: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "src").mkdir()
    (project / "AGENTS.md").write_text("# Rules")
    before, of_home = tree(project), tree(home)
    ok(home, "install", "--all", "--project", cwd=project / "src")
    assert tree(home) == of_home
    assert json.loads((project / ".mcp.json").read_text())["mcpServers"]["ltmc"]["command"] == sys.executable
    assert "alwaysApply: true" in (project / ".cursor/rules/ltmc.mdc").read_text()
    assert (project / "AGENTS.md").read_text().count("ltmc:begin") == 1
    ok(home, "uninstall", "codex", "opencode", "--project", cwd=project)
    assert not (project / ".codex").exists()
    assert "ltmc:begin" in (project / "AGENTS.md").read_text()  # for Zed and others
    ok(home, "install", "codex")
    ok(home, "uninstall", "--all", "--project", cwd=project)
    assert tree(project) == before
    assert "ltmc" in (home / ".codex/config.toml").read_text()
    refused = ltmc(home, "install", "claude-desktop", "--project", cwd=project)
    assert (refused.returncode, "no settings in a project" in refused.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [[], ["codex", "--all"], ["emacs"]])
def test_a_wrong_choice_names_the_agents(bare: Path, arguments: list[str]) -> None:
    done = ltmc(bare, "install", *arguments)
    assert done.returncode == 2
    assert "claude-code, claude-desktop, codex" in done.stderr


def test_doctor_tells_of_agents(home: Path, db: Path) -> None:
    def agents() -> dict[str, list[str]]:
        return json.loads(ltmc(home, "doctor", "--json", "--db", str(db)).stdout)["agents"]

    assert agents().keys() == CLIENTS.keys()
    nothing = ltmc(home / "Documents", "doctor", "--db", str(db)).stdout
    assert "Agents: none is here" in nothing
    assert "last failure" not in nothing
    db.parent.mkdir(exist_ok=True)
    db.with_name("hooks.log").write_text("an earlier line\nthe last line\n")
    assert re.search(r"last failure\s+the last line", ltmc(home, "doctor", "--db", str(db)).stdout)
    assert agents()["zed"] == ["not installed: ltmc install zed", ""]
    ok(home, "install", "--all")
    assert agents()["zed"] == ["installed", f"{sys.executable} -P -m ltmc serve"]
    assert agents()["codex"][0] == "installed; its hooks are not approved yet: type /hooks in Codex"
    assert agents()["claude-code"][0] == "installed"
    for known in ('{"projects": {"/a": {"mcpServers": {"ltmc": {}}}}}', '{"mcpServers": {"ltmc": {}}}'):
        (home / ".claude.json").write_text(known)
        assert "its tools are there twice" in agents()["claude-code"][0]
    for known in ("[]", "{", '{"projects": [], "mcpServers": null}', '{"projects": {"/a": 1}}'):
        (home / ".claude.json").write_text(known)
        assert agents()["claude-code"][0] == "installed"
    path = home / ".config/goose/config.yaml"
    path.write_text(path.read_text().replace(sys.executable, "/gone/python"))
    assert agents()["goose"][0] == "installed, but /gone/python is missing: run ltmc install goose"
    (home / ".cursor/mcp.json").write_text("{")
    assert "mcp.json cannot be read: line 1" in agents()["cursor"][0]
    assert "ltmc install goose" in ltmc(home, "doctor", "--db", str(db)).stdout


def test_the_folder_of_data_is_private_when_installing_makes_it(home: Path) -> None:
    ok(home, "install", "cursor")
    folder = home / ".local/share/ltmc"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "agents.json")]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"LTMC_PROFILE": "core"}, "profile (core; core,hooks has it)"),
        ({"LTMC_READ_ONLY": "1"}, "read_only"),
        ({"LTMC_PROFILE": "core,hooks"}, None),
    ],
)
def test_hooks_that_no_server_answers_are_told(home: Path, env: dict[str, str], why: str | None) -> None:
    said = ok(home, "install", "claude-code", "codex", **env)
    told = f"ts hooks are not answered: the tool hook_event is left out by the setting {why}"
    assert said.count(told) == (2 if why else 0), said
    assert said.count("ts hooks are not answered") == (2 if why else 0)
    file = home / ".codex/config.toml"
    file.write_text(file.read_text().replace('"serve"', '"serve", "--profile=lean"'))
    states = json.loads(ltmc(home, "doctor", "--json", LTMC_READ_ONLY="0").stdout)["agents"]
    assert "by the setting profile (lean; lean,hooks has it)" in states["codex"][0]
    assert states["claude-code"][0] == "installed"


def test_a_damaged_ledger_is_named(home: Path) -> None:
    ledger = home / ".local/share/ltmc/agents.json"
    ledger.parent.mkdir(parents=True)
    ledger.write_text("[")
    before = tree(home)
    done = ltmc(home, "install", "codex")
    assert (done.returncode, str(ledger) in done.stderr) == (1, True)
    for arguments in (("install", "codex", "cursor", "zed"), ("uninstall", "--all")):
        done = ltmc(home, *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert tree(home) == before


def test_without_the_ledger_what_is_ltmcs_is_taken_out(home: Path) -> None:
    ok(home, "install", "codex", "claude-code", "opencode")
    (home / ".local/share/ltmc/agents.json").unlink()
    ok(home, "uninstall", "--all")
    assert (home / ".codex/config.toml").read_text() == TOML
    assert not (home / ".claude/skills/ltmc/.mcp.json").exists()
    assert "ltmc" not in (home / ".config/opencode/AGENTS.md").read_text()


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    """A home for edits in this process."""
    return Scope(Places(tmp_path / "generated"))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["cursor", "claude-desktop", "vscode"]), json_texts(), st.booleans(), st.booleans())
def test_any_file_becomes_what_it_was(
    scope: Scope, name: str, made: tuple[str, object], marked: bool, twice: bool
) -> None:
    client = CLIENTS[name]
    pieces = scope.pieces(client)
    path = pieces[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    content = (codecs.BOM_UTF8 if marked else b"") + made[0].encode()
    path.write_bytes(content)
    ledger = Ledger(scope.places.home / "agents.json")
    drafts = installing.plan(pieces)
    for _ in range(2 if twice else 1):
        installing.install(scope.owner(client), drafts, ledger)
        drafts = installing.plan(pieces)
        assert not any(draft.changed for draft in drafts)
    assert path.read_bytes().startswith(codecs.BOM_UTF8) is marked
    installing.uninstall(scope.owner(client), pieces, Ledger(scope.places.home / "agents.json"))
    assert path.read_bytes() == content


def test_the_help_names_both_commands() -> None:
    assert "--dry-run" in run_cli("install", "--help").stdout
    assert "--project" in run_cli("uninstall", "--help").stdout


def test_the_skill_names_tools_that_exist() -> None:
    known = {tool.name for tool in manifest.tools()}
    for text in (guidance.skill(), guidance.BLOCK):
        named = set(re.findall(r"`([a-z]+_[a-z_]+)`", text))
        assert named
        assert named <= known
        assert len(text.splitlines()) < 120


def test_what_a_person_wrote_into_ltmcs_parts_is_kept_beside_the_file(home: Path) -> None:
    before = tree(home)
    ok(home, "install", "--all")
    edits = {
        ".cursor/mcp.json": ('"ltmc": {', '"ltmc": {"env": {"MINE": "1"},'),
        ".config/zed/settings.json": ('"source": "custom"', '/* mine */ "source": "custom"'),
        ".codex/config.toml": ("\n[mcp_servers.ltmc]\ncommand", "\n[mcp_servers.ltmc]\nstartup = 9\ncommand"),
        ".codex/hooks.json": ('"timeout": 10', '"timeout": 77'),
        ".config/goose/config.yaml": ("timeout: 300", "timeout: 9"),
        ".config/opencode/AGENTS.md": ("## Memory", "## Memory\n\nMine."),
        ".claude/skills/ltmc/skills/ltmc/SKILL.md": ("---\n", "---\nmine: yes\n"),
    }
    edited = {}
    for name, (old, new) in edits.items():
        path = home / name
        assert old in path.read_text()
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode(), 1))
        edited[name] = path.read_bytes()
    other = home / ".config/Claude/claude_desktop_config.json"
    other.write_text(other.read_text().replace("{\n", '{\n  "theirs": 1,\n', 1))
    (home / ".cursor/mcp.json.ltmc-edited").write_text("from another time")
    said = ok(home, "uninstall", "--all")
    for name, content in edited.items():
        copy = home / (f"{name}.ltmc-edited1" if name == ".cursor/mcp.json" else f"{name}.ltmc-edited")
        assert copy.read_bytes() == content
        assert f"the file as it was is kept: {copy}\n" in said
    assert len(list(home.rglob("*.ltmc-edited*"))) == len(edits) + 1
    assert said.count("had been edited") == len(edits)
    assert "not noted" not in said
    after = tree(home)
    for name in before:
        if name not in (".config/Claude/claude_desktop_config.json", ".config/goose/config.yaml"):
            assert after[name] == before[name]


def test_a_foreign_file_that_cannot_be_parsed_is_no_error(home: Path) -> None:
    broken = [
        ".cursor/mcp.json",
        ".codex/config.toml",
        ".config/goose/config.yaml",
        ".config/zed/settings.json",
    ]
    for name in broken:
        (home / name).write_bytes(b'{"a" 1, [\xff')
    before = tree(home)
    assert ok(home, "uninstall", "--all") == "There was nothing to take out.\n"
    assert tree(home) == before
    (home / ".cursor/mcp.json").write_text("{}")
    ok(home, "install", "cursor")
    (home / ".cursor/mcp.json").write_text("{")
    done = ltmc(home, "uninstall", "--all")
    assert (done.returncode, f"{home / '.cursor/mcp.json'}: line 1" in done.stderr) == (1, True)


def test_without_the_ledger_files_that_nobody_changed_become_what_they_were(home: Path) -> None:
    (home / ".codex/config.toml").write_text('# mine\n[mcp_servers.ltmc]\ncommand = "old" # mine\n')
    before = tree(home)
    ok(home, "install", "--all")
    (home / ".local/share/ltmc/agents.json").unlink()
    hooks = home / ".cursor/hooks.json"
    hooks.write_text(hooks.read_text().replace('"mine"', '"theirs"'))
    said = ok(home, "uninstall", "--all")
    after = tree(home)
    assert json.loads(hooks.read_text()) == json.loads(HOOKS.replace("mine", "theirs"))
    copy = hooks.with_name("hooks.json.ltmc-backup")
    assert copy.read_text() == HOOKS
    assert f"a copy from before LTMC stays: {copy}\n" in said
    assert "is not noted (agents.json is missing)" in said
    gone = {".cursor/hooks.json", ".cursor/hooks.json.ltmc-backup"}
    files = {name: one for name, one in after.items() if name not in gone and not (home / name).is_dir()}
    assert files == {name: one for name, one in before.items() if name in files}
    assert files.keys() == {name for name in before if name not in gone and not (home / name).is_dir()}


AT_HOME = {"codex": ".codex", "gemini": ".gemini", "cursor": ".cursor", "opencode": ".config/opencode"}
ROAMING, SUPPORT = "AppData/Roaming", "Library/Application Support"


@pytest.mark.parametrize(
    ("system", "folders"),
    [
        (
            "win32",
            {
                "claude-desktop": f"{ROAMING}/Claude",
                "vscode": f"{ROAMING}/Code/User",
                "devin": f"{ROAMING}/devin",
                "zed": f"{ROAMING}/Zed",
                "goose": f"{ROAMING}/Block/goose/config",
            },
        ),
        (
            "darwin",
            {
                "claude-desktop": f"{SUPPORT}/Claude",
                "vscode": f"{SUPPORT}/Code/User",
                "devin": ".config/devin",
                "zed": ".config/zed",
                "goose": ".config/goose",
            },
        ),
    ],
)
def test_agents_are_looked_for_where_each_system_has_them(
    bare: Path, monkeypatch: pytest.MonkeyPatch, system: str, folders: dict[str, str]
) -> None:
    for variable in ("APPDATA", "XDG_CONFIG_HOME", "CODEX_HOME", "GOOSE_PATH_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", system)
    for name, folder in (AT_HOME | folders).items():
        assert bare / folder in CLIENTS[name].folders(Places(bare)), name


def test_a_command_is_quoted_for_the_shell_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["C:\\Program Files\\Python\\python.exe", "-P", "-m", "ltmc", "hook", "it's"]
    assert hooks.shell(command) == "'C:\\Program Files\\Python\\python.exe' -P -m ltmc hook 'it'\"'\"'s'"
    monkeypatch.setattr(sys, "platform", "win32")
    assert hooks.shell(command) == '"C:\\Program Files\\Python\\python.exe" -P -m ltmc hook it\'s'
