"""The graph: what the picture and the list show, and what their buttons change, seen through the tools."""

import json
import sqlite3
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.browsing import Dashboard
from tests.dashboard.content import HOSTILE
from tests.dashboard.test_memories import call, store

MOMENT = "2026-11-01T00:00:00.000000Z"


@pytest.fixture
def linked(site: Dashboard, project: str) -> str:
    """A project with a chain, a memory and a hub; its name."""
    store(site, project, "adr/queue.md", "Orders go through the outbox.")
    for source, relation, target in (
        ("shop", "depends_on", "checkout"),
        ("checkout", "depends_on", "gateway"),
        ("checkout", "uses", "tax service"),
        ("adr/queue.md", "documents", "checkout"),
        ("gateway", "part_of", "vendor"),
        ("shop", "relates_somehow_to", "gateway"),
    ):
        call(site, "link_resources", project, source_id=source, relation=relation, target_id=target)
    return project


def drawn(page: Page) -> str:
    """What the page says of its picture, once it is laid out."""
    page.wait_for_selector("#picture[data-state=done]")
    return page.locator("#picture-state").inner_text()


def relations(page: Page) -> list[str]:
    """The relations in the list, as they are read."""
    return [" ".join(text.split()) for text in page.locator(".relation").all_inner_texts()]


def point(page: Page, name: str) -> tuple[float, float]:
    """Where a thing lies in the window: the pointer over it shows its name."""
    found = page.evaluate(
        """(name) => {
            const canvas = document.getElementById("canvas");
            const { left, top, width, height } = canvas.getBoundingClientRect();
            for (let y = 4; y < height; y += 6) for (let x = 4; x < width; x += 6) {
                const at = { clientX: left + x, clientY: top + y, pointerId: 9 };
                canvas.dispatchEvent(new PointerEvent("pointermove", at));
                if (canvas.title === name) return [left + x, top + y];
            }
        }""",
        name,
    )
    assert found, name
    return found[0], found[1]


def test_a_thing_is_found_and_explored(site: Dashboard, linked: str) -> None:
    page = site.visit("/graph", linked)
    assert drawn(page) == "6 things and 6 relations are drawn."
    page.get_by_label("Find in the graph").fill("CHECK")
    site.press(page.get_by_role("button", name="Find"))
    site.press(page.get_by_role("region", name="Found").get_by_role("link", name="checkout"))
    assert page.locator(".thing h2").inner_text() == "checkout"
    assert relations(page) == [
        "required by shop (name)",
        "depends on gateway (name)",
        "uses tax service (name)",
        "documented by adr/queue.md (memory)",
    ]
    assert drawn(page) == "6 things and 6 relations are drawn."
    site.press(page.locator(".relation").get_by_role("link", name="adr/queue.md"))
    assert page.locator(".thing h2").inner_text() == "adr/queue.md"
    page.get_by_role("link", name="Open the memory").click()
    expect(page.locator("h1")).to_have_text("adr/queue.md")


def test_a_relation_without_a_word_for_the_other_side_shows_where_it_leads(
    site: Dashboard, linked: str
) -> None:
    page = site.visit("/graph", linked, node="gateway")
    assert "the other← relates somehow to this shop (name)" in [
        one.replace("other ←", "other←") for one in relations(page)
    ]


def test_a_name_that_is_not_there_leads_to_the_nearest(site: Dashboard, linked: str) -> None:
    page = site.visit("/graph", linked, q="chekout")
    found = page.get_by_role("region", name="Found")
    assert "Nothing in the graph" in found.inner_text()
    assert found.get_by_role("link").first.inner_text() == "checkout"
    page = site.visit("/graph", linked, node="chekout")
    assert "no memory or node" in page.locator("main").inner_text()


def test_steps_direction_and_relations_bound_the_picture(site: Dashboard, linked: str) -> None:
    page = site.visit("/graph", linked, node="shop", steps="1")
    assert drawn(page).startswith("3 things and 3 relations")
    page.get_by_text("What the picture shows").click()
    page.get_by_label("Direction", exact=True).select_option("outgoing")
    page.get_by_label("Steps").select_option("2")
    page.get_by_role("checkbox", name="depends on").check()
    site.press(page.get_by_role("button", name="Show").last)
    assert drawn(page).startswith("3 things and 2 relations")
    assert relations(page) == ["depends on checkout (name)"]
    page = site.visit("/graph", linked, node="shop", direction="incoming")
    assert relations(page) == []
    page = site.visit("/graph", linked, node="shop", most="2")
    assert "More is within reach" in drawn(page)


def test_a_thing_in_the_picture_is_chosen_and_expanded(site: Dashboard, linked: str) -> None:
    page = site.visit("/graph", linked, node="shop", steps="1", relation_type="depends_on")
    assert drawn(page).startswith("2 things and 1 relation ")
    page.mouse.click(*point(page, "checkout"))
    expect(page.locator(".thing h2")).to_have_text("checkout")
    page.get_by_role("link", name="Expand").click()
    expect(page.locator("#picture-state")).to_contain_text("3 things and 2 relations")
    assert "open=checkout" in page.url
    drawn(page)
    page.reload()
    assert drawn(page).startswith("3 things and 2 relations")
    x, y = point(page, "gateway")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=4)
    page.mouse.up()
    assert abs(point(page, "gateway")[0] - x - 40) < 20
    expect(page.locator(".thing h2")).to_have_text("shop")
    site.press(page.get_by_role("link", name="depends on"))


def test_the_picture_is_moved_by_keys_and_buttons(site: Dashboard, linked: str) -> None:
    page = site.visit("/graph", linked, node="shop", steps="1")
    drawn(page)
    x, y = point(page, "shop")
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowLeft")
    assert abs(point(page, "shop")[0] - x - 60) < 12
    page.keyboard.press("0")
    assert abs(point(page, "shop")[0] - x) < 12
    page.get_by_role("button", name="Smaller").click()
    page.get_by_role("button", name="All of it").click()
    assert abs(point(page, "shop")[1] - y) < 12


def test_a_relation_is_added_and_removed_and_put_back(site: Dashboard, linked: str) -> None:
    page = site.visit("/graph", linked, node="checkout")
    page.get_by_text("Add a relation").click()
    page.get_by_label("Relation", exact=True).fill("caused by")
    page.get_by_label("To", exact=True).press_sequentially("vend")
    expect(page.locator("#names option")).to_have_attribute("value", "vendor")
    page.get_by_label("To", exact=True).fill("vendor")
    page.get_by_label("The other way round").check()
    site.press(page.get_by_role("button", name="Add"))
    assert "Linked: vendor caused_by checkout." in site.told()
    assert "causes vendor (name)" in relations(page)
    asked = {"entity": "vendor", "relation_type": "caused_by"}
    assert call(site, "query_graph", linked, **asked)["count"] == 1
    site.press(page.get_by_role("button", name="Remove the relation caused by with vendor"))
    assert "Removed: vendor caused_by checkout" in site.told()
    assert call(site, "query_graph", linked, **asked)["count"] == 0
    site.press(page.get_by_role("button", name="Undo"))
    assert page.locator(".thing h2").inner_text() == "checkout"
    assert call(site, "query_graph", linked, **asked)["count"] == 1


def test_a_first_relation_begins_a_graph(site: Dashboard, project: str) -> None:
    page = site.visit("/graph", project)
    assert "Nothing is linked yet" in page.locator("main").inner_text()
    page.get_by_text("Add a relation").click()
    page.get_by_label("From", exact=True).fill("tides")
    page.get_by_label("Relation", exact=True).fill("uses")
    page.get_by_label("To", exact=True).fill("moon")
    page.get_by_label("In both directions").check()
    site.press(page.get_by_role("button", name="Add"))
    assert page.locator(".thing h2").inner_text() == "tides"
    assert call(site, "query_graph", project, entity="moon")["count"] == 2


def test_only_the_link_of_a_button_is_removed(site: Dashboard, project: str) -> None:
    call(site, "link_resources", project, source_id="a", relation="uses", target_id="b")
    number = call(site, "link_resources", project, source_id="a", relation="uses", target_id="c")["edge_id"]
    memory = store(site, project, str(number), "A memory that is called like the link.")
    call(site, "link_resources", project, source_id=memory, relation="uses", target_id="b")
    page = site.visit("/graph", project, node="c")
    button = page.get_by_role("button", name="Remove the relation uses with a")
    page.locator("[name=link_id]").evaluate("one => { one.value = 'a'; }")
    site.press(button)
    assert "link_id: got 'a'" in page.locator("main").inner_text()
    page = site.visit("/graph", project, node="c")
    site.press(button)
    assert "Removed: a uses c." in site.told()
    assert page.locator("h1").inner_text() == "Graph"
    assert call(site, "query_graph", project, entity="b")["count"] == 2


def test_links_that_ltmc_keeps_have_no_button(site: Dashboard, project: str) -> None:
    parts = call(
        site, "create_task_blueprint", project, title="Big", description="- one thing\n- another thing"
    )
    call(site, "decompose_task_blueprint", project, blueprint_id=parts["blueprint_id"], force=True)
    page = site.visit("/graph", project, node=parts["blueprint_id"])
    assert page.locator(".relation").count() == 2
    assert page.locator(".relations form").count() == 0
    site.press(page.get_by_role("link", name="Open the plan"))
    assert page.locator("h1").inner_text() == "Big"


def test_without_scripts_the_list_has_it_all(site: Dashboard, linked: str) -> None:
    context = site.page.context.browser.new_context(
        java_script_enabled=False, storage_state=site.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"{site.origin}/graph?project={linked}&node=checkout")
    assert "The picture needs JavaScript" in page.locator("main").inner_text()
    page.locator(".relation").get_by_role("link", name="gateway").click()
    assert page.locator(".thing h2").inner_text() == "gateway"
    context.close()


def test_hostile_names_are_drawn_and_chosen(hostile: Dashboard) -> None:
    page = hostile.visit("/graph", "hostile")
    drawn(page)
    page.mouse.click(*point(page, f"{HOSTILE} thing"))
    expect(page.locator(".thing h2")).to_have_text(f"{HOSTILE} thing")
    assert page.evaluate("window.broken ?? null") is None
    assert hostile.accessibility() == []


def test_five_thousand_things_are_drawn_while_the_page_answers(site: Dashboard, project: str) -> None:
    call(site, "link_resources", project, source_id="n0", relation="uses", target_id="n1")
    size = 5_000
    database = sqlite3.connect(site.db)
    database.executemany(
        "INSERT OR IGNORE INTO graph_nodes (project_id, node_id, kind, label, created_at) VALUES (?, ?, ?, ?, ?)",
        [(project, f"n{place}", "entity", f"thing {place}", MOMENT) for place in range(size)],
    )
    database.executemany(
        "INSERT OR IGNORE INTO graph_edges (project_id, source_id, target_id, relation, created_at, updated_at) "
        "VALUES (?, ?, ?, 'uses', ?, ?)",
        [
            (project, f"n{place}", f"n{target}", MOMENT, MOMENT)
            for place in range(1, size)
            for target in (place // 3, place * 7 % size)
            if target != place
        ],
    )
    database.commit()
    database.close()
    page = site.visit("/graph", project, most="5000")
    page.wait_for_selector("#picture[data-state=arranging]")
    page.get_by_text("What the picture shows").click()  # is answered while it is laid out
    expect(page.get_by_label("At most")).to_be_visible()
    page.wait_for_selector("#picture[data-state=done]", timeout=180_000)
    assert page.locator("#picture-state").inner_text().startswith("5 000 things")
    answer: dict[str, Any] = json.loads(
        page.evaluate("fetch(document.getElementById('picture').dataset.source).then((one) => one.text())")
    )
    assert len(answer["nodes"]) == size
    assert not answer["truncated"]
