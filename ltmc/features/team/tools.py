"""Teams."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ltmc.features.team.results import Assigned, Progress, Workload
from ltmc.features.team.service import TeamService
from ltmc.tools.arguments import (
    BlueprintId,
    Description,
    JsonObject,
    ProjectOfId,
    Projects,
    TeamMember,
    lower,
    not_bool,
)
from ltmc.tools.declaration import tool


@tool("Assign a task", category="team")
async def assign_task_to_team(
    team: TeamService,
    /,
    blueprint_id: BlueprintId,
    available_members: Annotated[list[TeamMember], Field(min_length=1, max_length=200)],
    preferences: JsonObject | None = None,
    project_id: ProjectOfId = None,
) -> Assigned:
    """Give a task to the member who fits best.

    Args:
        available_members: Each: id, capacity (1: 8 hours a day), skills, status (away),
            working_days (mon), timezone (Europe/Berlin), days_off (2026-12-24).
        preferences: Keys: preferred_member_id, exclude_member_ids, prefer_skills, balance_workload,
            min_skill_coverage, prefer_<skill>.
    """
    return await team.assign(blueprint_id, available_members, preferences or {}, project_id)


@tool("Record progress", category="team")
async def update_task_progress(
    team: TeamService,
    /,
    assignment_id: BlueprintId,
    progress_percentage: Annotated[
        float, Field(ge=0, le=100, allow_inf_nan=False, strict=True), BeforeValidator(not_bool)
    ],
    status: Annotated[
        Literal["assigned", "in_progress", "blocked", "completed", "failed", "cancelled"],
        BeforeValidator(lower),
    ]
    | None = None,
    actual_hours_worked: Annotated[
        float, Field(ge=0, le=100_000, allow_inf_nan=False, strict=True), BeforeValidator(not_bool)
    ]
    | None = None,
    notes: Description | None = None,
    project_id: ProjectOfId = None,
) -> Progress:
    """Record how far an assignment is.

    Args:
        assignment_id: From assign_task_to_team.
        actual_hours_worked: In total.
        notes: What was done.
    """
    return await team.update_progress(
        assignment_id,
        progress_percentage,
        status=status,
        actual_hours_worked=actual_hours_worked,
        notes=notes,
        project_id=project_id,
    )


@tool("Workload of the team", category="team", read_only=True)
async def get_team_workload_overview(
    team: TeamService,
    /,
    team_members: Annotated[list[TeamMember], Field(max_length=200)] | None = None,
    project_id: Projects = None,
) -> Workload:
    """Who has how much to do, who has room.

    Args:
        team_members: Each: id, capacity; else all known.
    """
    return await team.workload(team_members, project_id)
