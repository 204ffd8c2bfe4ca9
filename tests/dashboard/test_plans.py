"""Plans: what the pages show, and what their buttons change, seen through the tools."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboard import example_plans
from tests.dashboard.browsing import NARROW, WIDE, Dashboard
from tests.dashboard.content import HOSTILE, PROJECT
from tests.dashboard.test_memories import call
from tests.http.serving import Serving


@pytest.fixture
def plans(site: Dashboard, project: str) -> dict[str, str]:
    """The example's plans in a project: their ids."""
    return example_plans.store(site.server, project)


@pytest.fixture
def own(browser: Browser, tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard of a server with a configuration folder of its own, which is `db.parent / "config"`."""
    db = tmp_path / "ltmc.db"
    with Serving(db, XDG_CONFIG_HOME=str(tmp_path / "config")) as server:
        dashboard = Dashboard(browser, server, db)
        yield dashboard
        dashboard.close()


def test_plans_are_listed_with_state_and_progress(
    site: Dashboard, project: str, plans: dict[str, str]
) -> None:
    page = site.visit("/plans", project)
    cards = page.locator(".plan-card")
    assert cards.locator(".title").all_inner_texts() == [
        "Rehearse the restore every month",
        "Plan berths by tide and draught",
        "Let the booking workers scale with the season",
        "Rehearse the regatta weekend",
        "Read the CSV of buoys",
    ]
    planner = cards.nth(1).inner_text()
    parts = call(site, "get_blueprint", project, blueprint_id=plans["planner"])["children"]
    rows = [call(site, "get_blueprint", project, blueprint_id=one) for one in parts]
    minutes = sum(row["estimated_duration_minutes"] for row in rows)
    done = rows[0]["estimated_duration_minutes"] + 0.6 * rows[1]["estimated_duration_minutes"]
    assert f"{round(100 * done / minutes)} %" in planner
    assert f"{len(parts)} parts" in planner
    assert "35 %" in cards.nth(0).inner_text()
    assert "Jonas Weber" in cards.nth(0).inner_text()
    assert "waits for Plan berths" in cards.nth(3).inner_text()
    site.press(page.get_by_role("link", name="draft 1"))
    assert cards.count() == 1
    site.press(page.get_by_role("link", name="with parts"))
    assert cards.count() == 1 + len(parts) - 3
    site.press(page.get_by_role("link", name="code only"))
    assert "No plans here" in page.locator("main").inner_text()


def test_a_plan_shows_its_dependencies_and_time_and_critical_path(
    site: Dashboard, project: str, plans: dict[str, str]
) -> None:
    page = site.visit(f"/plans/{plans['regatta']}", project)
    order = call(
        site,
        "resolve_blueprint_execution_order",
        project,
        blueprint_ids=[plans["regatta"]],
        include_prerequisites=True,
    )
    titles = [order["titles"][one] for one in order["execution_order"]]
    table = page.get_by_role("region", name="Order of work")
    assert table.locator("tbody th a").all_inner_texts() == titles
    critical = [order["titles"][one] for one in order["critical_path"]]
    rows = table.locator("tbody tr", has=page.locator(".badge.bad"))
    assert rows.locator("th a").all_inner_texts() == critical
    network = page.get_by_role("region", name="Dependencies")
    assert network.locator("svg.box").count() == len(titles)
    assert network.locator(".arrow.critical").count() == len(critical) - 1
    boxes = {
        box.locator("xpath=..").get_attribute("href").partition("?")[0][-15:]: int(box.get_attribute("x"))
        for box in network.locator("svg.box").all()
    }
    for before in ("planner", "restore", "queue"):
        assert boxes[plans[before]] < boxes[plans["regatta"]]
    bars = page.locator(".timeline .bar-of")
    assert bars.count() == len(titles)
    assert page.locator(".timeline .bar-of.critical").count() == len(critical)
    assert "Waits for" in page.locator("main").inner_text()
    page = site.visit(f"/plans/{plans['buoys']}", project)  # waits softly: a column further right, too
    xs = [int(box.get_attribute("x") or 0) for box in page.locator("svg.box").all()]
    assert len(set(xs)) == len(xs) > 1
    page.get_by_role("region", name="Dependencies").get_by_role("link", name="Plan berths").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Plan berths by tide and draught")


def test_the_state_follows_the_lifecycle(site: Dashboard, project: str, plans: dict[str, str]) -> None:
    page = site.visit(f"/plans/{plans['regatta']}", project)
    site.press(page.get_by_role("button", name="Begin"))
    assert "It is active now." in site.told()
    assert call(site, "get_blueprint", project, blueprint_id=plans["regatta"])["status"] == "active"
    site.press(page.get_by_role("button", name="Complete"))
    assert "cannot be completed before its prerequisites" in site.told()
    site.press(page.get_by_role("button", name="Cancel"))
    assert call(site, "get_blueprint", project, blueprint_id=plans["regatta"])["status"] == "cancelled"
    site.press(page.get_by_role("button", name="Open again"))
    assert call(site, "get_blueprint", project, blueprint_id=plans["regatta"])["status"] == "active"


def test_progress_is_recorded(site: Dashboard, project: str, plans: dict[str, str]) -> None:
    page = site.visit(f"/plans/{plans['queue']}", project)
    page.get_by_label("Done, in per cent").fill("90")
    page.get_by_label("Hours so far").fill("15,5")
    page.get_by_label("State", exact=True).select_option("blocked")
    page.get_by_label("Note").fill("No access to the cluster.")
    site.press(page.get_by_role("button", name="Record"))
    assert "90 %, blocked." in site.told()
    (assignment,) = call(site, "get_blueprint", project, blueprint_id=plans["queue"])["assignments"]
    assert (assignment["progress_percentage"], assignment["status"]) == (90, "blocked")
    page.get_by_label("Done, in per cent").fill("10")
    site.press(page.get_by_role("button", name="Record"))
    assert "less together with notes" in site.told()
    page.get_by_label("Hours so far").fill("many")
    site.press(page.get_by_role("button", name="Record"))
    assert "hours: got 'many'; allowed: a number." in site.told()
    page.get_by_label("Hours so far").fill("20")
    page.get_by_label("State", exact=True).select_option("")
    page.get_by_label("Done, in per cent").fill("100")
    site.press(page.get_by_role("button", name="Record"))
    assert call(site, "get_blueprint", project, blueprint_id=plans["queue"])["status"] == "completed"


def test_a_task_is_assigned_to_who_fits_best(site: Dashboard, project: str, plans: dict[str, str]) -> None:
    page = site.visit(f"/plans/{plans['planner3']}", project)
    page.get_by_text("Assign it").click()
    site.press(page.get_by_role("button", name="Assign", exact=True))
    assert "tick who is to be asked" in site.told()
    page.get_by_label("Amira Haddad").check()
    page.get_by_label("Otto Lindqvist").check()
    site.press(page.get_by_role("button", name="Assign", exact=True))
    assert "Amira Haddad has it" in site.told()
    (assignment,) = call(site, "get_blueprint", project, blueprint_id=plans["planner3"])["assignments"]
    assert assignment["member_id"] == "amira"
    page = site.visit(f"/plans/{plans['planner5']}", project)
    page.get_by_text("Assign it").click()
    page.get_by_label("Somebody new").fill("nia")
    page.get_by_label("Full name").fill("Nia Okafor")
    page.get_by_label("Their skills").fill("testing, statistics")
    site.press(page.get_by_role("button", name="Assign", exact=True))
    assert "Nia Okafor has it" in site.told()
    page = site.visit("/plans/team", project)
    member = page.locator(".members > li", has_text="Nia Okafor")
    assert "statistics" in member.inner_text()
    site.press(member.get_by_role("link"))
    assert page.locator(".crumbs").inner_text().endswith("Plan berths by tide and draught")


def test_a_form_that_is_refused_keeps_what_was_typed(
    site: Dashboard, project: str, plans: dict[str, str]
) -> None:
    page = site.visit("/plans", project)
    page.get_by_text("Plan a task").click()
    page.get_by_label("Title").fill("Paint the pier")
    page.get_by_label("Description").fill("\n- Scrape\n- Paint")
    page.get_by_label("Minutes").fill("a week")
    site.press(page.get_by_role("button", name="Plan it"))
    assert "minutes: got 'a week'; allowed: a number." in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Title").input_value() == "Paint the pier"
    assert page.get_by_label("Description").input_value() == "\n- Scrape\n- Paint"
    assert page.get_by_label("Minutes").input_value() == "a week"
    page.get_by_label("Minutes").fill("60")
    site.press(page.get_by_role("button", name="Plan it"))
    assert page.locator("h1").inner_text() == "Paint the pier"
    page.get_by_text("Change what it says").click()
    page.get_by_label("Description").fill("Twice.")
    page.get_by_label("Priority").fill("200")
    site.press(page.get_by_role("button", name="Save"))
    assert page.get_by_role("alert").count() == 1
    assert page.get_by_label("Description").input_value() == "Twice."
    page = site.visit(f"/plans/{plans['queue']}", project)
    page.get_by_label("Done, in per cent").fill("50")
    page.get_by_label("Hours so far").fill("many")
    page.get_by_label("State", exact=True).select_option("blocked")
    page.get_by_label("Note").fill("No wind.")
    site.press(page.get_by_role("button", name="Record"))
    assert page.get_by_label("Done, in per cent").input_value() == "50"
    assert page.get_by_label("Hours so far").input_value() == "many"
    assert page.get_by_label("State", exact=True).input_value() == "blocked"
    assert page.get_by_label("Note").input_value() == "No wind."


def test_the_team_shows_its_load(site: Dashboard, project: str, plans: dict[str, str]) -> None:
    assert plans
    load = call(site, "get_team_workload_overview", project)
    page = site.visit("/plans/team", project)
    assert page.locator(".members .title").all_inner_texts() == [one["name"] for one in load["members"]]
    for one in load["members"]:
        shown = page.locator(".members > li", has_text=one["name"]).inner_text()
        assert f"{round(100 * one['utilization'])} %" in shown
        assert one["status"] in shown
    assert load["recommendations"][0] in page.locator("main").inner_text()


def test_dependencies_are_added_and_removed_and_put_back(
    site: Dashboard, project: str, plans: dict[str, str]
) -> None:
    def needs() -> list[str]:
        found = call(site, "get_task_dependencies", project, blueprint_id=plans["queue"])["dependencies"]
        return [one["prerequisite_blueprint_id"] for one in found]

    page = site.visit(f"/plans/{plans['queue']}", project)
    page.get_by_text("What it waits for").click()
    page.get_by_label("Have it wait for").select_option(plans["buoys"])
    page.get_by_label("How", exact=True).select_option("soft")
    site.press(page.get_by_role("button", name="Add"))
    assert needs() == [plans["buoys"]]
    page.get_by_label("Have it wait for").select_option(plans["regatta"])
    site.press(page.get_by_role("button", name="Add"))
    assert "cycle" in page.get_by_role("alert").inner_text()
    site.press(page.get_by_role("button", name="No longer wait for Read the CSV of buoys"))
    assert needs() == []
    site.press(page.get_by_role("button", name="Undo"))
    assert needs() == [plans["buoys"]]


def test_a_task_is_planned_changed_cut_and_deleted(site: Dashboard, project: str) -> None:
    page = site.visit("/plans", project)
    page.get_by_text("Plan a task").click()
    page.get_by_label("Title").fill("Renew the pier lights")
    page.get_by_label("Description").fill("- Measure the old ones\n- Order LEDs\n- Mount them")
    page.get_by_label("Minutes").fill("900")
    page.get_by_label("Priority").fill("80")
    page.get_by_label("Skills").fill("electrics, climbing")
    page.get_by_label("Tags").fill("pier")
    site.press(page.get_by_role("button", name="Plan it"))
    (made,) = call(site, "list_project_blueprints", project)["blueprints"]
    assert made["required_skills"] == ["electrics", "climbing"]
    assert (made["estimated_duration_minutes"], made["priority_score"], made["tags"]) == (900, 0.8, ["pier"])
    page.get_by_text("Change what it says").click()
    page.get_by_label("Title").fill("Renew all lights")
    site.press(page.get_by_role("button", name="Save"))
    assert page.locator("h1").inner_text() == "Renew all lights"
    page.get_by_text("Cut it into parts").click()
    site.press(page.get_by_role("button", name="Cut"))
    assert "Cut into 3 parts" in site.told()
    page.get_by_text("Cut it into parts").click()
    page.get_by_label("By", exact=True).select_option("bug_fix")
    page.get_by_label("Delete its 3 parts first").check()
    site.press(page.get_by_role("button", name="Cut"))
    parts = call(site, "list_project_blueprints", project, parent_id=made["blueprint_id"])
    assert f"Cut into {parts['total']} parts" in site.told()
    assert any(one["title"].startswith("Reproduce") for one in parts["blueprints"])
    page.get_by_text("Delete it", exact=True).click()
    site.press(page.get_by_role("button", name="Delete"))
    assert f"Deleted, with {parts['total']} parts." in site.told()
    assert call(site, "list_project_blueprints", project)["total"] == 0
    site.press(page.get_by_role("button", name="Undo"))
    assert call(site, "list_project_blueprints", project)["total"] == 1 + parts["total"]


def test_templates_are_listed_and_shown(site: Dashboard) -> None:
    page = site.visit("/plans/templates")
    assert page.locator(".library > li").count() == 28
    site.press(page.get_by_role("link", name="Bug fix"))
    assert page.locator(".phases .title").first.inner_text() == "1. Reproduce"
    assert "25 %" in page.locator(".phases > li").first.inner_text()
    page = site.visit("/plans/templates/nothing")
    assert "There is no template 'nothing'" in page.locator("main").inner_text()


WRONG = {
    "no json": ("{", "Expecting"),
    "a list": ("[]", "a JSON object"),
    "no name": ('{"title": "T", "phases": []}', "phases: at least 2"),
    "one phase": (
        '{"name": "t", "title": "T", "phases": [{"title": "A", "share": 1}]}',
        "phases: at least 2",
    ),
    "no share": ('{"name": "t", "title": "T", "phases": [{"title": "A"}, {}]}', "phases[0].share: missing"),
    "a share of text": (
        '{"name": "t", "title": "T", "phases": [{"title": "A", "share": "1"}, {}]}',
        "phases[0].share: a number of more than 0",
    ),
    "a later phase": (
        '{"name": "t", "title": "T", "phases": [{"title": "A", "share": 1, "after": [1]}, {}]}',
        "phases[0].after: only earlier phases",
    ),
    "keywords of numbers": (
        json.dumps({"name": "t", "title": "T", "keywords": [1], "phases": [{"title": "A", "share": 1}] * 2}),
        "keywords: a list of texts",
    ),
    "a name of a path": (
        '{"name": "../t", "title": "T", "phases": [{"title": "A", "share": 1}, {"title": "B", "share": 1}]}',
        "name: a to z",
    ),
}


def test_a_template_of_ones_own_is_checked_kept_and_used(own: Dashboard) -> None:
    folder = own.db.parent / "config" / "ltmc" / "blueprint_templates"
    page = own.visit("/plans/templates")
    for name, (text, reason) in WRONG.items():
        if not page.locator("#text").is_visible():
            page.get_by_text("Add one of your own").click()
        page.get_by_label("The template, as JSON").fill(text)
        own.press(page.get_by_role("button", name="Check and keep"))
        assert reason in page.get_by_role("alert").inner_text(), name
        assert page.get_by_label("The template, as JSON").input_value() == text
        assert not folder.exists()
    good = {
        "name": "survey",
        "title": HOSTILE,
        "keywords": ["questionnaire", HOSTILE],
        "phases": [
            {"title": HOSTILE, "description": HOSTILE, "share": 1, "skills": [HOSTILE]},
            {"title": "Write", "share": 3},
        ],
    }
    page.get_by_label("The template, as JSON").fill(json.dumps(good))
    own.press(page.get_by_role("button", name="Check and keep"))
    assert page.locator("h1").inner_text() == HOSTILE
    assert json.loads((folder / "survey.json").read_text()) == good
    assert [path.name for path in folder.iterdir()] == ["survey.json"]
    assert page.evaluate("window.broken ?? null") is None
    assert own.accessibility() == []
    task = call(own, "create_task_blueprint", "default", title="A questionnaire", description="Ask them.")
    cut = call(own, "decompose_task_blueprint", "default", blueprint_id=task["blueprint_id"], force=True)
    assert len(cut["subtasks"]) == 2
    page = own.visit("/plans/templates")
    assert page.locator(".library > li").count() == 29
    page.get_by_text("Add one of your own").click()
    page.get_by_label("The template, as JSON").fill(json.dumps({**good, "title": "Other"}))
    own.press(page.get_by_role("button", name="Check and keep"))
    assert "is there already" in page.get_by_role("alert").inner_text()
    page.get_by_label("Replace one of mine").check()
    own.press(page.get_by_role("button", name="Check and keep"))
    assert page.locator("h1").inner_text() == "Other"
    own.press(page.get_by_role("button", name="Delete it"))
    assert not (folder / "survey.json").exists()
    assert "Deleted." in own.told()
    assert page.locator(".library > li").count() == 28
    own.press(page.get_by_role("button", name="Check and keep"))
    assert json.loads((folder / "survey.json").read_text())["title"] == "Other"
    (folder / "survey.json").write_text("{}")
    page = own.visit("/plans/templates")
    assert "survey.json is no template: phases: missing" in page.locator(".notice.error").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_plan_of_hostile_text_is_shown_to_everybody(hostile: Dashboard, theme: str) -> None:
    hostile.page.emulate_media(color_scheme=theme)
    page = hostile.visit("/plans", PROJECT)
    hostile.press(page.locator(".plan-card a").first)
    for summary in page.locator("details > summary").all():
        if not summary.locator("..").get_attribute("open"):
            summary.click()
    assert page.evaluate("window.broken ?? null") is None
    assert HOSTILE in page.locator("h1").inner_text()
    assert hostile.accessibility() == []
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.set_viewport_size(WIDE)


def test_a_read_only_server_shows_plans_without_buttons(browser: Browser, tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with Serving(db) as server:
        ids = example_plans.store(server, "default")
    with Serving(db, "--read-only") as server:
        site = Dashboard(browser, server, db)
        for path in (
            f"/plans/{ids['planner2']}",
            "/graph?node=booking",
            "/plans/team",
            "/plans/templates",
            "/plans/templates/bug_fix",
        ):
            page = site.visit(path)
            assert page.locator("h1").count() == 1
            assert page.locator("main form[method=post]").count() == 0, path
            assert "That did not work" not in page.locator("main").inner_text()
        site.close()
