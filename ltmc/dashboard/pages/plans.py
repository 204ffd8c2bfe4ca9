"""Plans: blueprints with their progress, their dependencies and their time; the team; the templates."""

import asyncio
import math
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from ltmc.app.planning import keep, library, planner, remove, templates_folder
from ltmc.dashboard.page import Page, get, post
from ltmc.dashboard.plan_drawing import network, timeline
from ltmc.errors import ErrorCode, LtmcError, invalid

PLANS = "/plans"

LISTED = 25
"""How many blueprints a page lists."""

STATUSES = ("draft", "active", "completed", "cancelled")
NEXT = {
    "draft": (("active", "Begin"), ("cancelled", "Cancel")),
    "active": (("completed", "Complete"), ("cancelled", "Cancel")),
    "completed": (("active", "Open again"),),
    "cancelled": (("active", "Open again"),),
}
"""What a blueprint of a status can become, and what the button says."""

COMPLEXITIES = ("TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL")

EXAMPLE = """{
  "name": "survey",
  "title": "Survey",
  "keywords": ["survey", "interview"],
  "phases": [
    {"title": "Ask", "description": "Talk to ten users.", "share": 0.6, "skills": ["research"]},
    {"title": "Write", "share": 0.4, "after": [0]}
  ]
}
"""


async def show_list(page: Page) -> Response:
    """List blueprints."""
    status, kind, offset = page.text("status"), page.text("kind"), page.offset()
    found = await planner(page.app).page(
        page.project,
        status=status if status in STATUSES else None,
        parts=bool(page.text("parts")),
        kind=kind if kind in ("task", "code") else None,
        limit=LISTED,
        offset=offset,
    )
    shown = {
        "found": found,
        "offset": offset,
        "limit": LISTED,
        "view": {"status": "", "kind": "", "parts": "", **page.filled("status", "kind", "parts")},
        "statuses": STATUSES,
    }
    return await page.show("plans.html", shown, section="plans")


async def show_plan(page: Page) -> Response:
    """Show a blueprint with its drawings."""
    one = page.request.path_params["blueprint_id"]
    blueprint = await page.read("get_blueprint", blueprint_id=one)
    plan = await planner(page.app).plan(page.project, one)
    tasks = {task["blueprint_id"]: task for task in plan["tasks"]}
    above = blueprint["parent_id"]
    order = await page.read("resolve_blueprint_execution_order", blueprint_ids=list(tasks))
    critical = [each for each in order["critical_path"] if tasks[each]["status"] != "completed"]
    shown = {
        "blueprint": blueprint,
        "parent": await page.read("get_blueprint", blueprint_id=above) if above else None,
        "task": tasks[one],
        "tasks": tasks,
        "plan": plan,
        "order": order,
        "critical": critical,
        "network": network(tasks, plan["needs"], order["execution_order"], critical),
        "timeline": timeline(tasks, order["execution_order"], critical, datetime.now(UTC)),
        "needs": [need for need in plan["needs"] if need["dependent"] == one],
        "others": {
            other: title
            for other, title in (await planner(page.app).titles(page.project)).items()
            if other not in tasks or tasks[other]["parent_id"] != one
            if other != one
        },
        "members": await planner(page.app).members(page.project),
        "templates": sorted((await asyncio.to_thread(library))[0]),
        "next": NEXT[blueprint["status"]],
        "complexities": COMPLEXITIES,
    }
    return await page.show("plan.html", shown, section="plans")


async def show_team(page: Page) -> Response:
    """Show who has how much to do."""
    load = await page.read("get_team_workload_overview")
    skills = {one["member_id"]: one["skills"] for one in await planner(page.app).members(page.project)}
    return await page.show("team.html", {"load": load, "skills": skills}, section="plans")


async def create(page: Page) -> Response:
    """Plan a task."""
    minutes = _number(page, "minutes")
    made = await page.change(
        "create_task_blueprint",
        title=page.text("title"),
        description=page.raw("description"),
        priority_score=_priority(page),
        required_skills=page.listed("skills"),
        tags=page.listed("tags"),
        **({} if minutes is None else {"estimated_duration_minutes": int(minutes)}),
    )
    page.tell(f"Planned: {made['title']}, {made['complexity'].lower()}.")
    return page.go(f"{PLANS}/{made['blueprint_id']}")


async def edit(page: Page) -> Response:
    """Change what a blueprint says."""
    minutes = _number(page, "minutes")
    await page.change(
        "update_blueprint_metadata",
        blueprint_id=_id(page),
        title=page.text("title"),
        description=page.raw("description"),
        priority_score=_priority(page),
        required_skills=page.listed("skills"),
        tags=page.listed("tags"),
        **({} if minutes is None else {"estimated_duration_minutes": int(minutes)}),
    )
    page.tell("Changed.")
    return page.go(f"{PLANS}/{_id(page)}")


async def set_status(page: Page) -> Response:
    """Give a blueprint another status."""
    done = await page.change("update_blueprint_metadata", blueprint_id=_id(page), status=page.text("status"))
    page.tell(f"It is {done['status']} now.{_ready(done)}")
    return page.go(f"{PLANS}/{_id(page)}")


async def progress(page: Page) -> Response:
    """Record how far an assignment is."""
    hours, status = _number(page, "hours"), page.text("status")
    done = await page.change(
        "update_task_progress",
        assignment_id=page.text("assignment_id"),
        progress_percentage=_number(page, "progress") or 0.0,
        **({} if hours is None else {"actual_hours_worked": hours}),
        **({"status": status} if status else {}),
        **({"notes": notes} if (notes := page.raw("notes").strip()) else {}),
    )
    page.tell(f"{done['progress_percentage']:g} %, {done['status'].replace('_', ' ')}.{_ready(done)}")
    return page.go(f"{PLANS}/{_id(page)}")


async def assign(page: Page) -> Response:
    """Give a task to who fits best of those ticked, or to a new member."""
    members: list[dict[str, Any]] = [{"id": one} for one in page.chosen("member")]
    if new := page.text("new_id"):
        members.append({"id": new, **page.filled("name"), "skills": page.listed("new_skills")})
    if not members:
        raise invalid("member", "", "tick who is to be asked, or name somebody new")
    # Whoever was ticked alone was chosen by a person, whatever the skills.
    wishes = {"min_skill_coverage": 0} if len(members) == 1 else {}
    done = await page.change(
        "assign_task_to_team", blueprint_id=_id(page), available_members=members, preferences=wishes
    )
    who = done["assigned_member"]
    page.tell(f"{who['name'] or who['id']} has it, with a score of {done['score_breakdown']['total']:.2f}.")
    for warning in done["warnings"]:
        page.tell(warning, kind="warning")
    return page.go(f"{PLANS}/{_id(page)}")


async def depend(page: Page) -> Response:
    """Have a blueprint wait for another one."""
    await page.change(
        "add_blueprint_dependency",
        dependent_blueprint_id=_id(page),
        prerequisite_blueprint_id=page.text("prerequisite"),
        dependency_type=page.text("kind") or "blocking",
    )
    page.tell("It waits for that now.")
    return page.go(f"{PLANS}/{_id(page)}")


async def release(page: Page) -> Response:
    """Have a blueprint no longer wait for another one; this can be taken back."""
    chosen = {"kind": "dependency", "ids": [f"{_id(page)}>{page.text('prerequisite')}"]}
    preview = await page.read("forget", **chosen)
    gone = await page.change("forget", **chosen, confirm=preview["confirm"])
    page.tell(f"No more: {preview['examples'][0]['title']}.", undo=gone["undo"])
    return page.go(f"{PLANS}/{_id(page)}")


async def decompose(page: Page) -> Response:
    """Cut a task into parts."""
    template = page.text("template")
    done = await page.change(
        "decompose_task_blueprint",
        blueprint_id=_id(page),
        force=True,
        replace=bool(page.text("replace")),
        **({"template": template, "decomposition_strategy": "phase_based"} if template else {}),
    )
    count = len(done["subtasks"])
    page.tell(
        f"Cut into {count} parts." if count else "It is one piece; nothing was cut.", undo=done.get("undo")
    )
    return page.go(f"{PLANS}/{_id(page)}")


async def delete(page: Page) -> Response:
    """Delete a blueprint with its parts; this can be taken back."""
    gone = await page.change("delete_task_blueprint", blueprint_id=_id(page), force=bool(page.text("force")))
    parts = gone["removed"]["subtasks"]
    page.tell(f"Deleted{f', with {parts} parts' if parts else ''}.", undo=gone["undo"])
    return page.go(PLANS)


async def show_templates(page: Page, removed: str = "") -> Response:
    """List the templates, and take a new one: that which was removed, if it is wanted back."""
    found, broken = await asyncio.to_thread(library)
    shown = {
        "templates": sorted(found.values(), key=lambda one: (one.path is None, one.title.lower())),
        "broken": {str(path): reason for path, reason in broken.items()},
        "folder": str(templates_folder()),
        "removed": removed,
        "example": EXAMPLE,
    }
    return await page.show("templates.html", shown, section="plans")


async def show_template(page: Page) -> Response:
    """Show a template."""
    name = page.request.path_params["name"]
    found = (await asyncio.to_thread(library))[0].get(name)
    if found is None:
        raise LtmcError(ErrorCode.NOT_FOUND, f"There is no template {name!r}.")
    text = await asyncio.to_thread(found.path.read_text, "utf-8") if found.path else ""
    whole = sum(phase.weight for phase in found.phases)
    return await page.show(
        "template.html", {"template": found, "text": text, "whole": whole}, section="plans"
    )


async def add_template(page: Page) -> Response:
    """Keep a template of one's own, if it is one."""
    kept = await asyncio.to_thread(keep, page.raw("text"), replace_own=bool(page.text("replace")))
    page.tell(f"Kept: {kept.title}. Tasks with its keywords are cut by it.")
    return page.go(f"{PLANS}/templates/{kept.name}")


async def remove_template(page: Page) -> Response:
    """Remove a template of one's own."""
    removed = await asyncio.to_thread(remove, page.request.path_params["name"])
    page.tell("Deleted. Its text is still in the form below: keep it again if you want it back.")
    return await show_templates(page, removed)


def _id(page: Page) -> str:
    return str(page.request.path_params["blueprint_id"])


def _ready(done: dict[str, Any]) -> str:
    """Return which blueprints can begin because of a change, as a sentence."""
    titles = [one["title"] for one in done.get("now_ready", ())]
    return f" These can begin now: {', '.join(titles)}." if titles else ""


def _number(page: Page, name: str) -> float | None:
    """Return the number in a field, None where it is empty.

    Raises:
        LtmcError: INVALID_ARGUMENT for what is no number.
    """
    text = page.text(name).replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise invalid(name, text, "a number")
    return number


def _priority(page: Page) -> float:
    number = _number(page, "priority")
    return 0.5 if number is None else number / 100


ROUTES = [
    get(PLANS, show_list),
    post(PLANS, create, again=show_list),
    get(f"{PLANS}/team", show_team),
    get(f"{PLANS}/templates", show_templates),
    post(f"{PLANS}/templates", add_template, again=show_templates),
    get(f"{PLANS}/templates/{{name}}", show_template),
    post(f"{PLANS}/templates/{{name}}/delete", remove_template),
    get(f"{PLANS}/{{blueprint_id}}", show_plan),
    *(
        post(f"{PLANS}/{{blueprint_id}}/{name}", change, again=show_plan)
        for name, change in {
            "edit": edit,
            "status": set_status,
            "progress": progress,
            "assign": assign,
            "depend": depend,
            "release": release,
            "decompose": decompose,
            "delete": delete,
        }.items()
    ),
]
