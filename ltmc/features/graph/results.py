"""What the tools of the graph answer."""

from typing import Any, NotRequired, TypedDict

from ltmc.tools.paging import PageCounts


class Linked(TypedDict):
    """A link; `created`: it is new, `created_nodes`: the entities made for it."""

    edge_id: int
    source_id: str
    target_id: str
    relation: str
    weight: float
    created: bool
    created_nodes: list[str]
    reverse_edge_id: NotRequired[int]


class NodeView(TypedDict):
    """A thing of the graph."""

    id: str
    kind: str
    label: str


class RelationshipView(TypedDict):
    """An edge; `inverse`: how it reads from its target's side, `auto`: made by LTMC."""

    source_id: str
    target_id: str
    relation: str
    inverse: NotRequired[str]
    weight: float
    auto: bool
    properties: NotRequired[dict[str, Any]]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]
    depth: NotRequired[int]
    path: NotRequired[list[str]]


class Neighbourhood(PageCounts):
    """What is linked to an entity; `suggestions`: near names, where it is unknown; `truncated`: as `has_more`."""

    entity: str
    entity_found: bool
    nodes: list[NodeView]
    relationships: list[RelationshipView]
    truncated: bool
    suggestions: NotRequired[list[str]]


class DocumentView(TypedDict):
    """A document; of a node that is no memory the id alone."""

    id: str
    file_name: NotRequired[str]
    resource_type: NotRequired[str]
    version: NotRequired[int]
    created_at: NotRequired[str]
    tags: NotRequired[list[str]]
    metadata: NotRequired[dict[str, Any]]


class Suggestion(TypedDict):
    """A memory that is alike and not linked yet; the similarity is a cosine."""

    id: str
    file_name: str
    similarity: float


class DocumentRelationships(TypedDict):
    """Everything linked to a document; `truncated`: as `has_more`."""

    doc_id: str
    document: DocumentView
    incoming: list[RelationshipView]
    outgoing: list[RelationshipView]
    indirect: list[RelationshipView]
    by_relation: dict[str, int]
    total_relationships: int
    has_more: bool
    truncated: bool
    suggestions: list[Suggestion]


class SimilarityLink(TypedDict):
    """Two documents that are alike, by their nodes."""

    source_id: str
    target_id: str
    similarity: float


class SkippedDocument(TypedDict):
    """A document that was not compared, and why."""

    id: str
    reason: str


class AutoLinked(TypedDict):
    """The links between documents that are alike."""

    links_created: int
    links_updated: int
    links: list[SimilarityLink]
    documents_processed: int
    skipped: list[SkippedDocument]
    dry_run: bool


class PictureNode(NodeView):
    """A thing in a picture; `steps` from the middle, `degree`: how many links it has, shown or not."""

    steps: int
    degree: int


class PictureLink(TypedDict):
    """A link in a picture; its ends are positions among the nodes."""

    id: int
    source: int
    target: int
    relation: str


class Picture(TypedDict):
    """A part of the graph; `truncated`: there is more within reach."""

    nodes: list[PictureNode]
    links: list[PictureLink]
    truncated: bool


class RelatedNode(NodeView):
    """The other end of a link.

    `reads`: the relation as it is read from the thing asked for; `turned`: it has no such word, and leads here.
    """

    link_id: int
    relation: str
    reads: str
    outgoing: bool
    turned: bool
    weight: float
    by_hand: bool
    removable: bool


class Relations(TypedDict):
    """The links of a thing; `total`: as many as the filters leave, `by_relation`: of all."""

    node: PictureNode
    links: list[RelatedNode]
    by_relation: dict[str, int]
    total: int


class Found(TypedDict):
    """The things of a name; `nearest`: where there are none."""

    nodes: list[PictureNode]
    nearest: list[PictureNode]
    truncated: bool


class Overview(TypedDict):
    """How large the graph of a project is."""

    nodes: int
    links: int
    relations: dict[str, int]
    most_linked: list[PictureNode]
