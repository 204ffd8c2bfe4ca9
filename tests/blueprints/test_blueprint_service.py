"""What the blueprint service offers beyond the tools."""

from pathlib import Path
from typing import Any

from ltmc.app.application import Application
from ltmc.features.analytics.service import AnalyticsService
from ltmc.features.blueprints.service import BlueprintService
from ltmc.features.graph.service import GraphService
from tests.client import use

PLAIN: dict[str, Any] = {
    "description": "Do it.",
    "complexity": None,
    "estimated_duration_minutes": 100,
    "required_skills": [],
    "priority_score": 0.5,
    "tags": [],
    "resource_requirements": {},
    "project_id": None,
}


def test_skills_are_counted_over_the_whole_family(db: Path) -> None:
    async def work(app: Application) -> None:
        blueprints = app.get(BlueprintService)
        text = PLAIN | {"description": "- write the parser in python\n- write the schema in sql"}
        made = await blueprints.create(title="a", **text | {"required_skills": ["python", "sql"]})
        key = made["blueprint_id"]
        await blueprints.decompose(
            key,
            strategy="auto",
            template=None,
            max_subtasks=2,
            target_duration_minutes=240,
            force=True,
            replace=False,
            project_id=None,
        )
        assert await blueprints.required_skills(key, recursive=False) == {"python": 1, "sql": 1}
        assert await blueprints.required_skills(key, recursive=True) == {"python": 2, "sql": 2}

    use(db, work)


def test_a_dependency_can_be_taken_back(db: Path) -> None:
    async def work(app: Application) -> None:
        blueprints = app.get(BlueprintService)
        first, second = [(await blueprints.create(title=title, **PLAIN))["blueprint_id"] for title in "ab"]
        await blueprints.add_dependency(second, first, "blocking", critical=False, project_id=None)
        assert await blueprints.remove_dependency(second, first) is True
        assert await blueprints.remove_dependency(second, first) is False
        found = await blueprints.dependencies(second, include_transitive=False, project_id=None)
        assert found["ready"] is True
        await blueprints.add_dependency(first, second, "blocking", critical=False, project_id=None)
        graph = await app.get(GraphService).query(
            first, relations=None, direction="both", max_depth=1, limit=10, project_id=None
        )
        assert [(one["source_id"], one["target_id"]) for one in graph["relationships"]] == [(first, second)]

    use(db, work)


def test_statistics_are_those_of_the_rows(db: Path) -> None:
    async def work(app: Application) -> None:
        blueprints = app.get(BlueprintService)
        empty = await blueprints.statistics(None)
        assert (empty["total"], empty["average_complexity"], empty["average_duration_minutes"]) == (
            0,
            None,
            None,
        )
        for label in ("SIMPLE", "COMPLEX"):
            made = await blueprints.create(title="a", **PLAIN | {"complexity": label})
        await blueprints.transition(made["blueprint_id"], "active")
        found = await blueprints.statistics(None)
        assert found["status_distribution"] == {"draft": 1, "active": 1, "completed": 0, "cancelled": 0}
        assert found["complexity_distribution"]["SIMPLE"] == 1
        assert (found["average_complexity"], found["average_duration_minutes"]) == (0.5, 100.0)
        use_of_system = await app.get(AnalyticsService).get_system_utilization()
        assert use_of_system["active_watchers"] == 0

    use(db, work)
