"""The same through a server that runs: the tool that hooks call in place of the command."""

import json
import re

from ltmc.tools import manifest
from tests.client import Session
from tests.hooks.clients import PAYLOADS, Project, context

FIELDS = manifest.tool("hook_event").parameters["properties"]


def said(client: Session, event: str, payload: dict, **more: str) -> str:
    """What a client reads of the tool: its text, as it would the output of the command."""
    fields = {name: value for name, value in payload.items() if name in FIELDS}
    text: str = client.ok("hook_event", event=event, **more, **fields)["text"]
    return text


def without_times(text: str) -> str:
    """The text without its times of writing: the tool and the command may be asked in two minutes."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", "(time)", text)


def test_the_tool_says_what_the_command_says(repository: Project) -> None:
    repository.remember("Quinces are picked in October, when the skin is yellow.")
    asked = "when are the quinces picked?"
    with Session(repository.db, "--project", "auto") as client:
        for number, agent in enumerate(("claude-code", "codex")):
            for what in PAYLOADS[agent]:
                event = "tool" if what in ("edit", "failure") else what
                by_tool = said(
                    client,
                    event,
                    repository.payload(agent, what, session=f"t{number}", prompt=asked),
                    agent=agent,
                )
                payload = repository.payload(agent, what, session=f"c{number}", prompt=asked)
                by_command = repository.run(event, payload, "--agent", agent).stdout.decode()
                if what != "start":  # the last session is another one each time
                    assert without_times(by_tool) == without_times(by_command), (agent, what)
    rows = repository.messages()
    of_tool = [row["content"] for row in rows if row["conversation_id"].startswith("t")]
    of_command = [row["content"] for row in rows if row["conversation_id"].startswith("c")]
    assert len(of_tool) == len(of_command) > 8
    assert not repository.failures()


def test_a_server_recalls_by_meaning(repository: Project) -> None:
    repository.remember("Deploys to staging fail while another migration holds the lock.")
    repository.remember("The cat sleeps on the printer.")
    asked = "why can I not roll out to the test environment during a schema change?"
    assert repository.prompt(asked) == ""
    with Session(repository.db, "--project", "auto") as client:
        told = context(
            said(
                client, "prompt", repository.payload("claude-code", "prompt", session="s2", prompt=asked)
            ).encode()
        )
        assert "migration holds the lock" in told
        again = repository.payload("claude-code", "prompt", session="s2", prompt=asked)
        assert said(client, "prompt", again) == ""


def test_placeholders_that_a_client_did_not_fill_in_are_nothing(repository: Project) -> None:
    payload = {
        "session_id": "s1",
        "cwd": str(repository.root),
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "tool_input": json.dumps({"command": "pytest -x"}),
        "tool_response": "${tool_response}",
        "error": "${error}",
    }
    with Session(repository.db, "--project", "auto") as client:
        said(client, "tool", payload)
        assert repository.kept() == []
        said(client, "tool", payload | {"error": "Exit code 1"})
        assert repository.kept() == ["Failed: pytest -x\nExit code 1"]


def test_wrong_arguments_are_told_and_a_broken_project_is_not(repository: Project) -> None:
    with Session(repository.db, "--project", "auto") as client:
        client.bad("hook_event", "INVALID_ARGUMENT", "event", event="lunch")
        client.bad("hook_event", "INVALID_ARGUMENT", "agent", event="start", agent="abacus")
        repository.root.joinpath(".ltmc.toml").write_text("capture = 1")
        assert said(client, "prompt", repository.payload("claude-code", "prompt", prompt="a quince")) == ""
    assert repository.kept() == []


def test_the_tool_is_offered_where_hooks_are_asked_for(repository: Project) -> None:
    for profile, offered in (("core", False), ("core,hooks", True), ("all", True)):
        with Session(repository.db, "--profile", profile) as client:
            assert ("hook_event" in {tool["name"] for tool in client.tools()}) is offered
