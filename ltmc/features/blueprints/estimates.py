"""How complex a task is, how long such tasks took, and which are like it."""

from collections import defaultdict
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
from ltmc.tools.project_scope import project_of

SIMILAR, SIMILAR_COUNT = 0.2, 5
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
        async with self._engine.read() as tx:
            alike = await _similar_tasks(tx, project_of(project_id), title, description)
            completed = ids([row for row, _ in alike if row.status == "completed"])
            minutes = await _minutes_worked(tx, completed)
        median = MINUTES[scored.complexity]
        return {
            "complexity": scored.complexity,
            "complexity_score": scored.complexity_score,
            "factors": scored.factors,
            "reasoning": reasoning(scored),
            "estimated_duration_minutes": _estimate(median, minutes),
            "suggested_skills": suggested_skills(scored, skills),
            "recommend_decomposition": should_split(scored.complexity_score, median),
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


def _estimate(median: int, minutes: Sequence[float]) -> Estimate:
    """Estimate by the minutes that similar tasks took, or where these are few by the label's minutes."""
    if len(minutes) >= SIMILAR_COUNT:
        return {"p50": percentile(minutes, 50), "p90": percentile(minutes, 90), "basis": "history"}
    longer = [value for value in MINUTES.values() if value > median]
    return {"p50": median, "p90": longer[0] if longer else 2 * median, "basis": "label"}


async def _minutes_worked(tx: Transaction, blueprint_ids: Sequence[str]) -> list[float]:
    """Return the minutes that were worked on each blueprint for which hours were reported."""
    hours: dict[str, float] = defaultdict(float)
    for blueprint_id in blueprint_ids:
        for assignment in await team.of_blueprint(tx, blueprint_id):
            if assignment.actual_hours_worked:
                hours[blueprint_id] += assignment.actual_hours_worked
    return [value * 60 for value in hours.values()]


async def _similar_tasks(
    tx: Transaction, project: str, title: str, description: str
) -> list[tuple[Blueprint, float]]:
    """Return stored tasks whose text is like this one, the most alike first."""

    async def text_of(row: Blueprint) -> str:
        return f"{row.title} {row.description}"

    found = await similar(
        tx,
        BLUEPRINT,
        f"{title} {description}",
        project_id=project,
        text_of=text_of,
        least=SIMILAR,
        candidates=CANDIDATES,
    )
    tasks = [(row, similarity) for row, similarity in found if row.kind == "task"]
    return sorted(tasks, key=lambda pair: (-pair[1], pair[0].blueprint_id))
