"""Recall at a prompt, with 200 memories: silent where a prompt asks for nothing, and not where it asks something."""

import pytest

from tests.client import Session
from tests.hooks.clients import Project, context

SHORT = """
ok|OK.|okay|yes|yes please|Yes, please!|no|go on|go ahead|continue|fix it|please fix it|do it|try again|thanks
thank you!|thanks, looks good|great|perfect|next|run it|commit|commit and push|LGTM|sure|stop|1|y|:)|👍|hm, why?|...
and the other one?|do that again|it works now|what now?|ja|weiter bitte|merci|gracias|да|继续|好的|続けて|are you sure?
"""

FACTS = {
    "When are the quinces picked?": "The quinces are picked in October, when the skin is yellow.",
    "where is the staging database restored from": "The staging database is restored every night from the backup.",
    "Why did we choose NATS over Kafka?": "We chose NATS over Kafka since one broker is enough here.",
    "how long do access tokens live": "Access tokens live for fifteen minutes, refresh tokens for a week.",
    "which port does the metrics endpoint listen on": "The metrics endpoint listens on port 9464.",
    "who reviews changes to billing": "Changes to billing are reviewed by Ann and Bob.",
    "rename the column customer_ref": "The column customer_ref is read by the nightly export.",
    "bump the parser generator": "The parser generator is pinned, a newer one breaks error recovery.",
    "why is the cache warmed at startup": "The cache is warmed at startup, else the first minute times out.",
    "add a retry to the webhook sender": "The webhook sender must not retry on 410 Gone.",
    "how do we name feature branches": "Feature branches are named after the ticket and its author.",
    "the invoice PDF has the wrong font": "The invoice PDF needs the font Inter embedded as a subset.",
    "upgrade the terraform provider": "The terraform provider stays at 4.x until the state is moved.",
    "make the importer skip empty rows": "The importer counts empty rows as errors for the auditors.",
    "what timezone do cron jobs use": "Cron jobs use the timezone UTC since the spring outage.",
    "is the mobile app signed by CI": "The mobile app is signed by CI with a key in the vault.",
    "delete the legacy search endpoint": "The legacy search endpoint is called by two partners until June.",
    "how are feature flags rolled out": "Feature flags are rolled out to five percent first.",
    "where do the design tokens come from": "The design tokens come from the Figma export.",
    "why do we pin the base image": "The base image is pinned by digest after a broken libc.",
}
"""Questions and tasks, each with a memory that is to be told."""

PARTS = ("login", "search", "upload", "report", "queue", "editor", "mailer", "gateway", "scheduler", "ledger")
ABOUT = (
    "It is ok to run the {} tests in parallel, go on with the next one when they are done.",
    "Yes, the {} page needs a fix: please continue with the other one first.",
    "Thanks to the new index the {} works well now, commit and push it again.",
    "We stop the {} job and try again after a wait; sure, that is fine.",
    "Do not change the {} settings by hand: apply the plan and look at the result.",
    "The {} team said no to more retries, keep one and go ahead.",
    "Good to know: the {} check shows what happened last night.",
    "Ja, der {} Dienst geht weiter, danke; bitte nicht neu starten.",
    "The question about the {} was answered: both options are right.",
)


@pytest.fixture
def stored(repository: Project) -> Project:
    """A repository with 200 memories, half of them full of everyday words."""
    notes = [about.format(part) for about in ABOUT for part in PARTS]
    notes += [f"Rack {number} in hall {number % 7} holds spare fans and cables." for number in range(90)]
    notes += FACTS.values()
    assert len(notes) == 200
    with Session(repository.db, "--project", "auto") as client:
        for number, text in enumerate(notes):
            client.ok("store_memory", file_name=f"{number}.md", content=text, project_id=repository.id)
    return repository


def test_a_prompt_that_asks_for_nothing_is_told_nothing(stored: Project) -> None:
    prompts = [prompt for line in SHORT.split("\n") for prompt in line.split("|") if prompt]
    assert len(prompts) > 40
    with Session(stored.db, "--project", "auto", cwd=stored.root) as client:
        for number, prompt in enumerate(prompts):
            assert told(client, stored, prompt, number) == "", prompt
            assert stored.prompt(prompt, session=f"c{number}") == "", prompt
        missed = [
            (asked, fact)
            for number, (asked, fact) in enumerate(FACTS.items())
            if fact[:40] not in told(client, stored, asked, 100 + number)
            or fact[:40] not in stored.prompt(asked, session=f"d{number}")
        ]
    assert missed == []
    assert not stored.failures()


def told(client: Session, project: Project, prompt: str, number: int) -> str:
    """What the tool for hooks tells."""
    payload = project.payload("claude-code", "prompt", session=f"s{number}", prompt=prompt)
    given = {name: payload[name] for name in ("hook_event_name", "session_id", "cwd", "prompt")}
    return context(client.ok("hook_event", event="prompt", **given)["text"].encode())
