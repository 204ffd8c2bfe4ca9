"""Each client's payloads through the real command: kept, recalled, answered in the client's own form."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from ltmc.features.hooks.brief import TOKENS
from ltmc.features.hooks.framing import BYTES_PER_TOKEN
from ltmc.features.hooks.handling import RECALL_TOKENS
from tests.client import Session, run_cli
from tests.hooks.clients import PAYLOADS, Project, context

FACT = "Quinces are picked in October, when the skin is yellow and the down rubs off."
ASKED = "when are the quinces picked?"

FORMS = {
    "claude-code": ("SessionStart", "UserPromptSubmit"),
    "codex": ("SessionStart", "UserPromptSubmit"),
    "gemini": ("SessionStart", "BeforeAgent"),
    "goose": ("SessionStart", "UserPromptSubmit"),
    "opencode": ("SessionStart", "UserPromptSubmit"),
}


@pytest.mark.parametrize("agent", PAYLOADS)
@pytest.mark.parametrize("named", [False, True])
def test_a_session_is_kept_and_recalled(repository: Project, agent: str, named: bool) -> None:
    repository.remember(FACT)
    flags = ("--agent", agent) if named or agent == "opencode" else ()  # whose plugin always says it

    def run(event: str, what: str) -> bytes:
        return repository.run(event, repository.payload(agent, what, prompt=ASKED), *flags).stdout

    started, asked = run("start", "start"), run("prompt", "prompt")
    for what in ("edit", "failure"):
        assert context(run("tool", what)) == ""
    if "before-compact" in PAYLOADS[agent]:
        assert context(run("before-compact", "before-compact")) == ""
    if "after-compact" in PAYLOADS[agent]:
        again = context(run("after-compact", "after-compact"))
        assert "This session so far" in again
        assert ASKED in again
    run("end", "end")
    assert not repository.failures()

    if agent in FORMS:
        for stdout, native in zip((started, asked), FORMS[agent], strict=True):
            answer = json.loads(stdout)
            assert set(answer) == {"hookSpecificOutput"}
            assert set(answer["hookSpecificOutput"]) == {"hookEventName", "additionalContext"}
            assert answer["hookSpecificOutput"]["hookEventName"] == native
    elif agent == "cursor":
        assert set(json.loads(started)) == {"additional_context"}
        assert json.loads(asked) == {"continue": True}
    elif agent == "copilot":
        assert set(json.loads(started)) == set(json.loads(asked)) == {"additionalContext"}
    else:
        assert json.loads(started) == json.loads(asked) == {}
    if agent != "cline":
        assert FACT[:40] in context(started)
        assert len(context(started).encode()) <= TOKENS * BYTES_PER_TOKEN
    if agent not in ("cline", "cursor"):
        assert FACT in context(asked)
        assert len(context(asked).encode()) <= RECALL_TOKENS * BYTES_PER_TOKEN

    rows = repository.messages()
    assert {row["project_id"] for row in rows} == {repository.id}
    assert {row["conversation_id"] for row in rows} == {"s1"}
    assert {row["agent_name"] for row in rows} == {agent}
    assert {row["source_tool"] for row in rows} == {"hook"}
    kept = {json.loads(row["metadata"])["hook"]: row for row in rows}
    assert (kept["prompt"]["role"], kept["prompt"]["content"]) == ("user", ASKED)
    assert kept["edit"]["content"].startswith("Edited src/quince.py\n")
    assert "ripe = True" in kept["edit"]["content"]
    assert kept["failure"]["content"].startswith("Failed: pytest -x\n")
    assert "AssertionError: sour" in kept["failure"]["content"]
    for what in ("prompt", "edit", "failure", "end"):
        assert what in kept
    assert "src/quince.py" in kept["end"]["content"]

    with Session(repository.db, "--project", "auto") as client:
        assert client.ok("list_memories", project_id=repository.id)["total"] == 1, "nothing became a memory"
        found = client.ok(
            "advanced_context_search",
            query="AssertionError sour",
            filters={"sources": ["chat"]},
            project_id=repository.id,
        )
        assert "AssertionError: sour" in found["results"][0]["content"]
    next_one = repository.start(session="s2")
    assert "The last session" in next_one
    assert "pytest -x" in next_one
    doctor = json.loads(run_cli("doctor", "--json", "--db", str(repository.db)).stdout)
    assert "indexed" not in str(doctor.get("problems", "")), doctor


@pytest.mark.parametrize("agent", PAYLOADS)
def test_without_anything_stored_nothing_is_told(repository: Project, agent: str) -> None:
    for event in ("start", "prompt"):
        stdout = repository.run(event, repository.payload(agent, event, prompt=ASKED)).stdout
        assert context(stdout) == ""
        if agent in ("gemini", "cursor", "copilot", "cline"):
            assert isinstance(json.loads(stdout), dict), "these clients read JSON alone"


def test_the_first_hook_makes_the_database(tmp_path, db) -> None:
    project = Project(tmp_path / "orchard", db)
    project.run("tool", project.payload("claude-code", "edit"))
    assert len(project.failures()) == 1
    assert not db.exists()
    with ThreadPoolExecutor(4) as pool:  # as Copilot CLI runs those of the start and of the first prompt
        runs = [pool.submit(one) for one in 2 * (project.start, lambda: project.prompt(ASKED))]
        for run in runs:
            run.result()
    assert project.kept() == [ASKED, ASKED]
    assert len(project.failures()) == 1
    assert db.stat().st_mode & 0o777 == 0o600


def test_a_prompt_is_told_a_memory_once_in_a_session(repository: Project) -> None:
    repository.remember(FACT)
    assert FACT in repository.prompt(ASKED)
    assert repository.prompt(ASKED) == ""
    assert repository.prompt("quinces picked in october") == ""
    assert FACT in repository.prompt(ASKED, session="s2")


@pytest.mark.parametrize(
    "prompt",
    [
        "please tidy up the imports in this module and run the formatter",
        "yes",
        "what is the skin made of in this theme engine?",
        "October",
        "",
        "the a of",
        "x" * 100_000,
    ],
)
def test_what_does_not_fit_is_not_told(repository: Project, prompt: str) -> None:
    repository.remember(FACT)
    repository.remember("The parser is generated from grammar.ebnf by the build.")
    assert repository.prompt(prompt) == ""
    assert not repository.failures()


def test_nothing_leaks_into_another_repository(repository: Project, tmp_path) -> None:
    repository.remember(FACT)
    other = Project(tmp_path / "vineyard", repository.db)
    assert other.start() == other.prompt(ASKED) == ""


def test_the_setting_project_names_where_things_are(repository: Project) -> None:
    assert run_cli("remember", FACT, "--project", "default", "--db", str(repository.db)).returncode == 0
    assert FACT in repository.prompt(ASKED), "what was stored without a project is told too"
    assert FACT in repository.prompt(ASKED, session="s2")
    assert repository.prompt(ASKED, session="s3", LTMC_PROJECT="orchard") == ""
    assert [row["project_id"] for row in repository.messages()] == [repository.id, repository.id, "orchard"]


@pytest.mark.parametrize(("agent", "told"), [("claude-code", b""), ("codex", b"{}")])
def test_an_answer_is_kept_and_told_next_time(repository: Project, agent: str, told: bytes) -> None:
    stop = {
        "hook_event_name": "Stop",
        "last_assistant_message": "The copper kettle it is.",
        "stop_hook_active": False,
    }
    payload = {**repository.payload(agent, "end"), **stop}
    assert repository.run("end", payload, "--agent", agent).stdout == told
    assert repository.kept() == ["The copper kettle it is."]
    assert repository.messages()[0]["role"] == "assistant"
    assert "The copper kettle it is." in repository.start(session="s2")


def test_answers_of_cursor_are_kept(repository: Project) -> None:
    told = {
        "hook_event_name": "afterAgentResponse",
        "text": "The copper <private>tin</private> kettle it is.",
    }
    payload = {**repository.payload("cursor", "end"), **told}
    for flags in (("--agent", "cursor"), ()):
        assert repository.run("end", payload, *flags).stdout == b"{}"
    assert repository.kept() == ["The copper [private] kettle it is."] * 2
    row = repository.messages()[0]
    assert (row["role"], row["agent_name"], json.loads(row["metadata"])["hook"]) == (
        "assistant",
        "cursor",
        "answer",
    )
    assert "kettle it is." in repository.start(session="s2")
    repository.run("end", payload | {"text": ""}, "--agent", "cursor")
    assert len(repository.kept()) == 2
    assert not repository.failures()


def test_what_the_program_of_cline_says_is_kept(repository: Project) -> None:
    """As version 3.0.65 said it, with more after the fields that are read."""
    session = {"taskId": "conv_1", "sessionContext": {"rootSessionId": "1795710095196_ncr5i"}}
    about = {"clineVersion": "", **session, "workspaceRoots": [str(repository.root)], "parent_agent_id": None}

    def tool(name: str, given: dict[str, str], output: object) -> dict[str, object]:
        called = {"id": "c", "name": name, "input": given, "output": output, "durationMs": 128}
        used = {"toolName": name, "parameters": given, "result": json.dumps(output), "success": True}
        return {**about, "hookName": "tool_result", "tool_result": called, "postToolUse": used}

    ran = [
        {"query": "true", "result": "", "success": True},
        {"query": "cat none", "result": "[stderr]\ncat: none", "error": "Command exited", "success": False},
    ]
    edit = {"path": str(repository.root / "a.py"), "new_text": "quince = 1"}
    start = {**about, "hookName": "agent_start", "taskStart": {"taskMetadata": {}}}
    turn = {"outputText": "All done then.", "status": "completed"}
    for event, payload in (
        ("start", start),
        ("tool", tool("run_commands", {"commands": '["true","cat none"]'}, ran)),
        ("tool", tool("run_commands", {"commands": '["true"]'}, ran[:1])),
        ("tool", tool("editor", edit, {"query": "edit:a.py", "result": "created", "success": True})),
        ("tool", tool("editor", edit, {"query": "edit:a.py", "error": "it exists", "success": False})),
        ("end", {**about, "hookName": "agent_end", "turn": turn, "taskComplete": {"taskMetadata": {}}}),
    ):
        assert repository.run(event, payload, "--agent", "cline").stdout == b"{}"
    assert repository.kept() == [
        "Failed: cat none\n[stderr]\ncat: none",
        "Edited a.py\nquince = 1",
        "All done then.",
    ]
    assert {row["conversation_id"] for row in repository.messages()} == {"1795710095196_ncr5i"}


def test_a_failure_that_copilot_calls_a_success_is_kept(repository: Project) -> None:
    """As version 1.0.102 said it."""
    for code in (0, 1):
        said = f"cat: none: No such file or directory\n<shellId: 0 completed with exit code {code}>"
        told = {"toolArgs": {"command": "cat none", "description": "Read it"}}
        told |= {"toolResult": {"resultType": "success", "textResultForLlm": said}}
        repository.run("tool", {**repository.payload("copilot", "failure"), **told}, "--agent", "copilot")
    assert repository.kept() == [f"Failed: cat none\n{said}"]


def test_the_summary_of_a_compaction_is_kept(repository: Project) -> None:
    payload = repository.payload("claude-code", "before-compact") | {
        "hook_event_name": "PostCompact",
        "compact_summary": "We chose the copper kettle.",
    }
    assert repository.run("after-compact", payload).stdout == b"", "PostCompact cannot inject"
    assert repository.kept() == ["We chose the copper kettle."]
    again = repository.told("after-compact", repository.payload("claude-code", "after-compact"))
    assert "copper kettle" in again


def test_whether_a_command_of_codex_failed_is_read_in_its_transcript(repository: Project) -> None:
    records = [{"payload": {"item": {"id": f"call{code}", "exit_code": code}}} for code in (0, 1, None)]
    lines = [*map(json.dumps, records), '{"payload": {"item": "call1 exit_code"}}', '{"call1": "exit_code']
    transcript = repository.root / "rollout.jsonl"
    transcript.write_text("\n".join(["x" * 2_000_000, *lines]))
    asked = repository.payload("codex", "failure") | {"tool_response": "sour", "error": None}
    for call in ("call0", "call1", "callNone", "absent", ""):
        told = {"transcript_path": str(transcript), "tool_use_id": call, "tool_input": {"command": call}}
        repository.run("tool", asked | told, "--agent", "codex")
    repository.run(
        "tool", asked | {"transcript_path": "/no/such", "tool_use_id": "call1"}, "--agent", "codex"
    )
    assert repository.kept() == ["Failed: call1\nsour"]
    assert not repository.failures()


def test_what_gemini_puts_before_a_prompt_is_not_kept(repository: Project) -> None:
    told = "<hook_context>&lt;ltmc-memory&gt; the plums &lt;/ltmc-memory&gt;</hook_context>\n\nWhy <hook_context>?"
    repository.run("prompt", repository.payload("gemini", "prompt", prompt=told))
    assert repository.kept() == ["Why <hook_context>?"]


def test_the_last_checkpoint_takes_the_place_of_those_before(repository: Project) -> None:
    for asked in ("the <b>plums</b> & pears", "the quinces"):
        repository.prompt(asked)
        repository.run("before-compact", repository.payload("claude-code", "before-compact"))
    first, second, checkpoint = repository.kept()
    assert (first, second) == ("the <b>plums</b> & pears", "the quinces")
    assert checkpoint.endswith("the quinces")
    repository.run("tool", repository.payload("claude-code", "failure"))
    repository.run("end", repository.payload("claude-code", "end"))
    assert "&" not in repository.kept()[-1], "stored as it was said"
    with Session(repository.db, "--project", "auto") as client:
        found = client.ok("advanced_context_search", query="plums", project_id=repository.id)
        assert found["results"][0]["content"] == first
