"""Memories: what the pages show, and what their buttons change, seen through the tools."""

import re
from typing import Any

from playwright.sync_api import expect

from tests.dashboard.browsing import Dashboard


def call(site: Dashboard, tool: str, project: str, **arguments: Any) -> dict[str, Any]:
    """A tool's answer over MCP, which must be a success."""
    answer = site.server.call(tool, project_id=project, **arguments)
    assert answer["success"], answer
    return answer


def store(site: Dashboard, project: str, name: str, content: str, **more: Any) -> int:
    """Store a memory; its id."""
    return int(call(site, "store_memory", project, file_name=name, content=content, **more)["resource_id"])


def test_a_search_finds_what_the_tools_find_and_says_why(site: Dashboard, project: str) -> None:
    for name, text in (
        ("deploy", "We release on Mondays"),
        ("tides", "Tide tables are in UTC"),
        ("berths", "By pier"),
    ):
        store(site, project, f"notes/{name}.md", text)
    found = call(site, "retrieve_memory", project, query="when do we release", top_k=20, explain=True)[
        "results"
    ]
    page = site.visit("/memories", project)
    page.get_by_label("Search memories").fill("when do we release")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("q=when"))
    cards = page.locator("#found .memory")
    expect(cards).to_have_count(len(found))
    assert cards.locator(".title").all_inner_texts() == [one["file_name"] for one in found]
    first = cards.first.inner_text()
    assert f"{found[0]['score']:.2f}" in first
    assert f"words {found[0]['score_parts']['lexical']:.2f}" in first
    assert f"meaning {found[0]['score_parts']['semantic']:.2f}" in first
    page.reload()  # as without scripts
    assert page.locator("#found .memory .title").first.inner_text() == found[0]["file_name"]


def test_filters_narrow(site: Dashboard, project: str) -> None:
    store(site, project, "notes/a.md", "tides", tags=["sea"], resource_type="note")
    store(site, project, "notes/b*.md", "tides", tags=["land"])
    store(site, project, "decisions/c.md", "tides")

    def names(**parameters: str) -> set[str]:
        site.visit("/memories", project, **parameters)
        return set(site.page.locator("#found .title").all_inner_texts())

    assert names(tag="sea") == {"notes/a.md"}
    assert names(prefix="notes/") == {"notes/a.md", "notes/b*.md"}
    assert names(q="tides", prefix="notes/b*") == {"notes/b*.md"}
    assert names(type="note") == {"notes/a.md"}
    assert names(q="tides", type="note") == {"notes/a.md"}
    assert names(**{"from": "2999-01-01"}) == set()
    names(as_of="2020-01-01")
    assert "as_of" in site.page.get_by_role("alert").inner_text()
    old = names(q="tides", as_of="2020-01-01")
    assert old == set()


def test_a_listing_goes_on(site: Dashboard, project: str) -> None:
    for number in range(25):
        store(site, project, f"notes/{number:02}.md", f"note number {number}")
    page = site.visit("/memories", project)
    assert "1 to 20 of 25" in page.locator("#found").inner_text()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#found .memory")).to_have_count(5)
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("#found .memory")).to_have_count(20)


def test_a_new_memory_is_stored_and_what_is_wrong_loses_nothing(site: Dashboard, project: str) -> None:
    page = site.visit("/memories/new", project)
    page.get_by_label("Name").fill("decisions/port.md")
    page.get_by_label("Text").fill("The port is 8080.\n\nAlways.")
    page.get_by_label("Tags").fill("net, decision")
    page.get_by_label("Holds until").fill("some day")
    site.press(page.get_by_role("button", name="Store"))
    assert "valid_until" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Text").input_value() == "The port is 8080.\n\nAlways."
    page.get_by_label("Holds until").fill("2999-12-31")
    site.press(page.get_by_role("button", name="Store"))
    assert "Stored decisions/port.md" in site.told()
    memory = call(site, "get_memory", project, file_name="decisions/port.md")
    assert memory["content"] == "The port is 8080.\n\nAlways."
    assert memory["tags"] == ["net", "decision"]
    assert memory["valid_until"].startswith("2999-12-31")
    page = site.visit("/memories/new", project)
    page.get_by_label("Name").fill("decisions/port.md")
    page.get_by_label("Text").fill("Another.")
    site.press(page.get_by_role("button", name="Store"))
    assert "decisions/port.md" in page.get_by_role("alert").inner_text()
    assert call(site, "get_memory", project, file_name="decisions/port.md")["content"].startswith("The port")


def test_editing_makes_a_version_and_history_shows_and_restores(site: Dashboard, project: str) -> None:
    first = store(site, project, "notes/port.md", "\nThe port is 8080.\r\nSecond line.", tags=["a,b", "net"])
    page = site.visit(f"/memories/{first}/edit", project)
    site.press(page.get_by_role("button", name="Save"))
    assert "Nothing was changed" in site.told()
    page = site.visit(f"/memories/{first}/edit", project)
    page.get_by_label("Text").fill("The port is 9090.\nSecond line.")
    site.press(page.get_by_role("button", name="Save"))
    assert "version 2 holds now" in site.told()
    now = call(site, "get_memory", project, file_name="notes/port.md")
    assert now["content"] == "The port is 9090.\nSecond line."
    assert now["tags"] == ["a,b", "net"]
    site.press(page.get_by_role("link", name="What changed"))
    assert "The port is 9090." in page.locator(".difference ins").first.inner_text()
    assert "The port is 8080." in page.locator(".difference del").all_inner_texts()[-1]
    site.press(page.get_by_role("button", name="Make it hold again"))
    assert "Version 3 holds now" in site.told()
    assert "8080" in call(site, "get_memory", project, file_name="notes/port.md")["content"]


def test_an_edit_of_what_another_one_replaced_meanwhile_is_refused_and_not_lost(
    site: Dashboard, project: str
) -> None:
    first = store(site, project, "notes/port.md", "The port is 8080.")
    page = site.visit(f"/memories/{first}/edit", project)
    store(site, project, "notes/port.md", "The port is 9090.")
    page.get_by_label("Text").fill("The port is 7070.")
    site.press(page.get_by_role("button", name="Save"))
    assert page.get_by_role("alert").count() == 1
    assert page.get_by_label("Text").input_value() == "The port is 7070."
    assert "9090" in call(site, "get_memory", project, file_name="notes/port.md")["content"]


def test_a_change_in_another_window_is_not_overwritten(site: Dashboard, project: str) -> None:
    one = store(site, project, "notes/port.md", "The port is 8080.", tags=["net"])
    page = site.visit(f"/memories/{one}/edit", project)
    call(site, "update_memory", project, resource_id=one, tags=["net", "sea"])
    page.get_by_label("Tags").fill("net, land")
    site.press(page.get_by_role("button", name="Save"))
    assert "changed since you opened it" in page.get_by_role("alert").inner_text()
    assert call(site, "get_memory", project, resource_id=one)["tags"] == ["net", "sea"]
    assert page.get_by_label("Tags").input_value() == "net, land"
    site.press(page.get_by_role("button", name="Save"))
    assert call(site, "get_memory", project, resource_id=one)["tags"] == ["net", "land"]


def test_tags_that_are_refused_leave_what_was_chosen(site: Dashboard, project: str) -> None:
    for number in range(3):
        store(site, project, f"notes/{number}.md", f"tides {number}")
    page = site.visit("/memories", project, q="tides")
    page.get_by_label("Choose notes/1.md").check()
    page.get_by_label("Tags to add").fill("t" * 300)
    site.press(page.get_by_role("button", name="Tag the chosen"))
    assert page.get_by_role("alert").count() == 1
    assert page.get_by_label("Search memories").input_value() == "tides"
    assert page.get_by_label("Choose notes/1.md").is_checked()
    assert not page.get_by_label("Choose notes/0.md").is_checked()
    assert page.get_by_label("Tags to add").input_value() == "t" * 300
    page.get_by_label("Tags to add").fill("wet")
    site.press(page.get_by_role("button", name="Tag the chosen"))
    assert page.get_by_label("Search memories").input_value() == "tides"
    assert call(site, "list_memories", project, tag="wet")["total"] == 1


def test_what_replaced_what_is_shown_on_both(site: Dashboard, project: str) -> None:
    old = store(site, project, "notes/old.md", "Fridays")
    new = store(site, project, "notes/new.md", "Mondays", supersedes=[old])
    page = site.visit(f"/memories/{old}", project)
    assert "notes/new.md took its place" in page.locator("main").inner_text()
    site.press(page.get_by_role("link", name="notes/new.md"))
    expect(page).to_have_url(re.compile(f"/memories/{new}"))
    site.press(page.get_by_role("complementary").get_by_role("link", name="notes/old.md"))
    expect(page).to_have_url(re.compile(f"/memories/{old}"))
    history = call(site, "memory_history", project, resource_id=new)
    assert history["versions"][0]["supersedes"] == [{"resource_id": old, "file_name": "notes/old.md"}]


def test_tags_are_added_and_taken_away(site: Dashboard, project: str) -> None:
    one = store(site, project, "notes/a.md", "tides", tags=["sea"])
    page = site.visit(f"/memories/{one}", project)
    page.get_by_label("Tags to add").fill("moon, sun")
    site.press(page.get_by_role("button", name="Add"))
    assert call(site, "get_memory", project, resource_id=one)["tags"] == ["sea", "moon", "sun"]
    site.press(page.get_by_role("button", name="Take the tag moon away"))
    assert call(site, "get_memory", project, resource_id=one)["tags"] == ["sea", "sun"]


def test_forgetting_can_be_undone(site: Dashboard, project: str) -> None:
    one = store(site, project, "notes/a.md", "tides")
    page = site.visit(f"/memories/{one}", project)
    site.press(page.get_by_role("button", name="Forget"))
    assert "Forgot notes/a.md" in site.told()
    assert site.server.call("get_memory", project_id=project, resource_id=one)["error_code"] == "NOT_FOUND"
    site.press(page.get_by_role("button", name="Undo"))
    assert "Put back: 1" in site.told()
    assert call(site, "get_memory", project, resource_id=one)["content"] == "tides"
    site.press(site.visit(f"/memories/{one}", project).get_by_role("button", name="Forget"))
    site.press(site.visit("/trash", project).get_by_role("button", name="Put back"))
    assert call(site, "get_memory", project, resource_id=one)["content"] == "tides"


def test_what_was_chosen_is_tagged_or_forgotten_together(site: Dashboard, project: str) -> None:
    ids = [store(site, project, f"notes/{number}.md", f"note {number}") for number in range(4)]
    page = site.visit("/memories", project)
    page.get_by_label("Choose notes/1.md").check()
    page.get_by_label("Choose notes/2.md").check()
    page.get_by_label("Tags to add").fill("chosen")
    site.press(page.get_by_role("button", name="Tag the chosen"))
    tagged = call(site, "list_memories", project, tag="chosen")["memories"]
    assert {one["resource_id"] for one in tagged} == set(ids[1:3])
    page.get_by_label("all on this page").check()
    page.get_by_label("Choose notes/0.md").uncheck()
    site.press(page.get_by_role("button", name="Forget the chosen"))
    assert "3 will be forgotten" in page.locator("main").inner_text()
    assert call(site, "list_memories", project)["total"] == 4
    site.press(page.get_by_role("button", name="Forget 3"))
    assert [one["resource_id"] for one in call(site, "list_memories", project)["memories"]] == ids[:1]
    site.press(page.get_by_role("button", name="Undo"))
    assert call(site, "list_memories", project)["total"] == 4


def test_a_preview_forgets_exactly_what_it_showed(site: Dashboard, project: str) -> None:
    store(site, project, "drafts/a.md", "one")
    page = site.visit("/clean-up", project)
    page.get_by_label("Name begins with").fill("drafts/")
    site.press(page.get_by_role("button", name="Show what fits"))
    assert "1 will be forgotten" in page.locator("main").inner_text()
    store(site, project, "drafts/b.md", "two")
    site.press(page.get_by_role("button", name="Forget 1"))
    assert call(site, "list_memories", project)["total"] == 2
    assert "2 will be forgotten" in page.locator("main").inner_text()
    site.press(page.get_by_role("button", name="Forget 2"))
    assert call(site, "list_memories", project)["total"] == 0


def test_what_may_go_is_suggested(site: Dashboard, project: str) -> None:
    store(site, project, "notes/a.md", "The berths are assigned by draught and length of the boat.")
    store(site, project, "notes/a.md", "The berths are assigned by draught alone.")
    page = site.visit("/clean-up", project)
    page.get_by_label("Choose notes/a.md, version 1").check()
    site.press(page.get_by_role("button", name="Forget the chosen"))
    site.press(page.get_by_role("button", name="Forget 1"))
    assert call(site, "memory_history", project, file_name="notes/a.md")["total"] == 1


def test_contradictions_are_settled(site: Dashboard, project: str) -> None:
    def stored(number: int) -> None:
        store(site, project, f"notes/{number}a.md", f"A session of office {number} lasts 30 minutes.")
        store(site, project, f"notes/{number}b.md", f"A session of office {number} lasts 60 minutes.")

    stored(1)
    pairs = call(site, "find_conflicts", project)
    assert pairs["total"] == 1
    page = site.visit("/memories/conflicts", project)
    site.press(page.get_by_role("button", name="Only notes/1b.md holds"))
    assert call(site, "find_conflicts", project)["total"] == 0
    names = [one["file_name"] for one in call(site, "list_memories", project)["memories"]]
    assert names == ["notes/1b.md"]
    store(site, project, "notes/1c.md", "A session of office 1 lasts 90 minutes.")
    site.press(site.visit("/memories/conflicts", project).get_by_role("button", name="Both hold"))
    assert call(site, "find_conflicts", project)["total"] == 0
    assert call(site, "list_memories", project)["total"] == 2


def test_a_long_memory_is_shown_in_part_and_edited_whole(site: Dashboard, project: str) -> None:
    text = "\n".join(f"Line {number} of a long text." for number in range(4000))
    one = store(site, project, "notes/long.md", text)
    page = site.visit(f"/memories/{one}", project)
    assert "Line 3999" not in page.locator(".content").inner_text()
    site.press(page.get_by_role("link", name="Show all"))
    assert "Line 3999" in page.locator(".content").inner_text()
    page = site.visit(f"/memories/{one}/edit", project)
    assert page.get_by_label("Text").input_value() == text


def test_what_is_not_there_is_said(site: Dashboard) -> None:
    page = site.visit("/memories/999999999")
    assert "no memory" in page.get_by_role("alert").inner_text()
    page = site.visit("/memories/nothing")
    assert "no such page" in page.get_by_role("alert").inner_text()


def test_a_secret_is_treated_as_the_setting_says(site: Dashboard, project: str) -> None:
    page = site.visit("/memories/new", project)
    page.get_by_label("Name").fill("notes/key.md")
    page.get_by_label("Text").fill("The key is ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")
    site.press(page.get_by_role("button", name="Store"))
    assert page.locator(".notice.warning").count() == 1


def test_the_log_of_use_counts_changes_and_no_looking(site: Dashboard, project: str) -> None:
    before = site.server.call("get_performance_report", project_id=project)["requests"]["total"]
    site.visit("/memories", project)
    site.visit("/todos", project)
    after = site.server.call("get_performance_report", project_id=project)["requests"]["total"]
    assert after - before <= 1
