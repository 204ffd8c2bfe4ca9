"""What the tools of teams answer."""

from typing import NotRequired, TypedDict

from ltmc.features.blueprints.results import NowReady
from ltmc.features.team.calendar import LocalTime


class AssignedMember(TypedDict):
    """Who does a task."""

    id: str
    name: str | None


class Alternative(TypedDict):
    """Who could do it too."""

    member_id: str
    score: float


class Assigned(LocalTime):
    """A task given to a member, with the reasons."""

    assignment_id: str
    blueprint_id: str
    confidence_score: float
    assigned_member: AssignedMember
    score_breakdown: dict[str, float]
    matched_skills: list[str]
    missing_skills: list[str]
    estimated_completion: str
    alternatives: list[Alternative]
    warnings: list[str]


class Previous(TypedDict):
    """How far an assignment was before."""

    progress: float
    status: str


class Progress(NowReady, LocalTime):
    """How far an assignment is; hours are totals."""

    assignment_id: str
    blueprint_id: str | None
    member_id: str
    status: str
    progress_percentage: float
    actual_hours_worked: float | None
    notes: str | None
    confidence_score: float
    estimated_completion: str
    assigned_at: str
    updated_at: str
    completed_at: str | None
    previous: Previous
    predicted_completion: str | None
    on_track: bool | None
    hours_variance: float | None
    blueprint_status: str | None


class OpenAssignment(TypedDict):
    """A task that someone has to do."""

    assignment_id: str
    blueprint_id: str | None
    title: str | None
    status: str
    progress_percentage: float


class Load(TypedDict):
    """How much a member has to do; `utilization`: of a week's capacity; `timezone`: where it is not UTC."""

    member_id: str
    name: str | None
    capacity: float
    active_assignments: int
    remaining_hours: float
    utilization: float
    status: str
    next_free: str
    timezone: NotRequired[str]
    overdue: int
    known: bool
    assignments: list[OpenAssignment]


class Workload(TypedDict):
    """Who has how much to do."""

    members: list[Load]
    average_utilization: float | None
    overloaded: list[str]
    available: list[str]
    unassigned_blueprints: int
    recommendations: list[str]
