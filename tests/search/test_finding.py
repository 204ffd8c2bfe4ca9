"""What search finds, and in which order, through a real client."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ltmc.storage.sqlite.backup import backup
from ltmc.storage.sqlite.restore import restore
from tests.client import Session, connected


def remember(client: Session, project: str, **texts: str) -> None:
    for name, text in texts.items():
        client.ok("store_memory", file_name=f"{name}.md", content=text, project_id=project)


def found(client: Session, project: str, query: str, **more: object) -> list[str]:
    answer = client.ok("retrieve_memory", query=query, project_id=project, **more)
    return [result["file_name"].removesuffix(".md") for result in answer["results"]]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("getUserProfile", "calls getUserProfile(id) twice"),
        ("user profile", "calls getUserProfile(id) twice"),
        ("userprofile", "see user_profile.py"),
        ("user_profile.py", "see src/app/user_profile.py line 3"),
        ("profile.py", "see src/app/user_profile.py line 3"),
        ("src/app", "see src/app/user_profile.py line 3"),
        ("HTTPServer", "an HTTPServer listens"),
        ("http server", "an HTTPServer listens"),
        ("2.13.1", "pinned to v2.13.1 since May"),
        ("v2.13", "pinned to v2.13.1 since May"),
        ("C++", "rewritten in C++ at last"),
        ("snake_case_name", "the option snake-case-name is gone"),
        ("数据库", "我们把数据库迁移到新的服务器"),
        ("データベース", "データベースの移行は終わりました"),
        ("데이터베이스", "데이터베이스를 옮겼습니다"),
        ("фамилия", "поле «Фамилия» обязательно"),
        ("cafe", "meet at the Café"),
        ("automobile", "my car needs a new engine"),
        ("retries", "it retried the upload"),
    ],
)
def test_it_is_found_among_others(shared: Session, project: str, query: str, text: str) -> None:
    remember(shared, project, other="lunch is at noon", wanted=text, third="the sky turns grey")
    assert found(shared, project, query)[:1] == ["wanted"]


def test_the_number_of_another_error_is_no_sure_find(shared: Session, project: str) -> None:
    remember(
        shared,
        project,
        customs="E4477 customs error: the tariff number lost a zero.",
        lunch="noon",
        sky="grey",
    )
    assert "weak" not in shared.ok("retrieve_memory", query="E4477 customs error", project_id=project)
    other = shared.ok("retrieve_memory", query="E5210 customs error", project_id=project)
    assert (other["results"][0]["file_name"], other["weak"]) == ("customs.md", True)


@pytest.mark.parametrize("query", ["zebra", "%", "_", "🎉", "xyzzy plugh", "??"])
def test_what_matches_nothing_is_marked_as_weak(shared: Session, project: str, query: str) -> None:
    remember(shared, project, a="The billing service retries failed payments.", b="Lunch is at noon.")
    answer = shared.ok("retrieve_memory", query=query, project_id=project)
    assert (answer["weak"], answer["total"], answer["has_more"]) == (True, 2, False)
    sure = shared.ok("retrieve_memory", query="who retries payments that failed?", project_id=project)
    assert "weak" not in sure
    assert sure["results"][0]["file_name"] == "a.md"


def test_a_quoted_phrase_comes_first(shared: Session, project: str) -> None:
    remember(
        shared,
        project,
        scattered="the engine at its start in the cold; the start was cold and cold again, start after start",
        phrase="we measured the\nCold Start today, among many other things that day brought along",
    )
    assert found(shared, project, '"cold start"')[0] == "phrase"
    assert set(found(shared, project, "cold start")) == {"scattered", "phrase"}


def test_near_identical_texts_go_behind_their_like(shared: Session, project: str) -> None:
    text = "the deploy of the staging cluster failed because the disk was full"
    for n in range(4):
        shared.ok("log_chat", content=text, conversation_id=f"c{n}", project_id=project)
    shared.ok("log_chat", content="the staging disk is large", conversation_id="other", project_id=project)
    answer = shared.ok(
        "advanced_context_search",
        query="staging disk deploy",
        filters={"sources": ["chat"]},
        top_k=5,
        project_id=project,
    )
    contents = [result["content"] for result in answer["results"]]
    assert contents[0] == text
    assert contents[1] == "the staging disk is large"
    assert len(contents) == answer["total"] == 5, "none is lost"


def test_the_turn_beside_the_match_is_found(shared: Session, project: str) -> None:
    said = ["Good morning!", "Which city did you move to last spring?", "Lisbon, and I love it.", "Nice."]
    for content in said:
        shared.ok("log_chat", content=content, conversation_id="a", agent_name="ann", project_id=project)
    for n in range(30):
        shared.ok("log_chat", content=f"filler {n} on lunch", conversation_id=f"b{n}", project_id=project)
    answer = shared.ok(
        "advanced_context_search",
        query="which city did she move to",
        filters={"sources": ["chat"]},
        explain=True,
        project_id=project,
    )
    assert [result["content"] for result in answer["results"]][:2] == said[1:3]
    parts = answer["results"][1]["score_parts"]
    assert parts["neighbours"] > parts["lexical"]
    only_agent = shared.ok(
        "advanced_context_search",
        query="which city did she move to",
        filters={"conversation_id": "b1"},
        project_id=project,
    )
    assert ([result["content"] for result in only_agent["results"]], only_agent["weak"]) == (
        ["filler 1 on lunch"],
        True,
    )


def test_parts_add_up_to_the_score(shared: Session, project: str) -> None:
    remember(shared, project, a="walnut bread is baked on Monday", b="bread and butter", c="a walnut tree")
    answer = shared.ok("retrieve_memory", query="walnut bread", explain=True, project_id=project)
    assert answer["count"] == 3
    for result in answer["results"]:
        assert set(result["score_parts"]) == {"lexical", "semantic", "neighbours", "time"}
        assert sum(result["score_parts"].values()) == pytest.approx(result["score"], abs=0.001)
    plain = shared.ok("retrieve_memory", query="walnut bread", project_id=project)
    assert all("score_parts" not in result for result in plain["results"])
    code = {"input_prompt": "bake", "generated_code": "def bake_bread(): pass", "result": "fail"}
    shared.ok("log_code_attempt", **code, project_id=project)
    (pattern,) = shared.ok("get_code_patterns", query="bake", explain=True, project_id=project)["patterns"]
    assert sum(pattern["score_parts"].values()) == pytest.approx(pattern["score"], abs=0.001)


def test_a_period_in_the_query_favours_what_was_made_in_it(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with Session(db) as client:
        remember(
            client, "default", old="the release went well", new="the release went well too", may="release"
        )
        stamps = {
            "old.md": datetime.now(UTC) - timedelta(days=400),
            "new.md": datetime.now(UTC) - timedelta(days=2),
            "may.md": datetime(2023, 5, 14, tzinfo=UTC),
        }
        with connected(db) as connection:
            for name, moment in stamps.items():
                text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
                connection.execute("UPDATE resources SET created_at = ? WHERE file_name = ?", (text, name))
        connection.close()
        assert found(client, "default", "how did the release go in the last week?")[0] == "new"
        assert found(client, "default", "how did the release go in May 2023?")[0] == "may"
        explained = client.ok("retrieve_memory", query="release in May 2023", explain=True)["results"]
        assert [result["score_parts"]["time"] > 0 for result in explained] == [True, False, False]


def test_modes_are_chosen_by_a_setting_and_reported(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with Session(db) as client:
        remember(client, "default", car="the car is red", lunch="lunch is at noon")
        answer = client.ok("retrieve_memory", query="automobile")
        assert (answer["results"][0]["file_name"], answer["search_mode"]) == ("car.md", "hybrid")
        assert client.ok("retrieve_by_type", query="", doc_type="document")["search_mode"] == "listing"
        assert client.ok("search_todos", query="car")["search_mode"] == "lexical"
    with Session(db, env={"LTMC_SEARCH_MODE": "lexical"}) as client:
        answer = client.ok("retrieve_memory", query="automobile")
        assert (answer["count"], answer["search_mode"]) == (0, "lexical")
    with Session(db, env={"LTMC_SEARCH_MODE": "semantic"}) as client:
        assert found(client, "default", "automobile")[0] == "car"
        assert client.ok("retrieve_memory", query="car")["search_mode"] == "semantic"


def test_projects_that_differ_in_case_stay_apart(shared: Session, project: str) -> None:
    remember(shared, project + "x", a="walnut")
    assert found(shared, project + "X", "walnut") == []
    remember(shared, project + "X", b="walnut two", c="walnut three")
    assert found(shared, project + "x", "walnut") == ["a"]


def test_every_filter_is_applied_before_the_cut(shared: Session, project: str) -> None:
    for n in range(60):
        content = f"plum {n}" if n % 20 else f"something long with one plum among the words, number {n}"
        agent = "ann" if n % 20 else "bob"
        shared.ok("log_chat", content=content, conversation_id=f"c{n}", agent_name=agent, project_id=project)
    answer = shared.ok(
        "advanced_context_search", query="plum", filters={"agent_name": "bob"}, top_k=3, project_id=project
    )
    assert [result["agent_name"] for result in answer["results"]] == ["bob"] * 3
    assert answer["total"] == 3


def test_what_other_processes_write_change_and_delete_is_seen(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with Session(db) as one, Session(db) as two:
        remember(one, "default", a="walnut one")
        assert found(two, "default", "walnut") == ["a"]
        remember(one, "default", b="walnut two")
        todo = one.ok("add_todo", title="crack walnuts")["todo_id"]
        assert sorted(found(two, "default", "walnut")) == ["a", "b"]
        two.ok("update_todo", todo_id=todo, title="eat figs")
        assert one.ok("search_todos", query="walnuts")["total"] == 0
        assert one.ok("retrieve_by_type", query="figs", doc_type="todo")["total"] == 1
        (result,) = one.ok("retrieve_memory", query="two", top_k=1)["results"]
        one.ok("delete_memory", resource_id=result["resource_id"])
        assert found(two, "default", "walnut") == ["a"]
        for n in range(150):
            remember(one, "default", **{f"m{n}": f"walnut many {n}"})
        for result in one.ok("retrieve_memory", query="many", top_k=50)["results"]:
            one.ok("delete_memory", resource_id=result["resource_id"])
        assert two.ok("retrieve_memory", query="walnut")["total"] == 101


def test_a_restored_state_is_noticed(tmp_path: Path) -> None:
    db, copy = tmp_path / "ltmc.db", tmp_path / "copy.db"
    with Session(db) as client:
        remember(client, "default", a="walnut one")
        backup(db, copy)
        remember(client, "default", b="walnut two", c="walnut three")
        assert len(found(client, "default", "walnut")) == 3
        restore(copy, db, overwrite=True)
        assert found(client, "default", "walnut") == ["a"]
        remember(client, "default", d="walnut four", e="fig five", f="walnut six")
        assert sorted(found(client, "default", "walnut")[:3]) == ["a", "d", "f"]
        assert found(client, "default", "fig")[0] == "e"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("strasse", "street"),
        ("Straße", "street"),
        ("STRASSE", "street"),
        ("STRAẞE", "street"),
        ("ΛΌΓΟΣ", "word"),
        ("λογοσ", "word"),
        ("🎉", "party"),
        ("👍🏿", "thumb"),
        ("🇩🇪", "flag"),
        ("❤", "heart"),
    ],
)
def test_letters_and_signs_that_say_the_same(shared: Session, project: str, query: str, found: str) -> None:
    texts = {
        "street": "Die Straße ist gesperrt.",
        "word": "Ο λόγος είναι σύντομος.",
        "party": "Released today 🎉🎉",
        "thumb": "Approved 👍🏽 by all",
        "flag": "Shipped to 🇩🇪 first",
        "flags": "Shipped to 🇫🇷 later",
        "heart": "We ❤️ it",
        "plain": "Nothing of all that.",
    }
    for name, text in texts.items():
        shared.ok("store_memory", file_name=name, content=text, project_id=project)
    results = shared.ok("retrieve_memory", query=query, project_id=project)["results"]
    assert results, "nothing was found"
    assert results[0]["file_name"] == found
    assert shared.ok("search_todos", query=query, project_id=project)["total"] == 0
