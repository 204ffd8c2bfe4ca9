"""What the tools of blueprints answer."""

from typing import Any, NotRequired, TypedDict

from ltmc.search.kinds import Described
from ltmc.tools.paging import PageCounts


class _ShortView(Described):
    blueprint_id: str
    project_id: str
    kind: str
    parent_id: str | None
    title: str
    complexity: str
    complexity_score: float
    estimated_duration_minutes: int
    required_skills: list[str]
    priority_score: float
    tags: list[str]
    status: str
    created_at: str
    updated_at: str
    completed_at: str | None


class _BlueprintView(_ShortView):
    complexity_source: str
    resource_requirements: dict[str, Any]
    decomposition_strategy: str | None


class BlueprintView(_BlueprintView):
    """A blueprint as tools show it."""

    complexity_factors: dict[str, Any]


class AttachedFileView(TypedDict):
    """A file attached to a blueprint, as it was when it was last compared."""

    file_path: str
    link_type: str
    content_hash: str
    consistency_status: str
    consistency_score: float | None
    last_validated_at: str | None


class AssignmentBrief(TypedDict):
    """An assignment in short."""

    assignment_id: str
    member_id: str
    status: str
    progress_percentage: float


class ReadyBlueprint(TypedDict):
    """A blueprint that can begin, with its open assignment."""

    blueprint_id: str
    title: str
    assignment: NotRequired[AssignmentBrief]


class NowReady(TypedDict):
    """Which blueprints can begin because of a call; `now_ready_more`: how many beside those named."""

    now_ready: NotRequired[list[ReadyBlueprint]]
    now_ready_more: NotRequired[int]


class BlueprintDetails(BlueprintView):
    """A blueprint with what belongs to it."""

    children: list[str]
    files: list[AttachedFileView]
    assignments: list[AssignmentBrief]
    history: list[dict[str, Any]]


class BlueprintChanged(_BlueprintView, NowReady):
    """A blueprint after a change; the factors where they changed."""

    complexity_factors: NotRequired[dict[str, Any]]
    changed_fields: list[str]


class ListedBlueprint(_ShortView):
    """A blueprint in a list; get_blueprint has a long description whole."""


class BlueprintPage(PageCounts):
    """A page of blueprints."""

    blueprints: list[ListedBlueprint]


class RemovedWithBlueprint(TypedDict):
    """What went with a blueprint."""

    subtasks: int
    dependencies: int
    assignments: int
    links: int


class BlueprintDeleted(TypedDict):
    """A blueprint that is gone; `unblocked`: those that waited for nothing else."""

    blueprint_id: str
    deleted: bool
    removed: RemovedWithBlueprint
    unblocked: list[str]
    undo: str


class Estimate(TypedDict):
    """Minutes that half and nine tenths of such tasks take.

    `basis`: history (of similar tasks), project (all of its completed tasks) or label; `error`: the share by which
    half of the `samples` are missed, each estimated from the others.
    """

    p50: float
    p90: float
    basis: str
    samples: int
    error: float | None


class SimilarBlueprint(TypedDict):
    """A task whose text is alike; the similarity is a cosine."""

    blueprint_id: str
    title: str
    status: str
    complexity: str
    similarity: float


class ComplexityAnalysis(TypedDict):
    """How complex a task is, and why."""

    complexity: str
    complexity_score: float
    factors: dict[str, Any]
    reasoning: str
    estimated_duration_minutes: Estimate
    suggested_skills: list[str]
    recommend_decomposition: bool
    similar_blueprints: list[SimilarBlueprint]


class DependencyAdded(TypedDict):
    """A dependency, new or changed."""

    dependent_blueprint_id: str
    prerequisite_blueprint_id: str
    dependency_type: str
    is_critical: bool
    created: bool
    updated: bool


class _Neighbour(TypedDict):
    title: str
    status: str
    dependency_type: str
    is_critical: bool
    depth: int


class Prerequisite(_Neighbour):
    """What a blueprint waits for; `satisfied`: it lets the blueprint begin."""

    prerequisite_blueprint_id: str
    satisfied: bool


class Dependent(_Neighbour):
    """What waits for a blueprint."""

    dependent_blueprint_id: str


class Dependencies(TypedDict):
    """What a blueprint waits for, and what waits for it."""

    blueprint_id: str
    dependencies: list[Prerequisite]
    dependents: list[Dependent]
    ready: bool
    blocking_open: list[str]


class ExternalPrerequisite(TypedDict):
    """A prerequisite that was not asked for."""

    id: str
    required_by: list[str]
    status: str


class ExecutionOrder(TypedDict):
    """In which order to do blueprints; `titles` of all that are named, by id."""

    execution_order: list[str]
    titles: dict[str, str]
    parallel_groups: list[list[str]]
    critical_path: list[str]
    critical_path_minutes: int
    total_minutes: int
    external_prerequisites: list[ExternalPrerequisite]
    already_completed: list[str]
    skipped: list[str]


class Subtask(Described):
    """A part of a task."""

    blueprint_id: str
    title: str
    complexity: str
    complexity_score: float
    estimated_duration_minutes: int
    required_skills: list[str]
    depends_on: list[str]


class Decomposition(TypedDict):
    """A task cut into subtasks; `strategy_used`: None where it was left whole; `undo` of those that were replaced."""

    blueprint_id: str
    requires_decomposition: bool
    strategy_used: str | None
    subtasks: list[Subtask]
    parallel_minutes: int
    sequential_minutes: int
    undo: NotRequired[str]
