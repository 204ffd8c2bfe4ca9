"""The settings page: what is in force, the doctor, backup, the search index, import; long work in the background."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.client import Session, run_cli
from tests.dashboard.browsing import NARROW, WIDE, Dashboard
from tests.dashboard.content import HOSTILE
from tests.http.serving import Serving

JOB = "#job .job"


def done(page: Page, heading: str) -> str:
    """Wait for the work in the background; what came of it."""
    expect(page.locator(f"{JOB} h2")).to_contain_text(heading, timeout=120_000)
    expect(page.locator(f"{JOB} progress")).to_have_count(0)
    return page.locator(JOB).inner_text()


def look_into(site: Dashboard, file: Path, into: str = "") -> str:
    """Send a file; what would come in."""
    page = site.visit("/settings")
    page.locator("#file").set_input_files(file)
    page.get_by_label("Into the project").fill(into)
    page.get_by_role("button", name="Look into it").click()
    return done(page, "What would come in")


def test_settings_and_where_each_is_from(browser: Browser, db: Path, tmp_path: Path) -> None:
    config = tmp_path / "ltmc.toml"
    config.write_text('log_days = 40\nsecrets = "mask"\n')
    env = {
        "LTMC_CONFIG": str(config),
        "LTMC_REDIS_URL": "redis://me:pass-word@127.0.0.1:1/0",
        "LTMC_LOG_ROWS": "5000",
    }
    with Serving(db, **env) as server:
        site = Dashboard(browser, server, db)
        page = site.visit("/settings")
        rows = {
            cells[0]: cells[1:]
            for row in page.locator("table.settings tbody tr").all()
            if (cells := row.locator("th, td").all_inner_texts())
        }
        assert rows["log_days"] == ["40", "file"]
        assert rows["log_rows"] == ["5000", "environment"]
        assert rows["redis_url"] == ["redis://127.0.0.1:1/0", "environment"]
        assert rows["http_port"] == ["0", "flag"]
        assert rows["durability"] == ["full", "default"]
        assert rows["roots"] == ["[]", "default"]
        assert rows["settings file"] == [str(config), "present"]
        assert "pass-word" not in page.content()
        assert "cache: " in page.locator(".notice").inner_text()
        site.close()


def test_the_doctor_finds_what_the_command_finds(site: Dashboard) -> None:
    site.server.call("store_memory", file_name="doctor.md", content="Look at it.", project_id="default")
    page = site.visit("/settings")
    page.get_by_role("button", name="Call the doctor").click()
    found = done(page, "What the doctor found")
    report = json.loads(run_cli("doctor", "--db", str(site.db), "--json").stdout)
    assert report["status"] in found
    assert report["search"]["kernel"] in found
    assert str(site.db) in found
    for part, state in report["health"].items():
        assert f"{part.replace('_', ' ')}\n{state}" in found
    page.reload()
    assert "What the doctor found" in page.locator(JOB).inner_text()
    assert site.accessibility() == []


def test_the_doctor_names_what_is_wrong_and_reindexing_mends_it(browser: Browser, db: Path) -> None:
    with Serving(db) as server:
        for number in range(3):
            assert server.call("add_todo", title=f"todo {number}", project_id="default")["success"]
        site = Dashboard(browser, server, db)
        with closing(sqlite3.connect(db)) as connection:
            connection.execute("DELETE FROM search_codes")
            connection.execute("DELETE FROM search_entries WHERE kind = 'todo'")
            connection.commit()
        page = site.visit("/settings")
        page.get_by_role("button", name="Call the doctor").click()
        assert "ltmc reindex" in done(page, "What the doctor found")
        page.get_by_label("all anew").check()
        page.get_by_role("button", name="Bring in step").click()
        assert re.search(r"Indexed [1-9]", done(page, "Search index"))
        page.get_by_role("button", name="Call the doctor").click()
        assert "ltmc reindex" not in done(page, "What the doctor found")
        found = server.call("list_todos", query="todo", project_id="default")
        assert found["success"]
        site.close()


def test_a_backup_is_whole_and_can_be_put_back(site: Dashboard, tmp_path: Path) -> None:
    site.server.call("store_memory", file_name="kept.md", content="Keep me.", project_id="kept")
    page = site.visit("/settings")
    page.get_by_label("Name of the file").fill("mine.db")
    page.get_by_role("button", name="Back up").click()
    said = done(page, "Backup: mine.db")
    file = site.db.parent / "backups" / "mine.db"
    assert str(file) in said
    assert file.parent.stat().st_mode & 0o077 == 0
    other = tmp_path / "other.db"
    assert run_cli("restore", str(file), "--db", str(other)).returncode == 0
    shown = run_cli("show", "kept.md", "--db", str(other), "--project", "kept")
    assert "Keep me." in shown.stdout
    page = site.visit("/settings")
    page.get_by_text("1 backup").click()
    expect(page.locator(".care details")).to_contain_text("mine.db")
    page.get_by_label("Name of the file").fill("mine.db")
    page.get_by_role("button", name="Back up").click()
    assert "is there already; choose another name" in page.locator("main").inner_text()
    assert page.get_by_label("Name of the file").input_value() == "mine.db"


@pytest.mark.parametrize(
    "name", ["../out.db", "/tmp/out.db", "a/b", ".hidden", "", "x" * 101, "a\nb", "ltmc.db-wal/.."]
)
def test_a_backup_goes_nowhere_else(site: Dashboard, name: str) -> None:
    page = site.visit("/settings")
    csrf = page.locator("input[name=csrf]").first.input_value()
    before = {*site.db.parent.rglob("*")}
    answer = page.request.post(f"{site.origin}/settings/backup", form={"csrf": csrf, "name": name})
    assert answer.status == 400
    assert "allowed: 1 to 100 letters" in answer.text()
    assert {*site.db.parent.rglob("*")} - before == set()


def test_a_file_is_looked_into_before_it_is_imported(site: Dashboard, tmp_path: Path) -> None:
    note = tmp_path / "Harbour rules.md"
    note.write_text("# Harbour\n\nBoats moor at [[Pier 4]].\n")
    found = look_into(site, note, "harbour")
    assert "Memories to come in\n1" in found
    assert "markdown" in found
    assert site.server.call("list_memories", project_id="harbour")["total"] == 0
    page = site.page
    page.reload()
    page.get_by_role("button", name="Import it").click()
    assert "Memories\n1" in done(page, "Import: Harbour rules.md")
    (memory,) = site.server.call("list_memories", project_id="harbour")["memories"]
    assert memory["file_name"] == "imported/Harbour rules.md"
    assert "Nothing new would come in" in look_into(site, note, "harbour")
    page.get_by_role("button", name="Leave it").click()
    expect(page.locator(JOB)).to_have_count(0)


def test_an_export_goes_from_one_database_to_another(site: Dashboard, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with Session(other) as client:
        client.ok("store_memory", file_name="from/afar.md", content="It came over.", project_id="afar")
        client.ok("add_todo", title="carry on", project_id="afar")
    file = tmp_path / "all.jsonl"
    assert run_cli("export", "--db", str(other), "--output", str(file)).returncode == 0
    look_into(site, file)
    site.page.get_by_role("button", name="Import it").click()
    done(site.page, "Import: all.jsonl")
    assert site.server.call("list_memories", project_id="afar")["total"] == 1
    assert site.server.call("list_todos", project_id="afar")["total"] == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.md", b"", "found an empty file"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0", "binary data of no known format"),
        ("cut.zip", b"PK\x03\x04 no zip", "a zip file that is damaged or cut off"),
    ],
)
def test_what_cannot_be_imported_is_named(
    site: Dashboard, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert said in look_into(site, file)
    assert site.page.get_by_role("button", name="Import it").count() == 0
    site.page.get_by_role("button", name="Leave it").click()


def test_a_wrong_project_is_refused(site: Dashboard, tmp_path: Path) -> None:
    page = site.visit("/settings")
    note = tmp_path / "note.md"
    note.write_text("A note.")
    page.locator("#file").set_input_files(note)
    page.get_by_label("Into the project").fill("no project!")
    page.get_by_role("button", name="Look into it").click()
    assert "into: got 'no project!'" in page.locator("main").inner_text()


def test_a_form_is_bounded_whether_it_says_its_length_or_not(site: Dashboard) -> None:
    import http.client

    cookie = "; ".join(f"{one['name']}={one['value']}" for one in site.context.cookies())
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=60)
    block = b"x" * 1024 * 1024
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
    headers = {"Cookie": cookie, "Content-Type": "multipart/form-data; boundary=x"}
    body = [head, *[block] * 17]
    connection.request("POST", "/theme", iter(body), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 400
    assert "this has more" in answer.read().decode()
    connection.close()


def test_one_piece_of_work_at_a_time_and_it_outlives_a_reload(browser: Browser, db: Path) -> None:
    with Serving(db) as server:
        for number in range(12):
            text = " ".join(f"word{number * place}" for place in range(1, 900))
            assert server.call("store_memory", file_name=f"{number}.md", content=text, project_id="default")[
                "success"
            ]
        site = Dashboard(browser, server, db)
        page = site.visit("/settings")
        page.get_by_label("all anew").check()
        page.get_by_role("button", name="Bring in step").click()
        expect(page.locator(f"{JOB} progress")).to_have_count(1)
        page.reload()
        expect(page.locator(f"{JOB} progress")).to_have_count(1)
        csrf = page.locator("input[name=csrf]").first.input_value()
        answer = page.request.post(f"{site.origin}/settings/doctor", form={"csrf": csrf})
        assert answer.status == 409
        assert "Something else is at work" in answer.text()
        assert re.search(r"Indexed [1-9]", done(page, "Search index"))
        site.close()


def test_stored_and_sent_text_stays_text(site: Dashboard, tmp_path: Path) -> None:
    file = tmp_path / f"{HOSTILE.replace('/', '')}.md"
    file.write_text(HOSTILE)
    look_into(site, file)
    assert site.page.evaluate("window.broken ?? null") is None
    assert "<script>broken=1" in site.page.locator(f"{JOB} h2").inner_text()
    site.page.get_by_role("button", name="Leave it").click()


def test_the_file_that_was_sent_is_gone_when_the_server_ends(
    browser: Browser, db: Path, tmp_path: Path
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    note = tmp_path / "note.md"
    note.write_text("A note.")
    with Serving(db, TMPDIR=str(room)) as server:
        site = Dashboard(browser, server, db)
        look_into(site, note)
        (folder,) = room.glob("ltmc-import-*")
        assert folder.stat().st_mode & 0o077 == 0
        site.close()
    assert [*room.glob("ltmc-import-*")] == []


def test_a_read_only_page_shows_and_offers_nothing_to_do(browser: Browser, db: Path) -> None:
    with Serving(db) as server:
        assert server.call("add_todo", title="kept", project_id="default")["success"]
    with Serving(db, "--read-only") as server:
        site = Dashboard(browser, server, db)
        page = site.visit("/settings")
        assert page.locator("main button").count() == 0
        assert "read_only" in page.locator("table.settings").inner_text()
        assert "healthy" in page.locator("#state-heading").inner_text()
        csrf = page.locator("input[name=csrf]").first.input_value()
        for path in ("backup", "reindex", "preview", "import", "discard"):
            refused = page.request.post(f"{site.origin}/settings/{path}", multipart={"csrf": csrf})
            assert refused.status == 403, path
            assert "read-only" in refused.text()
        page = site.visit("/live")
        assert page.locator("main form").count() == 0
        expect(page.locator("#live-state")).to_have_text("Live")
        site.close()


def test_the_page_fits_a_narrow_window_while_something_is_told(site: Dashboard, tmp_path: Path) -> None:
    note = tmp_path / f"{'long' * 30}.md"
    note.write_text("A note.")
    site.page.set_viewport_size(NARROW)
    look_into(site, note)
    wide = site.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROW["width"]
    assert site.accessibility() == []
    site.page.get_by_role("button", name="Leave it").click()
    site.page.set_viewport_size(WIDE)
