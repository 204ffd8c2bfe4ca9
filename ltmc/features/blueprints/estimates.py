"""How complex a task is, how long such tasks took, and which are like it."""

from collections.abc import Sequence

from ltmc.features.blueprints.complexity import MINUTES, reasoning, score, suggested_skills
from ltmc.features.blueprints.decomposition import should_split
from ltmc.features.blueprints.lifecycle import ids
from ltmc.features.blueprints.results import ComplexityAnalysis, Estimate
from ltmc.features.measures import percentile
from ltmc.search.kinds import BLUEPRINT
from ltmc.search.similarity import similar
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import team
from ltmc.storage.tables.blueprints import Blueprint
from ltmc.tools.arguments import MOST_MINUTES
from ltmc.tools.project_scope import project_of

SIMILAR, SIMILAR_COUNT = 0.4, 5
"""Texts count as similar from this cosine on; so many similar completed tasks make an estimate."""

CANDIDATES = 100
"""How many blueprints are compared with a task."""


class EstimateService:
    """Estimates tasks; stores nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def analyse(
        self, title: str, description: str, skills: Sequence[str], project_id: str | None
    ) -> ComplexityAnalysis:
        """Score a task, estimate its minutes, and list the tasks that are like it."""
        scored = score(title, description, skills)
        project = project_of(project_id)
        async with self._engine.read() as tx:
            alike = await _similar_tasks(tx, project, title, description)
            expected = await _estimate(tx, project, scored.complexity, alike)
        return {
            "complexity": scored.complexity,
            "complexity_score": scored.complexity_score,
            "factors": scored.factors,
            "reasoning": reasoning(scored),
            "estimated_duration_minutes": expected,
            "suggested_skills": suggested_skills(scored, skills),
            "recommend_decomposition": should_split(scored.complexity_score, round(expected["p50"])),
            "similar_blueprints": [
                {
                    "blueprint_id": row.blueprint_id,
                    "title": row.title,
                    "status": row.status,
                    "complexity": row.complexity,
                    "similarity": similarity,
                }
                for row, similarity in alike[:SIMILAR_COUNT]
            ],
        }


async def expected_minutes(
    tx: Transaction, project: str, title: str, description: str, complexity: str
) -> int:
    """Return the minutes that a task of this text and label is likely to take."""
    alike = await _similar_tasks(tx, project, title, description)
    expected = await _estimate(tx, project, complexity, alike)
    return min(MOST_MINUTES, max(1, round(expected["p50"])))


async def _estimate(
    tx: Transaction, project: str, complexity: str, alike: Sequence[tuple[Blueprint, float]]
) -> Estimate:
    """Estimate by what similar tasks took, else by what tasks of the project took of their label's minutes."""
    worked = {one.blueprint_id: one for one in await team.worked(tx, project)}
    like = [worked[one].minutes for one in ids([row for row, _ in alike]) if one in worked]
    ratios = [one.minutes / MINUTES[one.complexity] for one in worked.values()]
    median = MINUTES[complexity]
    for values, unit, basis in ((like, 1, "history"), (ratios, median, "project")):
        if len(values) >= SIMILAR_COUNT:
            half, most = percentile(values, 50) or 0, percentile(values, 90) or 0
            return {
                "p50": round(half * unit, 1),
                "p90": round(most * unit, 1),
                "basis": basis,
                "samples": len(values),
                "error": _error(values),
            }
    longer = [value for value in MINUTES.values() if value > median]
    p90 = longer[0] if longer else 2 * median
    return {"p50": median, "p90": p90, "basis": "label", "samples": 0, "error": None}


def _error(values: Sequence[float]) -> float | None:
    """Return by which share of it each of the values is missed by the median of the others: the median share."""
    ordered = sorted(values)
    half = max(
        0, len(ordered) // 2 - 1
    )  # the place of the median of all but one: the next, if that one is not behind
    misses = [
        abs(round(ordered[half + (place <= half)], 3) - value) / value for place, value in enumerate(ordered)
    ]
    return percentile(misses, 50)


async def _similar_tasks(
    tx: Transaction, project: str, title: str, description: str
) -> list[tuple[Blueprint, float]]:
    """Return stored tasks whose text is like this one, the most alike first."""
    found = await similar(
        tx,
        BLUEPRINT,
        f"{title}. {description}",
        project_id=project,
        least=SIMILAR,
        candidates=CANDIDATES,
    )
    tasks = [(row, similarity) for row, similarity in found if row.kind == "task"]
    return sorted(tasks, key=lambda pair: (-pair[1], pair[0].blueprint_id))
