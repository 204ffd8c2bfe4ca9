"""Task blueprints."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ltmc.features.blueprints.decomposition import DecompositionService
from ltmc.features.blueprints.dependencies import DependencyService
from ltmc.features.blueprints.estimates import EstimateService
from ltmc.features.blueprints.results import (
    BlueprintChanged,
    BlueprintDeleted,
    BlueprintDetails,
    BlueprintPage,
    BlueprintView,
    ComplexityAnalysis,
    Decomposition,
    Dependencies,
    DependencyAdded,
    ExecutionOrder,
)
from ltmc.features.blueprints.service import BlueprintService
from ltmc.tools.arguments import (
    FINE,
    AutoComplexity,
    BlueprintId,
    BlueprintStatus,
    Bool,
    Complexity,
    ComplexityBound,
    Kept,
    Limit,
    LongDescription,
    Minutes,
    Name,
    Offset,
    ProjectId,
    ProjectOfId,
    Share,
    Skills,
    Tags,
    Title,
    lower,
    not_bool,
)
from ltmc.tools.declaration import tool


@tool("Plan a task", category="blueprints")
async def create_task_blueprint(
    blueprints: BlueprintService,
    /,
    title: Title,
    description: LongDescription,
    complexity: Complexity | None = None,
    estimated_duration_minutes: Minutes | None = None,
    required_skills: Skills | None = None,
    priority_score: Share = 0.5,
    tags: Tags | None = None,
    resource_requirements: Kept | None = None,
    project_id: ProjectId = None,
) -> BlueprintView:
    """Plan a task; complexity and estimate are computed if left out.

    Args:
        estimated_duration_minutes: 1-40320.
    """
    return await blueprints.create(
        title=title,
        description=description,
        complexity=complexity,
        estimated_duration_minutes=estimated_duration_minutes,
        required_skills=required_skills or [],
        priority_score=priority_score,
        tags=tags or [],
        resource_requirements=resource_requirements or {},
        project_id=project_id,
    )


@tool("Complexity of a task", category="blueprints", read_only=True)
async def analyze_task_complexity(
    estimates: EstimateService,
    /,
    title: Title,
    description: LongDescription,
    required_skills: Skills | None = None,
    project_id: ProjectId = None,
) -> ComplexityAnalysis:
    """How complex a task is, how long tasks like it took."""
    return await estimates.analyse(title, description, required_skills or [], project_id)


@tool("Dependencies of a task", category="blueprints", read_only=True)
async def get_task_dependencies(
    dependencies: DependencyService,
    /,
    blueprint_id: BlueprintId,
    include_transitive: Bool = False,
    project_id: ProjectOfId = None,
) -> Dependencies:
    """What a task waits for, and what waits for it.

    Args:
        include_transitive: Also indirect ones.
    """
    return await dependencies.of(blueprint_id, include_transitive=include_transitive, project_id=project_id)


@tool("Change a blueprint", category="blueprints", destructive=True, idempotent=True)
async def update_blueprint_metadata(
    blueprints: BlueprintService,
    /,
    blueprint_id: BlueprintId,
    estimated_duration_minutes: Minutes | None = None,
    required_skills: Skills | None = None,
    priority_score: Share | None = None,
    tags: Tags | None = None,
    resource_requirements: Kept | None = None,
    title: Title | None = None,
    description: LongDescription | None = None,
    complexity: AutoComplexity | None = None,
    status: BlueprintStatus | None = None,
    project_id: ProjectOfId = None,
) -> BlueprintChanged:
    """Change a blueprint or its status; what is left out stays.

    Args:
        estimated_duration_minutes: 1-40320.
    """
    return await blueprints.update(
        blueprint_id,
        {
            "estimated_duration_minutes": estimated_duration_minutes,
            "required_skills": required_skills,
            "priority_score": priority_score,
            "tags": tags,
            "resource_requirements": resource_requirements,
            "title": title,
            "description": description,
            "complexity": complexity,
            "status": status,
        },
        project_id,
    )


@tool("List blueprints", category="blueprints", read_only=True)
async def list_project_blueprints(
    blueprints: BlueprintService,
    /,
    project_id: ProjectId = None,
    min_complexity: ComplexityBound | None = None,
    max_complexity: ComplexityBound | None = None,
    tags: Tags | None = None,
    status: BlueprintStatus | None = None,
    kind: Annotated[Literal["task", "code"], BeforeValidator(lower)] | None = None,
    parent_id: BlueprintId | None = None,
    limit: Limit = 10,
    offset: Offset = 0,
) -> BlueprintPage:
    """Blueprints, the highest priority first.

    Args:
        min_complexity: Such as SIMPLE.
        max_complexity: Such as COMPLEX.
        parent_id: Only its subtasks.
    """
    return await blueprints.page(
        project_id=project_id,
        min_complexity=min_complexity,
        max_complexity=max_complexity,
        tags=tags or [],
        status=status,
        kind=kind,
        parent_id=parent_id,
        limit=limit,
        offset=offset,
    )


@tool("Order of work", category="blueprints", read_only=True)
async def resolve_blueprint_execution_order(
    dependencies: DependencyService,
    /,
    blueprint_ids: Annotated[list[BlueprintId], Field(min_length=1, max_length=500)],
    include_prerequisites: Bool = False,
    project_id: ProjectOfId = None,
) -> ExecutionOrder:
    """In which order to do tasks, and the critical path.

    Args:
        blueprint_ids: Tasks to order.
        include_prerequisites: Also what they wait for.
    """
    return await dependencies.execution_order(
        blueprint_ids, include_prerequisites=include_prerequisites, project_id=project_id
    )


@tool("Add a dependency", category="blueprints", idempotent=True)
async def add_blueprint_dependency(
    dependencies: DependencyService,
    /,
    dependent_blueprint_id: BlueprintId,
    prerequisite_blueprint_id: BlueprintId,
    dependency_type: Annotated[Literal["blocking", "soft", "resource"], BeforeValidator(lower)] | None = None,
    is_critical: Annotated[Bool | None, FINE] = None,
    project_id: ProjectOfId = None,
) -> DependencyAdded:
    """Have one task wait for another.

    Args:
        dependent_blueprint_id: The one that waits.
        prerequisite_blueprint_id: The one it waits for.
    """
    return await dependencies.add(
        dependent_blueprint_id,
        prerequisite_blueprint_id,
        dependency_type,
        critical=is_critical,
        project_id=project_id,
    )


@tool("Delete a blueprint", category="blueprints", destructive=True)
async def delete_task_blueprint(
    blueprints: BlueprintService,
    /,
    blueprint_id: BlueprintId,
    force: Bool = False,
    project_id: ProjectOfId = None,
) -> BlueprintDeleted:
    """Delete a blueprint with its subtasks; forget(undo) restores it.

    Args:
        force: Cancel its open assignments.
    """
    return await blueprints.delete(blueprint_id, force=force, project_id=project_id)


@tool("Cut a task into subtasks", category="blueprints", destructive=True)
async def decompose_task_blueprint(
    decomposition: DecompositionService,
    /,
    blueprint_id: BlueprintId,
    decomposition_strategy: Annotated[
        Literal["auto", "feature_based", "phase_based", "layer_based", "skill_based"], BeforeValidator(lower)
    ] = "auto",
    max_subtasks: Annotated[int, Field(ge=2, le=20, strict=True), BeforeValidator(not_bool)] = 8,
    target_duration_minutes: Minutes = 240,
    force: Bool = False,
    replace: Bool = False,
    template: Name | None = None,
    project_id: ProjectOfId = None,
) -> Decomposition:
    """Cut a task into subtasks whose minutes sum to its own.

    Args:
        target_duration_minutes: Of each subtask, 1-40320.
        force: Also if it is small.
        replace: Delete earlier subtasks.
        template: Such as bug_fix.
    """
    return await decomposition.decompose(
        blueprint_id,
        strategy=decomposition_strategy,
        template=template,
        max_subtasks=max_subtasks,
        target_duration_minutes=target_duration_minutes,
        force=force,
        replace=replace,
        project_id=project_id,
    )


@tool("Read a blueprint", category="blueprints", read_only=True)
async def get_blueprint(
    blueprints: BlueprintService, /, blueprint_id: BlueprintId, project_id: ProjectOfId = None
) -> BlueprintDetails:
    """A blueprint with its history, subtasks, files, assignments."""
    return await blueprints.get(blueprint_id, project_id)
