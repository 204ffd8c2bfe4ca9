"""What is stored for the tests: hostile text in every field. Extend it with the tools that your pages show."""

from typing import Any

from tests.http.serving import Serving

HOSTILE = "<script>broken=1</script>\"'><img src=x onerror=broken=1>{{7*7}}"
"""Runs, breaks out of an attribute or is worked out by a template, wherever it is not escaped."""

PROJECT = "hostile"


def store_hostile(server: Serving) -> None:
    """Store `HOSTILE` in every field that takes it."""

    def ok(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = server.call(tool, project_id=PROJECT, **arguments)
        assert answer["success"], answer
        return answer

    first = ok(
        "store_memory", file_name=HOSTILE, content=HOSTILE, tags=[HOSTILE], metadata={HOSTILE: HOSTILE}
    )
    ok("store_memory", file_name=HOSTILE, content=f"{HOSTILE} changed", tags=[HOSTILE, "second"])
    ok("store_memory", file_name=f"{HOSTILE} 2", content=f"{HOSTILE} new", supersedes=[first["resource_id"]])
    ok("retrieve_memory", query=HOSTILE, conversation_id=HOSTILE)
    ok("log_chat", content=HOSTILE, conversation_id=HOSTILE, agent_name=HOSTILE, source_tool=HOSTILE)
    ok("add_todo", title=HOSTILE, description=HOSTILE, priority="high")
    for result in ("pass", "error"):
        ok(
            "log_code_attempt",
            input_prompt=HOSTILE,
            generated_code=HOSTILE,
            result=result,
            tags=[HOSTILE],
            function_name=HOSTILE,
            file_name=HOSTILE,
            module_name=HOSTILE,
            error_message=HOSTILE,
        )
    ok("link_resources", source_id=HOSTILE, relation="uses", target_id=f"{HOSTILE} 2")
    ok("link_resources", source_id=f"{HOSTILE} thing", relation="depends_on", target_id=HOSTILE)
    plans = [
        ok(
            "create_task_blueprint",
            title=f"{HOSTILE}{end}",
            description=f"{HOSTILE}\n\n- first {HOSTILE}\n- second {HOSTILE}",
            tags=[HOSTILE],
            required_skills=[HOSTILE],
            resource_requirements={HOSTILE: HOSTILE},
            estimated_duration_minutes=600,
        )["blueprint_id"]
        for end in ("", " 2")
    ]
    ok("add_blueprint_dependency", dependent_blueprint_id=plans[1], prerequisite_blueprint_id=plans[0])
    ok("decompose_task_blueprint", blueprint_id=plans[0], force=True)
    given = ok(
        "assign_task_to_team",
        blueprint_id=plans[0],
        available_members=[{"id": HOSTILE, "name": HOSTILE, "skills": [HOSTILE]}],
    )
    ok("update_task_progress", assignment_id=given["assignment_id"], progress_percentage=20, notes=HOSTILE)
