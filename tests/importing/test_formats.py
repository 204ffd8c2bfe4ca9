"""Every format comes in whole, once, with its times, its projects and its links."""

import codecs
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ltmc.app.project_identity import clone_of, project_of
from ltmc.app.secret_guard import SecretGuard
from ltmc.importing import streams
from ltmc.importing.items import Position
from ltmc.importing.registry import FORMATS
from ltmc.importing.writing import Writer
from tests.client import Session, run_cli
from tests.importing import samples
from tests.importing.samples import TALKS

SHOP = project_of(Path("/work/no-such/shop"))


def imported(
    db: Path, *paths: Path, code: int = 0, flags: tuple[str, ...] = (), **env: str
) -> dict[str, Any]:
    """What `ltmc import` says of paths."""
    done = run_cli("import", *map(str, paths), "--db", str(db), "--json", *flags, **env)
    assert done.returncode == code, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", TALKS)
def test_a_talk_comes_in_once(name: str, db: Path, tmp_path: Path) -> None:
    path = TALKS[name](tmp_path)
    first = imported(db, path)
    assert first["new"] == {"messages": 2}, first
    assert first["sources"][0]["error"] is None
    assert imported(db, path)["new"] == {}
    path.touch()
    assert imported(db, path)["new"] == {}, "also when it is read again"
    with Session(db) as client:
        project = next(one["project_id"] for one in client.ok("list_projects")["projects"] if one["messages"])
        if name not in ("gemini-object", "cursor-lines"):
            assert project == SHOP
        [talk] = client.ok("list_conversations", project_id=project)["conversations"]
        said = client.ok("get_chat_history", conversation_id=talk["conversation_id"], project_id=project)
        assert [(one["role"], one["content"]) for one in said["messages"]] == [
            ("user", "Why is the kiosk slow?"),
            ("assistant", "The kiosk waits for its DNS."),
        ]
        if name not in ("cursor-lines", "goose-lines"):
            assert said["messages"][0]["timestamp"].startswith("2026-03-04T10:00")
        chosen = {"filters": {"sources": ["chat"]}, "project_id": project}
        found = client.ok("advanced_context_search", query="waits for its DNS", **chosen)
        assert found["results"][0]["content"] == "The kiosk waits for its DNS."


def test_files_of_windows_come_in_too(db: Path, tmp_path: Path) -> None:
    made = {}
    for name, make in (*TALKS.items(), ("server-memory", samples.server_memory)):
        (tmp_path / name).mkdir()
        path = make(tmp_path / name)
        if path.suffix in (".jsonl", ".json"):
            content = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(codecs.BOM_UTF8 + content)
            made[str(path)] = {"memories": 2, "links": 3} if name == "server-memory" else {"messages": 2}
    assert len(made) > 8
    report = imported(db, *map(Path, made))
    assert {one["path"]: one["new"] for one in report["sources"]} == made
    assert imported(db, *map(Path, made))["new"] == {}


def _memories(client: Session, project: str) -> dict[str, dict[str, Any]]:
    listed = client.ok("list_memories", limit=100, project_id=project)["memories"]
    return {
        one["file_name"]: client.ok("get_memory", resource_id=one["resource_id"], project_id=project)
        for one in listed
    }


def test_entities_become_memories_and_the_graph(db: Path, tmp_path: Path) -> None:
    path = samples.server_memory(tmp_path)
    first = imported(db, path)
    assert first["new"] == {"memories": 2, "links": 3}
    assert first["skipped"]["unfinished last lines"] == 1
    assert imported(db, path)["new"] == {}
    with path.open("a") as file:
        file.write('me": "Radio", "entityType": "machine", "observations": ["It hums."]}\n')
    assert imported(db, path)["new"] == {"memories": 1, "links": 1}, "the torn line was ended"
    with Session(db) as client:
        near = client.ok("query_graph", entity="kiosk", max_depth=1)
        assert {(one["source_id"], one["relation"]) for one in near["relationships"]} >= {
            ("Kiosk", "stands_in")
        }
        found = client.ok("retrieve_memory", query="what waits for its DNS")["results"][0]
        assert found["file_name"] == "entities/Kiosk.md"
        assert "documents" in {one["relation"] for one in near["relationships"]}


def test_notes_are_linked_and_a_changed_one_is_a_new_version(db: Path, tmp_path: Path) -> None:
    folder = samples.vault(tmp_path)
    assert imported(db, folder)["new"] == {"memories": 2, "links": 2}
    assert imported(db, folder)["new"] == {}
    with Session(db) as client:
        notes = _memories(client, "default")
        kiosk = notes["vault/kiosk.md"]
        assert set(notes) == {"vault/kiosk.md", "vault/places/Hangar.md"}
        assert kiosk["tags"] == ["dns", "slow things", "machine", "markdown"]
        assert kiosk["metadata"]["title"] == "The Kiosk"
        assert kiosk["content"].startswith("The kiosk waits")
        near = client.ok("get_document_relationships", doc_id="vault/kiosk.md")
        assert [one["relation"] for one in near["outgoing"]] == ["stands_in"]
        assert [one["relation"] for one in near["incoming"]] == ["references"]
    (folder / "kiosk.md").write_text("---\ntitle: The Kiosk\n---\nThe kiosk has a DNS of its own.")
    assert imported(db, folder)["new"] == {"memories": 1}
    with Session(db) as client:
        history = client.ok("memory_history", file_name="vault/kiosk.md")
        assert [one["version"] for one in history["versions"]] == [2, 1]
        assert (
            client.ok("get_memory", file_name="vault/kiosk.md")["content"]
            == "The kiosk has a DNS of its own."
        )


@pytest.mark.parametrize(
    ("name", "new", "project", "memory"),
    [
        ("claude_mem", {"memories": 2, "messages": 1}, "my-shop", "claude-mem/1-Slow kiosk.md"),
        ("memory_service", {"memories": 1}, "default", "memory-service/aa11.md"),
        ("engram", {"memories": 1, "messages": 1}, SHOP, "engram/kiosk/dns.md"),
        ("chatgpt", {"messages": 2}, "default", None),
        ("claude_export", {"messages": 2, "memories": 1}, "default", "claude/Shop/kiosk.txt"),
    ],
)
def test_stores_and_exports_of_others(
    name: str, new: dict[str, int], project: str, memory: str | None, db: Path, tmp_path: Path
) -> None:
    path = getattr(samples, name)(tmp_path)
    before = path.read_bytes() if path.is_file() else b""
    first = imported(db, path)
    assert first["new"] == new
    assert "left out" not in json.dumps(first)
    if path.is_file():
        path.touch()
        assert path.read_bytes() == before
        assert [one.name for one in tmp_path.iterdir() if one.name.startswith(path.name)] == [path.name]
    assert imported(db, path)["new"] == {}
    with Session(db) as client:
        notes = _memories(client, project)
        assert "left out" not in str(notes)
        if memory is not None:
            assert notes[memory]["created_at"].startswith("2026-03-04")
        talks = client.ok("list_conversations", project_id=project)["conversations"]
        assert sum(one["messages"] for one in talks) == new.get("messages", 0)
        for talk in talks:
            said = client.ok("get_chat_history", conversation_id=talk["conversation_id"], project_id=project)
            assert said["messages"][0]["content"] == "Why is the kiosk slow?"


def test_one_project_for_all(db: Path, tmp_path: Path) -> None:
    samples.vault(tmp_path)
    samples.claude_code(tmp_path)
    assert imported(db, tmp_path, flags=("--project", "mine"))["new"] == {
        "memories": 2,
        "links": 2,
        "messages": 2,
    }
    with Session(db) as client:
        listed = client.ok("list_projects")["projects"]
        assert [(one["project_id"], one["memories"], one["messages"]) for one in listed] == [("mine", 2, 2)]


def test_a_dry_run_stores_nothing(db: Path, tmp_path: Path) -> None:
    path = samples.claude_code(tmp_path)
    assert imported(db, path, flags=("--dry-run",))["new"] == {"messages": 2}
    assert not db.exists()
    imported(db, path)
    assert imported(db, path, flags=("--dry-run",))["new"] == {}


ODD = (
    None,
    True,
    -1,
    1e400,
    float("nan"),
    10**400,
    "",
    "x",
    "\ud800\x00",
    [],
    [[]],
    [1, None, {}],
    {},
    {"a": {}},
)
"""Values that a program would not write."""


def odd_values(value: Any) -> Iterator[Any]:
    """A value with each part in turn replaced by something odd, or left out."""
    yield from ODD
    if isinstance(value, dict):
        for key, part in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from (value | {key: odd} for odd in odd_values(part))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from ([*value[:place], odd, *value[place + 1 :]] for odd in odd_values(part))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
def test_whatever_stands_in_a_record_is_read_or_left_out(form: Any, tmp_path: Path) -> None:
    made = {
        **TALKS,
        "server": samples.server_memory,
        "chatgpt": samples.chatgpt,
        "claude": samples.claude_export,
    }
    guard = SecretGuard("mask")
    writer = Writer(None, guard, project_of, clone_of, None, dry_run=True)
    for name, make in made.items():
        (tmp_path / name).mkdir()
        path = make(tmp_path / name)
        if path.is_dir():
            path /= "conversations.json"
        elif path.suffix == ".zip":
            path = path.with_suffix("") / "conversations.json"
            path.parent.mkdir()
            with zipfile.ZipFile(path.parent.with_suffix(".zip")) as archive:
                path.write_bytes(archive.read("conversations.json"))
        if not form.detect(path) or path.suffix not in (".json", ".jsonl"):
            continue
        if path.suffix == ".jsonl":
            first, *records = path.read_text().splitlines()[:12]
            lines = [
                first,
                *(
                    json.dumps(odd)
                    for record in records
                    if _whole(record)
                    for odd in odd_values(json.loads(record))
                ),
            ]
            contents = ["\n".join(lines)]
        else:
            contents = [json.dumps(odd) for odd in odd_values(json.loads(path.read_text()))]
        for content in contents:
            path.write_text(content)
            streams.head.cache_clear()
            position = Position()
            writer._batch(form.NAME, list(form.read(path, position)), position)


def _whole(record: str) -> bool:
    return record.endswith("}")


def test_notes_beside_an_export_of_chats_come_in_too(db: Path, tmp_path: Path) -> None:
    top = tmp_path / "both"
    (top / "deep").mkdir(parents=True)
    said = {"uuid": "m", "sender": "human", "text": "Why is the kiosk slow?"}
    talk = {"uuid": "t", "name": "Kiosk", "chat_messages": [said]}
    (top / "conversations.json").write_text(json.dumps([talk]))
    (top / "users.json").write_text("[]")
    (top / "a.md").write_text("The kiosk waits for its DNS.")
    (top / "deep" / "b.md").write_text("Its router is old.")
    assert imported(db, top)["new"] == {"messages": 1, "memories": 2}
    assert imported(db, top)["new"] == {}
