"""The code pattern tools through a real client."""

import pytest

from tests.client import Session

CODE = "import csv\n\n\ndef read_rows(path):\n    with open(path) as file:\n        return list(csv.reader(file))\n"


def log(client: Session, project: str, result: str = "pass", **more: object) -> dict:
    arguments = {"input_prompt": "read a csv file", "generated_code": CODE, "result": result}
    return client.ok("log_code_attempt", **(arguments | more), project_id=project)


def test_attempts_are_kept_whole_and_found(shared: Session, project: str) -> None:
    logged = log(shared, project, "PASS", tags="CSV, io", execution_time_ms=12, file_name="rows.py")
    assert logged["result"] == "pass"
    assert logged["tags"] == ["csv", "io"]
    assert logged["function_name"] == "read_rows"
    assert logged["language"] == "python"
    log(shared, project, "error", input_prompt="draw a chart", generated_code="plot()", error_message="boom")
    found = shared.ok("get_code_patterns", query="parse csv rows", project_id=project)
    best = found["patterns"][0]
    assert best["pattern_id"] == logged["pattern_id"]
    assert best["generated_code"] == CODE
    assert best["execution_time_ms"] == 12
    assert best["success_rate"] == 1.0
    failed = shared.ok("get_code_patterns", query="chart", result_filter="error", project_id=project)
    assert failed["patterns"][0]["error_message"] == "boom"
    passed = shared.ok("get_code_patterns", query="chart", result_filter="pass", project_id=project)
    assert [one["pattern_id"] for one in passed["patterns"]] == [logged["pattern_id"]]
    by_name = shared.ok("get_code_patterns", query="csv", function_name="read_rows", project_id=project)
    assert by_name["count"] == 1
    assert shared.ok("get_code_patterns", query="csv", tags=["nope"], project_id=project)["count"] == 0
    assert shared.ok("get_code_patterns", query="csv", language="rust", project_id=project)["count"] == 0
    assert shared.ok("get_code_patterns", query="csv", project_id=project + "x")["count"] == 0


def test_identifiers_are_found_in_parts(shared: Session, project: str) -> None:
    log(
        shared,
        project,
        generated_code="function getUserProfile() { return fetchJSON(url); }",
        language="JavaScript",
    )
    for query in ("user profile", "getUserProfile", "fetch json", "getuserprofile"):
        assert shared.ok("get_code_patterns", query=query, project_id=project)["count"] == 1, query


def test_a_repeated_attempt_is_logged_and_named(shared: Session, project: str) -> None:
    first = log(shared, project)
    assert "duplicate_of" not in first
    second = log(shared, project)
    assert second["duplicate_of"] == first["pattern_id"]
    assert "duplicate_of" not in log(shared, project, "fail")
    found = shared.ok("get_code_patterns", query="csv", project_id=project)
    assert found["total"] == 3
    assert {pattern["success_rate"] for pattern in found["patterns"]} == {0.6667}
    assert found["patterns"][0]["result"] == "pass", "passes come first among equals"


def test_analysis_counts_what_was_logged(shared: Session, project: str) -> None:
    for n in range(4):
        log(shared, project, "pass", tags=["sql"], function_name="load", execution_time_ms=10 * n)
    for n in range(4):
        log(
            shared,
            project,
            "fail",
            tags=["regex"],
            function_name="match",
            error_message=f"Traceback\n  File x\nValueError: bad group {n} in '/tmp/a{n}'",
        )
    found = shared.ok("analyze_code_patterns", project_id=project)
    assert found["total_patterns"] == 8
    assert found["result_counts"] == {"pass": 4, "fail": 4, "partial": 0, "error": 0}
    assert found["success_rate"] == 0.5
    assert found["avg_execution_time_ms"] == 15
    assert {group["tag"]: group["lift"] for group in found["by_tag"]} == {"sql": 0.5, "regex": -0.5}
    assert found["common_errors"][0]["count"] == 4
    assert any("4 of 8" in insight for insight in found["insights"])
    assert found["trend"] == {"recent_rate": 0.5, "previous_rate": None, "direction": None}
    only = shared.ok("analyze_code_patterns", function_name="match", tags=["regex"], project_id=project)
    assert only["total_patterns"] == 4
    assert only["filters_applied"] == {"function_name": "match", "tags": ["regex"]}
    assert shared.ok("analyze_code_patterns", query="csv", project_id=project)["total_patterns"] == 8
    assert shared.ok("analyze_code_patterns", query="zebra", project_id=project)["total_patterns"] == 0
    statistics = shared.ok("get_code_statistics", project_id=project)
    assert statistics["unique_tags"] == 2
    assert statistics["languages"] == {"python": 8}
    assert len(statistics["per_day"]) == 30
    assert statistics["per_day"][-1]["count"] + statistics["per_day"][-2]["count"] == 8
    assert shared.ok("get_code_statistics", project_id="*")["total_patterns"] >= 8


def test_no_attempts_give_zeros_and_nulls(shared: Session, project: str) -> None:
    found = shared.ok("analyze_code_patterns", project_id=project)
    assert (found["total_patterns"], found["success_rate"], found["insights"]) == (0, None, [])
    statistics = shared.ok("get_code_statistics", project_id=project)
    assert (statistics["first_at"], statistics["avg_execution_time_ms"]) == (None, None)


@pytest.mark.parametrize(
    ("tool", "field", "arguments"),
    [
        ("log_code_attempt", "input_prompt", {"input_prompt": " "}),
        ("log_code_attempt", "generated_code", {"generated_code": ""}),
        ("log_code_attempt", "result", {"result": "maybe"}),
        ("log_code_attempt", "execution_time_ms", {"execution_time_ms": -1}),
        ("log_code_attempt", "execution_time_ms", {"execution_time_ms": "5 ms"}),
        ("log_code_attempt", "tags", {"tags": 5}),
        ("get_code_patterns", "query", {"query": ""}),
        ("get_code_patterns", "result_filter", {"query": "a", "result_filter": "good"}),
        ("analyze_code_patterns", "time_range_days", {"time_range_days": 0}),
        ("analyze_code_patterns", "time_range_days", {"time_range_days": 3651}),
        ("get_code_statistics", "project_id", {"project_id": "**"}),
    ],
)
def test_pattern_tools_refuse(shared: Session, project: str, tool: str, field: str, arguments: dict) -> None:
    good = {"project_id": project}
    if tool == "log_code_attempt":
        good |= {"input_prompt": "a", "generated_code": "b", "result": "pass"}
    shared.bad(tool, "INVALID_ARGUMENT", field, **(good | arguments))
    assert shared.ok("get_code_statistics", project_id=project)["total_patterns"] == 0


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("class Pool:\n    def __init__(self, size): ...\n    def take(self): ...\n", "Pool"),
        ("class Pool:\n    size = 1\n    def take(self): ...\n", "take"),
        ("class Outer:\n    class Inner:\n        def __call__(self): ...\n", "Inner"),
        ("def __getattr__(name): ...\n", "__getattr__"),
        ("class Empty: ...\n", None),
    ],
)
def test_the_name_of_an_attempt(shared: Session, project: str, code: str, name: str | None) -> None:
    assert log(shared, project, "pass", generated_code=code)["function_name"] == name


def test_lists_show_the_head_of_long_code_and_the_end_of_its_error(shared: Session, project: str) -> None:
    code = "def press_plums():\n" + "    squeeze()\n" * 400
    error = "  File plums.py, line 7\n" * 200 + "TypeError: no plums"
    made = shared.ok(
        "log_code_attempt",
        input_prompt="Press the plums. " * 100,
        generated_code=code,
        result="fail",
        error_message=error,
        project_id=project,
    )
    (found,) = shared.ok("get_code_patterns", query="press plums", project_id=project)["patterns"]
    assert (found["generated_code"], found["truncated"], found["characters"]) == (code[:800], True, len(code))
    assert found["error_message"].endswith("TypeError: no plums")
    assert max(len(found[name]) for name in ("error_message", "input_prompt")) == 401
    (same,) = shared.ok("retrieve_by_type", query="press plums", doc_type="pattern", project_id=project)[
        "results"
    ]
    assert (same["content"], same["input_prompt"]) == (code[:800], found["input_prompt"])
    whole = shared.ok("get_memory", pattern_id=made["pattern_id"])
    assert (whole["content"], whole["error_message"]) == (code, error)
