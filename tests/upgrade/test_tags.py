"""Tags and codes of the index that older schemas keep elsewhere."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ltmc.storage.sqlite import migrations
from tests.client import Session

BEFORE = 15
"""The last version of the schema without a table of tags."""

IN_STEP = """
SELECT 'resources', value, r.id FROM resources r, json_each(r.tags)
UNION SELECT 'code_patterns', value, p.id FROM code_patterns p, json_each(p.tags)
EXCEPT SELECT place, tag, owner_id FROM tags
"""
TOO_MUCH = """
SELECT place, tag, owner_id FROM tags
EXCEPT SELECT 'resources', value, r.id FROM resources r, json_each(r.tags)
EXCEPT SELECT 'code_patterns', value, p.id FROM code_patterns p, json_each(p.tags)
"""


def assert_in_step(db: Path) -> None:
    """The table of tags says what the rows do."""
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute(IN_STEP).fetchall() == []
        assert connection.execute(TOO_MUCH).fetchall() == []


def test_tags_of_an_older_schema_are_found(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with closing(sqlite3.connect(db)) as connection, connection:
        for number, name in enumerate(migrations.FILES[:BEFORE], start=1):
            for statement in migrations.statements(migrations.script(name)):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations VALUES (?, '2026-01-01T00:00:00.000000Z')", (number,)
            )
        moment = "2026-01-01T00:00:00.000000Z"
        for number, tags in enumerate(('["ops", "é"]', '["ops"]', "[]", "[broken"), start=1):
            connection.execute(
                "INSERT INTO resources (project_id, file_name, type, content, content_hash, version, tags, created_at, "
                "updated_at) VALUES ('default', ?, 'note', 'We deploy on Fridays.', ?, 1, ?, ?, ?)",
                (f"{number}.md", str(number), tags, moment, moment),
            )
            connection.execute(
                "INSERT INTO resource_chunks (resource_id, ordinal, start_char, end_char, text, token_count) "
                "VALUES (?, 0, 0, 21, 'We deploy on Fridays.', 4)",
                (number,),
            )
    with Session(db) as client:
        assert [one["file_name"] for one in client.ok("list_memories", tag="ops")["memories"]] == [
            "2.md",
            "1.md",
        ]
        assert [one["file_name"] for one in client.ok("list_memories", tag="é")["memories"]] == ["1.md"]
        found = client.ok("advanced_context_search", query="", filters={"tags_all": ["ops", "é"]})
        assert [one["file_name"] for one in found["results"]] == ["1.md"]
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT tag, owner_id FROM tags ORDER BY 1, 2").fetchall() == [
            ("ops", 1),
            ("ops", 2),
            ("é", 1),
        ]


def test_tags_stay_in_step_with_what_bears_them(client: Session, db: Path) -> None:
    for name, tags in (("a.md", ["x", "y"]), ("b.md", ["y"]), ("c.md", [])):
        client.ok("store_memory", file_name=name, content=f"This is {name}.", tags=tags)
    attempt = {"input_prompt": "a", "generated_code": "a = 1", "result": "pass"}
    client.ok("log_code_attempt", **attempt, tags=["x", "z"])
    client.ok("update_memory", file_name="c.md", tags=["x"])
    client.ok("update_memory", file_name="a.md", tags=[])
    client.ok("store_memory", file_name="b.md", content="This is another b.md.", tags=["w"])
    assert_in_step(db)
    chosen = {"kind": "pattern", "tag": "z"}
    done = client.ok("forget", **chosen, confirm=client.ok("forget", **chosen)["confirm"])
    assert client.ok("get_code_patterns", query="a", tags=["z"])["patterns"] == []
    assert_in_step(db)
    client.ok("forget", undo=done["undo"])
    assert len(client.ok("get_code_patterns", query="a", tags=["z"])["patterns"]) == 1
    found = client.ok("advanced_context_search", query="", filters={"tags_any": ["x", "w"]})
    assert {one.get("file_name") for one in found["results"]} == {"b.md", "c.md", None}
    assert_in_step(db)
