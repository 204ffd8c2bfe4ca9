"""What the tools of code structure answer."""

from typing import Any, NotRequired, TypedDict

from ltmc.tools.paging import PageCounts


class Element(TypedDict):
    """A symbol of a file; lines count from 1, the complexity is cyclomatic."""

    node_id: str
    kind: str
    name: str
    signature: str
    line_start: int
    line_end: int
    complexity: int
    public: bool


class Relation(TypedDict):
    """An edge of the graph."""

    source_id: str
    target_id: str
    type: str


class CodeBlueprint(PageCounts):
    """A blueprint made from a file; elements and relationships are two lists with the same page, `total` the longer."""

    blueprint_id: str
    file_path: str
    title: str
    created: bool
    elements: list[Element]
    relationships: list[Relation]
    metrics: dict[str, Any]
    complexity: str
    complexity_score: float


class Modified(TypedDict):
    """A symbol that changed, and in which ways."""

    symbol: str
    before: str
    after: str
    changes: list[str]


Renamed = TypedDict("Renamed", {"from": str, "to": str})
"""A symbol that has another name now."""


class StructureUpdated(TypedDict):
    """What changed in a blueprint's symbols; the score is that before the update, 0 to 1."""

    blueprint_id: str
    file_path: str
    attached: bool
    added: list[str]
    removed: list[str]
    modified: list[Modified]
    renamed: list[Renamed]
    unchanged: int
    relationships_added: int
    relationships_removed: int
    consistency_before: float | None
    dry_run: bool


class Inconsistency(TypedDict):
    """A difference between a blueprint and its code."""

    type: str
    element: str
    severity: str
    line: int | None
    expected: str | None
    actual: str | None


class ConsistencyTotals(TypedDict):
    """How many symbols were compared, and how many differ in which way."""

    symbols_in_blueprint: int
    symbols_in_code: int
    by_type: dict[str, int]


class StructureValidation(TypedDict):
    """Whether the code still is as the blueprint has it."""

    blueprint_id: str
    file_path: str
    is_consistent: bool
    consistency_score: float
    consistency_level: str
    status: str
    inconsistencies: list[Inconsistency]
    summary: ConsistencyTotals
    recommendations: list[str]
    last_validated_at: str


class RelatedNode(TypedDict):
    """A thing that is linked; `status`: of a blueprint or an assignment."""

    id: str
    kind: str
    label: str
    status: NotRequired[str]


class RelationAtDepth(Relation):
    """An edge, and how many steps away it is."""

    depth: int


class Relationships(PageCounts):
    """What is linked to a blueprint or symbol; `truncated`: as `has_more`."""

    node_id: str
    nodes: list[RelatedNode]
    relationships: list[RelationAtDepth]
    by_depth: dict[str, int]
    truncated: bool


class DocumentStatistics(TypedDict):
    """What a document is made of."""

    elements: int
    relationships: int
    characters: int


class BlueprintDocument(TypedDict):
    """A blueprint as a document."""

    blueprint_id: str
    documentation: str
    format: str
    sections: list[str]
    statistics: DocumentStatistics
    generated_at: str


class SymbolView(TypedDict):
    """A stored symbol as documents show it."""

    name: str
    kind: str
    signature: str
    docstring: str | None
    file_path: str
    line: int
    public: bool
