"""Orders, cycles and parts, for wide input."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.code.traits import label_of
from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.blueprints.complexity import MINUTES, WEIGHTS, score
from ltmc.features.blueprints.decomposition import from_description, from_skills, from_template, plan
from ltmc.features.blueprints.dependencies import Task
from ltmc.features.blueprints.ordering import Edge, order, path_between
from ltmc.features.blueprints.templates import choose_template, templates

NODES = [f"bp_{number:02}" for number in range(12)]
KINDS = st.sampled_from(["blocking", "soft", "resource"])


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Task]:
    chosen = draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=12, unique=True))
    return {
        node: Task(
            priority_score=draw(st.sampled_from([0.0, 0.5, 1.0])),
            created_at=draw(st.sampled_from(["1", "2"])),
            minutes=draw(st.integers(0, 500)),
        )
        for node in chosen
    }


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[dict, list[Edge]]:
    """Blueprints with dependencies that all point back along some hidden order."""
    found = draw(rows())
    hidden = draw(st.permutations(list(found)))
    pairs = [(later, earlier) for place, later in enumerate(hidden) for earlier in hidden[:place]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=25)) if pairs else []
    return found, [Edge(later, earlier, draw(KINDS)) for later, earlier in chosen]


@settings(max_examples=300, deadline=None)
@given(acyclic())
def test_every_prerequisite_comes_before_its_dependents(given_: tuple[dict, list[Edge]]) -> None:
    found, edges = given_
    ordered = order(found, edges)
    assert sorted(ordered.linear) == sorted(found), "every input, once"
    assert sorted(node for group in ordered.groups for node in group) == sorted(found)
    place = {node: number for number, node in enumerate(ordered.linear)}
    group = {node: number for number, nodes in enumerate(ordered.groups) for node in nodes}
    hard = [edge for edge in edges if edge.kind != "soft"]
    assert all(place[edge.prerequisite] < place[edge.dependent] for edge in edges)
    assert all(group[edge.prerequisite] < group[edge.dependent] for edge in hard)
    for node, number in group.items():
        before = [group[edge.prerequisite] for edge in hard if edge.dependent == node]
        assert number == (max(before) + 1 if before else 0), "as early as it can be"


@settings(max_examples=300, deadline=None)
@given(acyclic())
def test_the_critical_path_is_the_longest_chain(given_: tuple[dict, list[Edge]]) -> None:
    found, edges = given_
    ordered = order(found, edges)
    hard = {(edge.dependent, edge.prerequisite) for edge in edges if edge.kind != "soft"}
    chain = ordered.critical_path
    assert all(pair in hard for pair in zip(chain[1:], chain, strict=False))
    assert sum(found[node].minutes for node in chain) == ordered.critical_minutes
    assert ordered.total_minutes == sum(row.minutes for row in found.values())

    def longest(node: str) -> int:
        return found[node].minutes + max((longest(one) for other, one in hard if other == node), default=0)

    assert ordered.critical_minutes == max(longest(node) for node in found)
    assert order(dict(reversed(found.items())), edges[::-1]) == ordered, "the same for any order of input"


@settings(max_examples=300, deadline=None)
@given(rows(), st.data())
def test_a_cycle_is_refused_with_its_path(found: dict, data: st.DataObject) -> None:
    nodes = st.sampled_from(list(found))
    pairs = data.draw(st.lists(st.tuples(nodes, nodes).filter(lambda pair: pair[0] != pair[1]), max_size=30))
    edges = [Edge(left, right, data.draw(KINDS)) for left, right in pairs]
    refused: LtmcError | None = None
    try:
        ordered = order(found, edges)
    except LtmcError as error:
        refused = error
    if refused is None:
        place = {node: number for number, node in enumerate(ordered.linear)}
        assert all(place[right] < place[left] for left, right in pairs)
        assert all(path_between(edges, right, left) is None for left, right in pairs)
    else:
        assert refused.code == ErrorCode.CYCLE_DETECTED
        path = refused.details["path"]
        assert path[0] == path[-1]
        assert len(path) == len(set(path)) + 1 >= 3
        assert all(step in pairs for step in zip(path, path[1:], strict=False))
        assert " -> ".join(path) in refused.message


WORDS = st.sampled_from(
    "build the api then and test deploy kafka; finally, write docs - 1. * fix Bug\n . é 漢字".split(" ")
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join))


@settings(max_examples=300, deadline=None)
@given(
    title=st.text(min_size=1, max_size=200),
    description=TEXTS,
    skills=st.lists(st.sampled_from(["python", "kafka", "c++", "éé"]), max_size=4, unique=True),
    minutes=st.integers(1, 40_320),
    most=st.integers(2, 20),
    target=st.integers(1, 40_320),
    strategy=st.sampled_from(["description", "skills", *templates()]),
)
def test_the_minutes_of_parts_sum_to_the_whole(
    title: str, description: str, skills: list[str], minutes: int, most: int, target: int, strategy: str
) -> None:
    parts = {"description": from_description(description), "skills": from_skills(title, skills)}.get(strategy)
    if not parts:
        name = strategy if strategy in templates() else None
        parts = from_template(choose_template(title, description, name), title)
    made = plan(parts, minutes, most=most, target=target, skills=skills)
    assert sum(part.minutes for part in made) == minutes
    assert all(part.minutes >= 1 for part in made)
    assert 1 <= len(made) <= min(most, minutes)
    assert {skill for part in made for skill in part.skills} >= set(skills)
    assert all(one < place for place, part in enumerate(made) for one in part.after), (
        "no part waits for a later one"
    )
    assert all(part.title.strip() and len(part.title) <= 200 for part in made)
    room = len(made) < min(most, minutes)
    assert not room or max(part.minutes for part in made) <= target


@settings(max_examples=300, deadline=None)
@given(title=TEXTS, description=TEXTS, skills=st.lists(st.sampled_from(["go", "sql", "x"]), unique=True))
def test_complexity_is_a_weighted_sum_of_capped_parts(
    title: str, description: str, skills: list[str]
) -> None:
    scored = score(title, description, skills)
    assert 0 <= scored.complexity_score <= 1
    assert scored.complexity == label_of(scored.complexity_score)
    parts = [scored.factors[name] for name in WEIGHTS]
    assert sum(part["weight"] for part in parts) == pytest.approx(1, abs=0.001)
    assert all(0 <= part["value"] <= 1 for part in parts)
    whole = sum(part["contribution"] for part in parts)
    halved = 2 if "trivial" in scored.factors else 1
    assert scored.complexity_score == pytest.approx(whole / halved, abs=0.001)


def test_complexity_fixtures_of_the_contract() -> None:
    typo = score("Fix typo in README", "Correct a misspelt word in the README.", [])
    assert typo.complexity_score <= 0.2
    assert typo.factors["trivial"] == ["typo"]
    migration = score(
        "Migrate order processing to Kafka and CQRS on Kubernetes",
        "Production migration: move the order service to Kafka with CQRS, deploy it on Kubernetes, and switch "
        "over with no downtime.",
        ["kafka", "kubernetes", "cqrs", "java", "postgresql", "devops"],
    )
    assert migration.complexity_score > 0.6


def test_complexity_counts_whole_words() -> None:
    for text in ("the capital is rapid", "a therapist's sapience", "classical unitary"):
        assert score(text, text, []).factors["technical"]["matched_terms"] == []
    assert score("An API", "x", []).factors["technical"]["matched_terms"] == ["api"]


def test_each_template_is_whole() -> None:
    found = templates()
    assert set(found) >= {"feature", "bug_fix", "migration", "release", "incident", "refactoring"}
    for template in found.values():
        assert sum(phase.weight for phase in template.phases) == pytest.approx(1)
    for title, name in (
        ("Fix the crash on login", "bug_fix"),
        ("Migrate users to the new store", "migration"),
        ("Publish version 2", "release"),
        ("Outage of the checkout", "incident"),
        ("Simplify the parser", "refactoring"),
        ("Something else", "feature"),
    ):
        assert choose_template(title, "", None).name == name
    assert list(MINUTES.values()) == sorted(MINUTES.values())
