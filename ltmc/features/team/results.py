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


class Doer(TypedDict):
    """Who has a task; `due`: when it was said to be done."""

    assignment_id: str
    member_id: str
    name: str | None
    status: str
    progress: float
    hours: float | None
    due: str


class PlannedTask(TypedDict):
    """A blueprint in a plan.

    `minutes`: its own, without its parts'; `progress`: in per cent, of a parent what its parts are, by their minutes;
    `begin` and `end`: from and until when it is likely to be worked on, or was; `blocked_by`: the titles of what it
    waits for; `parts`: how many it has; `doer`: of its latest assignment.
    """

    blueprint_id: str
    parent_id: str | None
    title: str
    status: str
    kind: str
    complexity: str
    priority: float
    tags: list[str]
    minutes: int
    whole_minutes: int
    progress: float
    begin: str | None
    end: str | None
    late: bool
    blocked_by: list[str]
    parts: int
    doer: Doer | None


class PlannedNeed(TypedDict):
    """One task of a plan waits for another one."""

    dependent: str
    prerequisite: str
    kind: str
    is_critical: bool


class Plan(TypedDict):
    """A blueprint with its parts and all that they wait for or that waits for them; `left`: how many more there are."""

    tasks: list[PlannedTask]
    needs: list[PlannedNeed]
    left: int


class PlanPage(TypedDict):
    """A page of plans; `counts`: of all, by status."""

    tasks: list[PlannedTask]
    counts: dict[str, int]
    total: int


class MemberView(TypedDict):
    """A member of a team."""

    member_id: str
    name: str | None
    skills: list[str]
    capacity: float
    status: str
