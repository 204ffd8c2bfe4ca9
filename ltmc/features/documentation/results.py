"""What the tools of documentation answer."""

from typing import NotRequired, TypedDict

from ltmc.features.documentation.api_pages import PageChange
from ltmc.features.documentation.consistency import Components, ConsistencySummary, Issue


class DocumentSynced(TypedDict):
    """What became of a file's document; scores before and after are from 0 to 1."""

    file_path: str
    doc_path: str
    created: bool
    skipped: bool
    dry_run: bool
    changes: list[PageChange]
    symbols_total: int
    consistency_before: float
    consistency_after: float
    sync_time_ms: float


class _Compared(TypedDict):
    doc_source: str
    doc_path: str
    doc_exists: bool


class IssueCounts(TypedDict):
    """How many issues there are."""

    by_type: dict[str, int]
    by_severity: dict[str, int]


class Validation(ConsistencySummary, _Compared):
    """Every disagreement between a file and its documentation."""

    file_path: str
    issues: list[Issue]
    counts: IssueCounts


class SymbolConsistency(TypedDict):
    """Whether a public symbol is documented, and correctly."""

    symbol: str
    documented: bool
    matches: bool
    has_docstring: bool
    line: int


class ConsistencyScore(ConsistencySummary, _Compared):
    """How much of a file's public API its documentation states correctly."""

    file_path: str
    public_symbols: int
    documented_symbols: int
    matching_symbols: int
    stale_symbols: int
    components: Components
    per_symbol: NotRequired[list[SymbolConsistency]]


class DriftItem(TypedDict):
    """A symbol whose documentation is behind, and in which way."""

    symbol: str
    kind: str
    since: str | None
    age_hours: float
    recent: bool


class Drift(_Compared):
    """What the code became that its documentation does not say; the score is from 0 to 1."""

    file_path: str
    drift_detected: bool
    drift_score: float
    drift_items: list[DriftItem]
    last_code_change: str | None
    last_doc_change: str | None
    last_sync: str | None
    baseline: bool
    recommendation: str


class SkippedSection(TypedDict):
    """A section that has no content, and why."""

    section: str
    reason: str


class BlueprintDocumented(TypedDict):
    """What became of a blueprint's document."""

    blueprint_id: str
    doc_path: str
    updated_sections: list[str]
    unchanged_sections: list[str]
    skipped_sections: list[SkippedSection]
    created: bool
    dry_run: bool
    update_time_ms: float
