"""Blueprints of code."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ltmc.features.code_structure.results import (
    BlueprintDocument,
    CodeBlueprint,
    Relationships,
    StructureUpdated,
    StructureValidation,
)
from ltmc.features.code_structure.service import CodeStructureService
from ltmc.tools.arguments import (
    FINE,
    BlueprintId,
    Bool,
    Depth,
    Direction,
    FilePath,
    Limit,
    Offset,
    ProjectId,
    ProjectOfId,
    Reference,
    Title,
    lower,
)
from ltmc.tools.declaration import tool


@tool("Blueprint of a file", category="code_structure", idempotent=True)
async def create_blueprint_from_code(
    structure: CodeStructureService,
    /,
    file_path: FilePath,
    title: Title | None = None,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> CodeBlueprint:
    """Make a blueprint of a Python file: its symbols and relationships."""
    return await structure.create(file_path, title=title, offset=offset, project_id=project_id)


@tool("Update from code", category="code_structure", destructive=True, idempotent=True)
async def update_blueprint_structure(
    structure: CodeStructureService,
    /,
    blueprint_id: BlueprintId,
    file_path: FilePath,
    dry_run: Bool = False,
    project_id: ProjectOfId = None,
) -> StructureUpdated:
    """Bring a blueprint up to date with a file, or attach it."""
    return await structure.update(blueprint_id, file_path, dry_run=dry_run, project_id=project_id)


@tool("Compare with code", category="code_structure", read_only=True)
async def validate_blueprint_consistency(
    structure: CodeStructureService,
    /,
    blueprint_id: BlueprintId,
    file_path: FilePath,
    project_id: ProjectOfId = None,
) -> StructureValidation:
    """Whether a file still is as its blueprint says."""
    return await structure.validate(blueprint_id, file_path, project_id)


@tool("Relationships of a blueprint", category="code_structure", read_only=True)
async def query_blueprint_relationships(
    structure: CodeStructureService,
    /,
    node_id: Reference,
    relationship_types: list[str] | None = None,
    max_depth: Depth = 1,
    direction: Direction = "both",
    limit: Limit = 100,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> Relationships:
    """What hangs together with a blueprint or a symbol.

    Args:
        node_id: Id of a blueprint or symbol.
        relationship_types: Such as calls.
    """
    return await structure.relationships(
        node_id,
        types=relationship_types,
        max_depth=max_depth,
        direction=direction,
        limit=limit,
        offset=offset,
        project_id=project_id,
    )


@tool("Render a blueprint", category="code_structure", read_only=True)
async def generate_blueprint_documentation(
    structure: CodeStructureService,
    /,
    blueprint_id: BlueprintId,
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["markdown", "html", "rst", "json", "txt"], BeforeValidator(lower)
    ] = "markdown",
    include_relationships: Annotated[Bool, FINE] = True,
    project_id: ProjectOfId = None,
) -> BlueprintDocument:
    """Render a blueprint; nothing is written."""
    return await structure.render(
        blueprint_id, form=format, include_relationships=include_relationships, project_id=project_id
    )
