"""Documentation of code."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ltmc.features.documentation.results import (
    BlueprintDocumented,
    ConsistencyScore,
    DocumentSynced,
    Drift,
    Validation,
)
from ltmc.features.documentation.review import DocumentationReview
from ltmc.features.documentation.service import DocumentationService
from ltmc.tools.arguments import (
    FINE,
    BlueprintId,
    Bool,
    DocSource,
    FilePath,
    ProjectId,
    ProjectOfId,
    not_bool,
)
from ltmc.tools.declaration import tool


@tool("Write a file's documentation", category="documentation", destructive=True, idempotent=True)
async def sync_documentation_with_code(
    documentation: DocumentationService,
    /,
    file_path: FilePath,
    force_update: Bool = False,
    doc_path: FilePath | None = None,
    dry_run: Bool = False,
    project_id: ProjectId = None,
) -> DocumentSynced:
    """Write a Python file's API into its Markdown document.

    Args:
        force_update: Even if in step.
    """
    return await documentation.sync(
        file_path, force_update=force_update, doc_path=doc_path, dry_run=dry_run, project_id=project_id
    )


@tool("Check documentation", category="documentation", read_only=True)
async def validate_documentation_consistency(
    review: DocumentationReview,
    /,
    file_path: FilePath,
    doc_path: FilePath | None = None,
    doc_source: DocSource = "auto",
    project_id: ProjectId = None,
) -> Validation:
    """Where a Python file and its documentation disagree."""
    return await review.validate(file_path, doc_path=doc_path, doc_source=doc_source, project_id=project_id)


@tool("Drift of documentation", category="documentation", read_only=True)
async def detect_documentation_drift(
    review: DocumentationReview,
    /,
    file_path: FilePath,
    time_threshold_hours: Annotated[
        float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True), BeforeValidator(not_bool), FINE
    ] = 24,
    doc_path: FilePath | None = None,
    doc_source: DocSource = "auto",
    project_id: ProjectId = None,
) -> Drift:
    """What changed in a Python file that its documentation does not say."""
    return await review.drift(
        file_path,
        time_threshold_hours=time_threshold_hours,
        doc_path=doc_path,
        doc_source=doc_source,
        project_id=project_id,
    )


@tool("Document a blueprint", category="documentation", destructive=True, idempotent=True)
async def update_documentation_from_blueprint(
    documentation: DocumentationService,
    /,
    blueprint_id: BlueprintId,
    sections: list[str] | None = None,
    doc_path: FilePath | None = None,
    dry_run: Bool = False,
    project_id: ProjectOfId = None,
) -> BlueprintDocumented:
    """Write a blueprint's Markdown document.

    Args:
        sections: Such as user_guide.
    """
    return await documentation.update_from_blueprint(
        blueprint_id, sections=sections, doc_path=doc_path, dry_run=dry_run, project_id=project_id
    )


@tool("Score documentation", category="documentation", read_only=True)
async def get_documentation_consistency_score(
    review: DocumentationReview,
    /,
    file_path: FilePath,
    detailed_analysis: Bool = False,
    doc_path: FilePath | None = None,
    doc_source: DocSource = "auto",
    project_id: ProjectId = None,
) -> ConsistencyScore:
    """How much of a Python file's API is documented correctly.

    Args:
        detailed_analysis: Also each symbol.
    """
    return await review.score(
        file_path,
        detailed_analysis=detailed_analysis,
        doc_path=doc_path,
        doc_source=doc_source,
        project_id=project_id,
    )
