"""Chats, code attempts and todos: what the pages show and change, seen through the tools."""

import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.dashboard.browsing import Dashboard
from tests.dashboard.test_memories import call
from tests.http.serving import Serving


def test_chats_are_read_by_conversation(site: Dashboard, project: str) -> None:
    for name in ("a/b?c&d", "second"):
        for role in ("user", "assistant"):
            call(
                site,
                "log_chat",
                project,
                conversation_id=name,
                role=role,
                content=f"{role} speaks of {name}",
            )
    page = site.visit("/chats", project)
    assert page.locator("tbody tr").count() == 2
    site.press(page.get_by_role("link", name="a/b?c&d"))
    assert page.locator("h1").inner_text() == "a/b?c&d"
    assert page.locator(".said").all_inner_texts() == [
        "user speaks of a/b?c&d",
        "assistant speaks of a/b?c&d",
    ]
    site.press(page.get_by_role("link", name="Newest first"))
    assert page.locator(".said").first.inner_text().startswith("assistant")


def test_messages_are_searched_and_filtered(site: Dashboard, project: str) -> None:
    call(site, "log_chat", project, conversation_id="one", role="user", content="tides are high")
    call(
        site,
        "log_chat",
        project,
        conversation_id="one",
        role="assistant",
        content="tides are low",
        agent_name="Bo",
    )
    page = site.visit("/chats", project)
    page.get_by_label("Search messages").fill("tides")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found .card")).to_have_count(2)
    page.locator("summary", has_text="Filters").click()
    page.get_by_label("Written by").fill("Bo")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found .card")).to_have_count(1)


def test_a_message_and_a_conversation_are_forgotten_and_come_back(site: Dashboard, project: str) -> None:
    for number in range(3):
        call(site, "log_chat", project, conversation_id="one", content=f"message {number}")

    def left() -> int:
        return int(call(site, "get_chat_history", project, conversation_id="one")["total"])

    page = site.visit("/chats/conversation", project, id="one")
    site.press(page.get_by_role("button", name="Forget message").nth(1))
    assert left() == 2
    site.press(page.get_by_role("button", name="Undo"))
    assert left() == 3
    page = site.visit("/chats/conversation", project, id="one")
    site.press(page.get_by_role("link", name="Forget all"))
    site.press(page.get_by_role("button", name="Forget 3"))
    assert left() == 0
    site.press(page.get_by_role("button", name="Undo"))
    assert left() == 3


def test_a_long_message_is_shown_whole_on_its_page(site: Dashboard, project: str) -> None:
    call(site, "log_chat", project, conversation_id="one", content="word " * 5000 + "end")
    page = site.visit("/chats/conversation", project, id="one")
    site.press(page.get_by_role("link", name="all 25"))
    assert page.locator(".content").inner_text().endswith("end")


def test_code_attempts_are_found_read_and_forgotten(site: Dashboard, project: str) -> None:
    for prompt, result in (("reverse a list", "pass"), ("reverse a string", "error")):
        call(
            site,
            "log_code_attempt",
            project,
            input_prompt=prompt,
            generated_code=f"def reverse(x):\n    '''{prompt}'''\n    return x[::-1]",
            result=result,
            tags=["lists"],
            error_message="IndexError: no" if result == "error" else None,
        )
    page = site.visit("/code", project)
    assert page.locator("#found .card").count() == 2
    page.get_by_label("Search code attempts").fill("reverse")
    page.locator("summary", has_text="Filters").click()
    page.get_by_label("Result").select_option("error")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found .card")).to_have_count(1)
    site.press(page.get_by_role("link", name="reverse a string"))
    assert "IndexError: no" in page.locator("main").inner_text()
    site.press(page.get_by_role("button", name="Forget"))
    assert call(site, "get_code_statistics", project)["total_patterns"] == 1
    site.press(page.get_by_role("button", name="Undo"))
    assert call(site, "get_code_statistics", project)["total_patterns"] == 2
    page = site.visit("/code/analysis", project)
    assert "IndexError" in page.locator("main").inner_text()
    page = site.visit("/code", project, result="error")
    assert page.locator("#found .title").all_inner_texts() == ["reverse a string"]
    page = site.visit("/code", project, result="pass", language="Python", tag="lists")
    assert page.locator("#found .title").all_inner_texts() == ["reverse a list"]
    assert page.locator("#found [role=status]").inner_text() == "1 attempt"


def test_todos_are_added_done_opened_changed_and_deleted(site: Dashboard, project: str) -> None:
    def todos(status: str = "all") -> list[dict[str, object]]:
        return list(call(site, "list_todos", project, status=status)["todos"])

    page = site.visit("/todos", project)
    page.get_by_label("New todo").fill("Write the docs")
    page.get_by_label("Due").fill("someday")
    site.press(page.get_by_role("button", name="Add"))
    assert "due" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("New todo").input_value() == "Write the docs"
    page.get_by_label("Due").fill("2999-12-31")
    page.get_by_label("Priority").first.select_option("high")
    site.press(page.get_by_role("button", name="Add"))
    (todo,) = todos()
    assert (todo["title"], todo["priority"], str(todo["due_at"])[:10]) == (
        "Write the docs",
        "high",
        "2999-12-31",
    )
    page.locator("summary", has_text="Change").click()
    page.get_by_label("Title").fill("Write all the docs")
    site.press(page.get_by_role("button", name="Save"))
    (todo,) = todos()
    assert (todo["title"], str(todo["due_at"])[:10]) == ("Write all the docs", "2999-12-31")
    site.press(page.get_by_role("button", name="Done: Write all the docs"))
    assert todos("pending") == []
    page = site.visit("/todos", project, status="completed")
    site.press(page.get_by_role("button", name="Open again"))
    assert len(todos("pending")) == 1
    page = site.visit("/todos", project)
    page.locator("summary", has_text="Change").click()
    page.get_by_label("Due").last.fill("")
    site.press(page.get_by_role("button", name="Save"))
    assert "due_at" not in todos()[0]
    page.locator("summary", has_text="Change").click()
    site.press(page.get_by_role("button", name="Delete"))
    assert todos() == []
    site.press(page.get_by_role("button", name="Undo"))
    assert len(todos()) == 1


def test_a_change_keeps_all_of_a_long_description(site: Dashboard, project: str) -> None:
    long = "The plums are pressed and the stones kept. " * 50
    made = call(site, "add_todo", project, title="Press plums", description=long)
    page = site.visit("/todos", project, q="plums stones")
    page.locator("summary", has_text="Change").click()
    page.get_by_label("Title", exact=True).fill("Press all plums")
    site.press(page.get_by_role("button", name="Save"))
    whole = call(site, "get_memory", project, todo_id=made["todo_id"])
    assert (whole["title"], whole["content"]) == ("Press all plums", long.strip())


def test_a_todo_that_is_refused_keeps_what_was_typed(site: Dashboard, project: str) -> None:
    for number in range(60):
        call(site, "add_todo", project, title=f"todo {number}")
    page = site.visit("/todos", project, offset="50")
    page.locator("summary", has_text="Change").last.click()
    form = page.locator("details[open] form")
    form.get_by_label("Title").fill("Another title")
    form.get_by_label("Due").fill("someday")
    site.press(form.get_by_role("button", name="Save"))
    assert "due" in page.get_by_role("alert").inner_text()
    assert form.get_by_label("Title").input_value() == "Another title"
    assert form.get_by_label("Due").input_value() == "someday"


def test_todos_are_searched(site: Dashboard, project: str) -> None:
    for title in ("Buy rope", "Paint the buoy", "Count ropes"):
        call(site, "add_todo", project, title=title)
    page = site.visit("/todos", project)
    page.get_by_label("Search todos").fill("rope")
    page.get_by_role("button", name="Show", exact=True).last.click()
    expect(page.locator("#found .todo")).to_have_count(2)


def test_all_of_it_works_without_scripts(browser, site: Dashboard, project: str) -> None:  # type: ignore[no-untyped-def]
    plain = Dashboard(browser, site.server, site.db, java_script_enabled=False)
    page = plain.visit("/todos", project)
    page.get_by_label("New todo").fill("By hand")
    plain.press(page.get_by_role("button", name="Add"))
    assert "Added: By hand" in plain.told()
    plain.press(page.get_by_role("button", name="Done: By hand"))
    assert call(site, "list_todos", project, status="pending")["total"] == 0
    page = plain.visit("/memories/new", project)
    page.get_by_label("Name").fill("notes/plain.md")
    page.get_by_label("Text").fill("stored without scripts")
    plain.press(page.get_by_role("button", name="Store"))
    page = plain.visit("/memories", project, q="scripts")
    assert page.locator("#found .title").all_inner_texts() == ["notes/plain.md"]
    page = plain.visit("/clean-up", project)
    plain.press(page.get_by_role("link", name="Look for"))
    assert page.locator("h1").inner_text() == "What may go"
    plain.press(page.get_by_role("button", name="Dark"))
    assert page.locator("html").get_attribute("data-theme") == "dark"
    plain.close()


def test_any_of_many_projects_is_chosen_in_the_header(browser: Browser, db: Path) -> None:
    with Serving(db) as server:
        server.call("add_todo", title="of the last one", project_id="zz")
        with closing(sqlite3.connect(db)) as connection:
            for number in range(400):
                connection.execute(
                    "INSERT INTO projects (project_id, created_at) VALUES (?, '2026')", (f"p{number}",)
                )
            connection.commit()
            site = Dashboard(browser, server, db)
            page = site.visit("/todos")
            page.get_by_role("banner").get_by_label("Project").select_option("zz")
            site.press(page.get_by_role("banner").get_by_role("button", name="Show"))
            assert page.locator(".todo .title").all_inner_texts() == ["of the last one"]
            for number in range(400, 600):
                connection.execute(
                    "INSERT INTO projects (project_id, created_at) VALUES (?, '2026')", (f"p{number}",)
                )
            connection.commit()
        page = site.visit("/todos")
        page.get_by_role("banner").get_by_label("Project").fill("zz")
        site.press(page.get_by_role("banner").get_by_role("button", name="Show"))
        assert page.locator(".todo .title").all_inner_texts() == ["of the last one"]
        assert site.accessibility() == []
        site.close()


def test_the_project_is_chosen_in_the_header(site: Dashboard, project: str) -> None:
    call(site, "add_todo", project, title="of this project")
    call(site, "add_todo", f"{project}_other", title="of the other one")
    page = site.visit("/todos", project)
    page.get_by_role("banner").get_by_label("Project").select_option(f"{project}_other")
    site.press(page.get_by_role("banner").get_by_role("button", name="Show"))
    assert page.locator(".todo .title").all_inner_texts() == ["of the other one"]
    site.press(page.get_by_role("link", name="Memories").first)
    assert page.get_by_role("banner").get_by_label("Project").input_value() == f"{project}_other"
