"""Teams."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ltmc.features.team.service import TeamService
from ltmc.tools.arguments import (
    BlueprintId,
    Description,
    JsonObject,
    Name,
    ProjectId,
    Projects,
    Skills,
    lower,
    not_bool,
)
from ltmc.tools.declaration import tool

Capacity = Annotated[float, Field(gt=0, le=2, allow_inf_nan=False, strict=True), BeforeValidator(not_bool)]


@with_config(ConfigDict(extra="forbid"))
class Member(TypedDict):
    """A team member; a capacity of 1 is 40 hours a week."""

    id: NotRequired[Name | None]
    member_id: NotRequired[Name | None]
    name: NotRequired[Name | None]
    skills: NotRequired[Skills | None]
    capacity: NotRequired[Capacity | None]
    status: NotRequired[Annotated[Literal["available", "busy", "away"], BeforeValidator(lower)] | None]


@tool("Assign a task", category="team")
async def assign_task_to_team(
    team: TeamService,
    /,
    blueprint_id: BlueprintId,
    available_members: Annotated[list[Member], Field(min_length=1, max_length=200)],
    preferences: JsonObject | None = None,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Give a task to the member who fits best, with the reasons in figures.

    Args:
        preferences: preferred_member_id, exclude_member_ids, prefer_skills, balance_workload,
            min_skill_coverage (0.5), prefer_<skill>.
    """
    return await team.assign(
        blueprint_id, [dict(member) for member in available_members], preferences or {}, project_id
    )


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
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Record how far an assignment is, and learn when it will be done.

    Args:
        actual_hours_worked: The total so far.
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
    team_members: Annotated[list[Member], Field(max_length=200)] | None = None,
    project_id: Projects = None,
) -> dict[str, Any]:
    """Who has how much to do, who has room, and what waits for someone.

    Args:
        team_members: null: all known.
    """
    members = None if team_members is None else [dict(member) for member in team_members]
    return await team.workload(members, project_id)
