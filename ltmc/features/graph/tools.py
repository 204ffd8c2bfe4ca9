"""Knowledge graph."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ltmc.features.graph.linking import LinkingService
from ltmc.features.graph.results import AutoLinked, DocumentRelationships, Linked, Neighbourhood
from ltmc.features.graph.service import GraphService
from ltmc.tools.arguments import (
    FINE,
    Bool,
    Depth,
    Kept,
    LinkedDocument,
    Offset,
    ProjectId,
    Reference,
    Share,
    lower,
)
from ltmc.tools.declaration import tool

Relations = Annotated[str | list[str], WithJsonSchema({"type": "array", "items": {"type": "string"}})]
"""One relation or several; the listing shows one type, which every host converts."""


@tool("Link two things", category="graph", idempotent=True)
async def link_resources(
    graph: GraphService,
    /,
    source_id: Reference,
    target_id: Reference,
    relation: Annotated[str, Field(max_length=200)],
    weight: Annotated[Share | None, FINE] = None,
    properties: Kept | None = None,
    bidirectional: Bool = False,
    project_id: ProjectId = None,
) -> Linked:
    """Link two memories, or anything that has a name.

    Args:
        source_id: Id, file name or any name.
        target_id: The other end.
        relation: A verb such as depends_on.
        bidirectional: Both ways.
    """
    return await graph.link(
        source_id,
        target_id,
        relation,
        weight=weight,
        properties=properties,
        bidirectional=bidirectional,
        project_id=project_id,
    )


@tool("What depends on a thing", category="graph", read_only=True)
async def query_graph(
    graph: GraphService,
    /,
    entity: Reference,
    relation_type: Relations | None = None,
    direction: Annotated[Literal["both", "incoming", "outgoing"], BeforeValidator(lower)] = "both",
    max_depth: Depth = 1,
    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 50,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> Neighbourhood:
    """What depends on a thing or is linked to it, some steps away.

    Args:
        entity: An id, file name or name.
        relation_type: Only these verbs.
    """
    relations = [relation_type] if isinstance(relation_type, str) else relation_type
    return await graph.query(
        entity,
        relations=relations,
        direction=direction,
        max_depth=max_depth,
        limit=limit,
        offset=offset,
        project_id=project_id,
    )


@tool("Link similar documents", category="graph", idempotent=True)
async def auto_link_documents(
    linking: LinkingService,
    /,
    documents: Annotated[list[LinkedDocument], Field(min_length=1, max_length=200)],
    similarity_threshold: Annotated[Share, FINE] = 0.75,
    max_links: Annotated[int, Field(ge=1, le=50, strict=True), FINE] = 5,
    dry_run: Bool = False,
    project_id: ProjectId = None,
) -> AutoLinked:
    """Link documents that are alike; a single one: with all stored.

    Args:
        documents: Each: id of what is stored, or id and content.
    """
    return await linking.link_similar(
        documents,
        threshold=similarity_threshold,
        max_links=max_links,
        dry_run=dry_run,
        project_id=project_id,
    )


@tool("Relationships of a document", category="graph", read_only=True)
async def get_document_relationships(
    graph: GraphService,
    /,
    doc_id: Reference,
    max_depth: Depth = 1,
    include_metadata: Annotated[Bool, FINE] = True,
    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 100,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> DocumentRelationships:
    """All links of a document.

    Args:
        doc_id: An id or file name.
    """
    return await graph.relationships(
        doc_id,
        max_depth=max_depth,
        include_metadata=include_metadata,
        limit=limit,
        offset=offset,
        project_id=project_id,
    )
