"""Orders, cycles and parts, for wide input."""

import json
import re
from collections import Counter
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.code.traits import LABELS, label_of
from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.blueprints.complexity import MINUTES, WEIGHTS, score
from ltmc.features.blueprints.decomposition import from_skills, from_steps, from_template, plan, spread
from ltmc.features.blueprints.dependencies import Task
from ltmc.features.blueprints.lexicon import weights
from ltmc.features.blueprints.ordering import Edge, order, path_between
from ltmc.features.blueprints.steps import read_steps
from ltmc.features.blueprints.templates import LAYERS, choose_template, templates

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
    "build the api then and test deploy kafka; finally, write docs - 1. * fix Bug\n . é 漢字 \n\n \n- \n1. \n2. "
    "\n\t- \n##  \n``` \n|a| > • 2) 1、 3） (2) 首先 然后 部署。 ， : [ ] [1]: e.g. \na) \nb) b) c) \ni. \nii. -> "
    "→ --> => ⇒ `a ->` build -> test → \n<ul> <ul><li> </li><li> <li> </ul>\n </ul> और करें फिर । ، و کنید a napiš "
    "e scrivi i "
    "\n１． \n２． १. 90 % 9. \n9. \n10. First Next must; #7 x=1 ✓ Step_1: Task_2: third, затем ثم".replace(
        "_", "\xa0"
    ).split(" ")
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
    described = from_steps(*read_steps(description), title)
    parts = {"description": described, "skills": from_skills(title, skills)}.get(strategy)
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


@settings(max_examples=500, deadline=None)
@given(
    description=TEXTS, strategy=st.sampled_from(["steps", "skills", *templates()]), most=st.integers(2, 20)
)
def test_every_word_number_and_sign_of_a_description_is_in_exactly_one_part(
    description: str, strategy: str, most: int
) -> None:
    context, steps = read_steps(description)
    marks = counted(*(step.mark for step in steps))
    assert counted(context, *(step.text for step in steps)) + marks == counted(description), "but for marks"
    if strategy == "steps":
        parts = from_steps(context, steps, "Title")
    else:
        plain = strategy == "skills"
        parts = from_skills("T", ["go", "sql"]) if plain else from_template(templates()[strategy], "T")
        parts = [replace(part, description="-") for part in parts]
        spread(parts, context, steps)
    if parts:
        made = plan(parts, 1000, most=most, target=1000, skills=[])
        kept = counted(*(part.description for part in made))
        assert not counted(description) - kept - marks, "only the marks of order may go"
        numbers = counted(*map(str, range(1, len(steps) + 1)))
        added = kept - counted(description)
        assert all(one in numbers for one in added), "a list without numbers may get some"
        finer = plan(parts, 1000, most=most, target=30, skills=[])
        lost = counted(description) - counted(*(part.description for part in finer))
        assert all(one.isdigit() or one in "abciStepTaskonw一二" for one in lost), "what may be in a mark"


SEPARATORS = set(",;:،，、；：。.·•◦▪‣・–—-*+>→=⇒⟶➔➜[]()（）．")
"""What stands between clauses and what begins an item."""


def counted(*texts: str) -> Counter[str]:
    """The letters, digits and signs of texts, without the words that are put before what is done."""
    return Counter(
        char
        for text in texts
        for char in re.sub(r"Done already|\[[xX]\]|</?(?:ul|ol|li)>", "", text)
        if not char.isspace() and char not in SEPARATORS
    )


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


@pytest.mark.parametrize(
    ("description", "titles", "after"),
    [
        ("1. read\n2. write\n3) Deploy", ["Read", "Write", "Deploy"], [[], [0], [1]]),
        ("1) read it 2) write it 3) Deploy", ["Read it", "Write it", "Deploy"], [[], [0], [1]]),
        ("Be quick. Step 1: read it. Step 2: write it.", ["Read it", "Write it"], [[], [0]]),
        (
            "First read the file, then write the rows and finally switch over.",
            ["Read the file", "Write the rows", "Switch over"],
            [[], [0], [1]],
        ),
        ("- [x] plan\n- [ ] Build it\n- [ ] Ship it", ["Build it", "Ship it"], [[], []]),
        ("- The docs\n- Write tests", ["The docs: T", "Write tests"], [[], []]),
        (
            "Build the API and their tests, write the docs.",
            ["Build the API and their tests", "Write the docs"],
            [[], []],
        ),
        ("步骤：\n1、读取数据\n2、写入数据\n3、部署", ["读取数据", "写入数据", "部署"], [[], [0], [1]]),
        ("首先读取数据，然后写入新表，最后部署。", ["读取数据", "写入新表", "部署"], [[], [0], [1]]),
        ("第一步读取数据，第二步写入新表", ["读取数据", "写入新表"], [[], [0]]),
        ("・設計する\n・実装する", ["設計する", "実装する"], [[], []]),
        ("まず設計する。次に実装する。", ["設計する", "実装する"], [[], [0]]),
        (
            "Zuerst Tests schreiben, dann die Daten migrieren.",
            ["Tests schreiben", "Daten migrieren"],
            [[], [0]],
        ),
        (
            "## Phase 1\n- Store it\n- Read it\n\n## Phase 2\n- Show it\n\nThen update the docs.",
            ["Store it", "Read it", "Show it", "Update the docs"],
            [[], [], [0, 1], [2]],
        ),
        (
            "1. one thing\n\n```\n2. code\n```\n\n2. another thing",
            ["One thing: T", "Another thing: T"],
            [[], [0]],
        ),
        (
            "It fails.\n\nSteps to reproduce:\n1. open it\n2. click\n\n## Tasks\n- Fix the check\n- Add a test",
            ["Fix the check", "Add a test"],
            [[], []],
        ),
        ("Steps to reproduce:\n1. open it\n2. click", [], []),
        (
            "- First page of the wizard\n- Second page of the wizard\n- Next button",
            ["First page of the wizard", "Second page of the wizard", "Next button: T"],
            [[], [], []],
        ),
        ("i. design\nii. build\niii. test", ["Design", "Build", "Test"], [[], [0], [1]]),
        ("A. design\nB. build\nC. test", ["Design", "Build", "Test"], [[], [0], [1]]),
        ("a) design b) build c) test", ["Design", "Build", "Test"], [[], [0], [1]]),
        ("a) design\nb) build\nc) test", ["Design", "Build", "Test"], [[], [0], [1]]),
        ("A. Smith asked for it. Build it and test it.", ["Build it", "Test it"], [[], []]),
        ("１．設計する\n２．実装する", ["設計する", "実装する"], [[], [0]]),
        ("１．設計 ２．実装 ３．試験", ["設計", "実装", "試験"], [[], [0], [1]]),
        ("१. मसौदा बनाओ अभी\n२. जाँच करो अभी", ["मसौदा बनाओ अभी", "जाँच करो अभी"], [[], [0]]),
        ("١. صمم\n٢. اكتب", ["صمم", "اكتب"], [[], [0]]),
        (
            "Сначала спроектировать схему, затем написать код, потом развернуть.",
            ["Спроектировать схему", "Написать код", "Развернуть"],
            [[], [0], [1]],
        ),
        ("설계하고, 구현하고, 배포한다", ["설계하고", "구현하고", "배포한다"], [[], [], []]),
        (
            "أولاً: صمم القاعدة\nثانياً: اكتب الواجهة\nثالثاً: انشر",
            ["صمم القاعدة", "اكتب الواجهة", "انشر"],
            [[], [0], [1]],
        ),
        (
            "Back up -> migrate the rows -> verify",
            ["Back up: T", "Migrate the rows", "Verify"],
            [[], [0], [1]],
        ),
        ("It goes browser -> proxy -> server.", [], []),
        ("Fix `a -> b -> c`. Add a test.", ["Fix a -> b -> c", "Add a test"], [[], []]),
        (
            "It is slow. Order: back up → migrate the rows → verify. Then update the docs.",
            ["Back up: T", "Migrate the rows", "Verify", "Update the docs"],
            [[], [0], [1], [2]],
        ),
        ("Read it. Test it.\n\nThen deploy it.", ["Read it", "Test it", "Deploy it"], [[], [], [0, 1]]),
        ("Read it.\n\nFirst write it. Test it.", ["Read it", "Write it", "Test it"], [[], [], []]),
        ("Task 1: read. Task 2: write.", ["Read", "Write"], [[], [0]]),
        (
            "Acceptance criteria:\n- P95 under 200 ms\n- No errors\n\nTasks:\n- Profile it\n- Add an index",
            ["Profile it", "Add an index"],
            [[], []],
        ),
        (
            "It must show invoices. It must allow download as PDF. It must not crash.",
            ["Show invoices", "Allow download as PDF"],
            [[], []],
        ),
        ("Rotate the keys; the owner at 90 %.", ["Rotate the keys", "The owner at 90 %"], [[], []]),
        (
            "1. Database\n  - make table a\n  - make table b\n2. Deploy it",
            ["Database: T", "Deploy it"],
            [[], [0]],
        ),
        ("1、迁移数据\n  - 迁移用户\n  - 迁移订单\n2、验证", ["迁移数据", "验证"], [[], [0]]),
        (
            "|Task|Who|\n|---|---|\n|Rename the key|Ana|\n|Drop it \\| all|Bo|\n\nThen:\n\n- Write docs",
            ["Rename the key", "Drop it \\| all", "Write docs"],
            [[], [], [0, 1]],
        ),
        ("|Nr|Task|\n|---|---|\n|1|Add it|\n|2|Test it|", ["Add it", "Test it"], [[], [0]]),
        ("|Size|Time|\n|---|---|\n|1 MB|3 s|\n|9 MB|40 s|", [], []),
        (
            "- Load it\n- Store it\n- Then publish it",
            ["Load it", "Store it", "Publish it"],
            [[], [], [0, 1]],
        ),
        (
            "## Preparation\n1. Read it\n2. Pin it\n## Work\n- Fix it\n- Test it\n## Rollout\n- Deploy it",
            ["Read it", "Pin it", "Fix it", "Test it", "Deploy it"],
            [[], [0], [1], [1], [2, 3]],
        ),
        (
            "Step 1: read it. Step 2: write it. Be quick. After that, plan it.",
            ["Read it", "Write it", "Plan it"],
            [[], [0], [1]],
        ),
        (
            "- Release it: tag it -> build it -> publish it\n- Load it: 1) get it 2) read it\n- Write docs",
            ["Release it", "Load it", "Write docs"],
            [[], [], []],
        ),
        (
            "Goal: speed\n- Read it\n\nDeliver the rest\n- Write it\n\nShown by\n- Test it",
            ["Read it", "Write it", "Test it"],
            [[], [], []],
        ),
        (
            "a. Install it\n   i. get it\n   ii. unpack it\nb. Configure it\nc. Run it",
            ["Install it", "Configure it", "Run it"],
            [[], [0], [1]],
        ),
        (
            "Backend: add it.\nOps: deploy to staging, then to production.",
            ["Backend: add it", "Ops: deploy to staging, then to production"],
            [[], []],
        ),
        (
            "- `get_it` reads it (a; b)\n- write_it writes it",
            ["get_it reads it (a; b)", "write_it writes it"],
            [[], []],
        ),
        ("##\none\n##\ntwo", ["T", "T"], [[], []]),
        ("Read it, write it. Their tests must stay green.", ["Read it", "Write it"], [[], []]),
        (
            "Prima fai il backup, poi migra i dati e infine spegni il server.",
            ["Fai il backup", "Migra i dati", "Spegni il server"],
            [[], [0], [1]],
        ),
        (
            "Maak eerst een kopie, verplaats daarna de data en zet tenslotte de server uit.",
            ["Maak eerst een kopie", "Verplaats daarna de data", "Zet tenslotte de server uit"],
            [[], [0], [1]],
        ),
        (
            "Zuerst die Tabellen anlegen und zum Schluss den Server abschalten.",
            ["Tabellen anlegen", "Den Server abschalten"],
            [[], [0]],
        ),
        ("It is slow since version 2.1. The table has 3.5 million rows.", [], []),
        *[
            (f"Change {piece}, then test it.", [f"Change {piece}".replace("`", ""), "Test it"], [[], [0]])
            for piece in (
                "`a; then b. Run c`",
                "``a; `x`, then b``",
                "https://example.com/a;then=1,b to it",
                "(see http://example.com/a;b, then c)",
                '"Failed; then retry. 1. Read it 2. Write it"',
                "“Save; then close”",
                "„Speichern; dann schließen“",
                "« lire ; puis écrire »",
                "'it; then the user's row'",
                "it (only new rows; then all (sort them; then cut). 1) a 2) b)",
                "[a;b -> write c -> read d, then e. f]",
                "{a; then b}",
            )
        ],
        (
            "修改提示「保存；然后关闭」，然后部署（先测试；然后部署）",
            ["修改提示「保存；然后关闭」", "部署（先测试；然后部署）"],
            [[], [0]],
        ),
        (
            "Fix 5\" and 3\" screens; then don't test the users' (yet.",
            ['Fix 5" and 3" screens', "Don't test the users' (yet"],
            [[], [0]],
        ),
        *[
            (text, ["读取数据", "写入数据", "部署"], [[], [0], [1]])
            for text in (
                "一、读取数据\n二、写入数据\n三、部署",
                "一、读取数据；二、写入数据；三、部署",
                "（一）读取数据（二）写入数据（三）部署",
                "①读取数据②写入数据③部署",
                "①读取数据\n\n②写入数据\n\n③部署",
                "第一步：读取数据\n\n第二步：写入数据\n\n第三步：部署",
                "步骤一：读取数据。步骤二：写入数据。步骤三：部署",
                "十、读取数据\n十一、写入数据\n十二、部署",
            )
        ],
        *[
            (text, ["Read it", "Write it", "Deploy it"], [[], [0], [1]])
            for text in (
                "① read it ② write it ③ deploy it",
                "1️⃣ read it 2️⃣ write it 3️⃣ deploy it",
                "Ⅰ. read it\nⅡ. write it\nⅢ. deploy it",
                "Step one: read it. Step two: write it. Step three: deploy it.",
                "Step one: read it\nStep two: write it\nStep three: deploy it",
                "**Step one:** read it.\n\n**Step two:** write it.\n\n**Step three:** deploy it.",
                "Step 1: read it\n\nStep 2: write it\n\nStep 3: deploy it",
                "First step: read it. Second step: write it. Third step: deploy it.",
                "One: read it. Two: write it. Three: deploy it.",
                "Phase one: read it. Phase two: write it. Phase three: deploy it.",
                "Phase 1: read it. Phase 2: write it. Phase 3: deploy it.",
                "Schritt eins: read it. Schritt zwei: write it. Schritt drei: deploy it.",
                "Étape un : read it. Étape deux : write it. Étape trois : deploy it.",
                "Шаг один: read it. Шаг два: write it. Шаг три: deploy it.",
            )
        ],
        ("In step one we read it, in step two we write it.", [], []),
        ("In phase 1 we read it, in phase 2 we write it.", [], []),
        ("The server one: it is old. The server two: it is new.", [], []),
        (
            "Step one: Prepare\n- Read it\n- Pin it\nStep two: Ship\n- Deploy it",
            ["Read it", "Pin it", "Deploy it"],
            [[], [], [0, 1]],
        ),
        (
            "一、准备\n1、读取数据\n2、写入数据\n二、上线\n1、部署",
            ["读取数据", "写入数据", "部署"],
            [[], [0], [1]],
        ),
        *[
            (text, ["Read it (all; now)", "Write it [fast]", "Deploy it"], [[], [], []])
            for text in (
                "• read it (all; now) • write it [fast] • deploy it",
                "Read it (all; now) • write it [fast] • deploy it",
                "To do: • read it (all; now) • write it [fast] • deploy it",
                "To do: - read it (all; now) - write it [fast] - deploy it",
                "- read it (all; now) - write it [fast] - deploy it",
                "To do: * read it (all; now) * write it [fast] * deploy it",
                "[ ] read it (all; now) [ ] write it [fast] [ ] deploy it [x] plan it",
                "[x] plan it\n[ ] read it (all; now)\n[ ] write it [fast]\n[ ] deploy it",
            )
        ],
        ("Fix it - it is slow - and it is old.", [], []),
        ("Home • About • Help", [], []),
        ("Steps to reproduce: - open it - click it", [], []),
        ("Steps to reproduce: 1. open it 2. click it", [], []),
        ("Tag, then build, then publish", ["Tag", "Build", "Publish"], [[], [0], [1]]),
        (
            "Den Kuchen backen (heiß), danach Kaffee kochen (stark)",
            ["Den Kuchen backen (heiß)", "Kaffee kochen (stark)"],
            [[], [0]],
        ),
        ("Teste die Daten, dann migriere die Daten.", ["Teste die Daten", "Migriere die Daten"], [[], [0]]),
        ("Récolter les pommes, puis presser tout ça", ["Récolter les pommes", "Presser tout ça"], [[], [0]]),
        (
            "Recoger las manzanas, luego prensarlas muy bien",
            ["Recoger las manzanas", "Prensarlas muy bien"],
            [[], [0]],
        ),
        ("Собрать яблоки, затем выжать из них сок", ["Собрать яблоки", "Выжать из них сок"], [[], [0]]),
        ("备份数据库然后迁移数据最后通知团队", ["备份数据库", "迁移数据", "通知团队"], [[], [0], [1]]),
        (
            "Erstens Tabelle anlegen, zweitens Daten einlesen.",
            ["Tabelle anlegen", "Daten einlesen"],
            [[], [0]],
        ),
        ("If it is slow, then add an index.", [], []),
        ("Wenn die Fenster klemmen, dann nachölen.", [], []),
        ("The page loads, then it freezes.", [], []),
        ("Il a planté, puis il a redémarré.", [], []),
        *[
            (
                f"Speed it up.\n\n- Profile it\n- Add an index\n\n{heading}- P95 under 200 ms\n- Write no error",
                ["Profile it", "Add an index"],
                [[], []],
            )
            for heading in (
                "## Acceptance criteria\n",
                "**Acceptance criteria**\n",
                "**Acceptance criteria:**\n\n",
                "__Definition of done__:\n\n",
                "Definition of done\n",
                "Done when:\n",
                "**Done when**\n\n",
                "**Critères d'acceptation**\n\n",
                "## Acceptance criteria\n\n**Speed**\n\n",
            )
        ],
        (
            "**Acceptance criteria**\n- P95 under 200 ms\n\n**Tasks**\n- Profile it\n- Add an index",
            ["Profile it", "Add an index"],
            [[], []],
        ),
        (
            "Profile it; add an index. Acceptance criteria: add no error; keep P95 under 200 ms.",
            ["Profile it", "Add an index"],
            [[], []],
        ),
    ],
)
def test_steps_are_read_from(description: str, titles: list[str], after: list[list[int]]) -> None:
    parts = from_steps(*read_steps(description), "T")
    assert ([part.title for part in parts], [part.after for part in parts]) == (titles, after)


DESCRIBED = json.loads((Path(__file__).parent / "described_tasks.json").read_text("utf-8"))
"""Descriptions as people write them, with the subtasks that a reader would make of them."""


IN_LANGUAGES = json.loads((Path(__file__).parent / "described_in_languages.json").read_text("utf-8"))
"""The like in other languages and shapes, and with words that mean something else elsewhere; some name no steps."""


@pytest.mark.parametrize("task", IN_LANGUAGES, ids=lambda task: task["what"])
def test_steps_are_told_apart_in_other_languages(task: dict) -> None:
    text = task["description"]
    context, steps = read_steps(text)
    parts = from_steps(context, steps, "T")
    assert ([part.title for part in parts], [part.after for part in parts]) == (task["titles"], task["after"])
    marks = [step.mark for step in steps if step.mark in text]
    assert counted(context, *(step.text for step in steps), *marks) == counted(text), "once each"
    told, begin = letters(text), 0
    for step in steps:
        begin = told.index(letters(step.text.rpartition("\n\n")[0] or step.text), begin) + 1


def letters(text: str) -> str:
    return "".join(char for char in re.sub(r"<[^<>]*>", "", text) if char.isalnum())


@pytest.mark.parametrize("task", DESCRIBED, ids=lambda task: task["what"])
def test_a_description_becomes_the_subtasks_that_a_reader_makes(task: dict) -> None:
    parts = from_steps(*read_steps(task["description"]), "T")
    found = [(part.title, part.after) for part in parts]
    assert found == list(zip(task["titles"], task["after"], strict=True))


def test_what_is_too_long_is_cut_along_its_own_list_and_too_many_are_joined_in_order() -> None:
    nested = "- Store it\n  1. make the table\n  2. fill the table\n- Show it"
    parts = plan(from_steps(*read_steps(nested), "T"), 1000, most=8, target=100, skills=[])
    assert [part.title for part in parts] == ["Make the table", "Fill the table", "Show it"]
    assert [part.after for part in parts] == [[], [0], []]
    ticked = "- Fix it\n- [x] Find it\n\n  Note: keep it\n- Test it"
    parts = plan(from_steps(*read_steps(ticked), "T"), 1000, most=8, target=100, skills=[])
    assert [part.title for part in parts] == ["Fix it", "Test it"]
    chain = "- Release it: tag it -> build it -> publish it\n- Show it"
    parts = plan(from_steps(*read_steps(chain), "T"), 1000, most=8, target=100, skills=[])
    assert [part.title for part in parts] == ["Tag it", "Build it", "Publish it", "Show it"]
    assert [part.after for part in parts] == [[], [0], [1], []]
    assert parts[0].description == "Release it:\n\ntag it"
    many = "\n".join(f"{number}. Do number {number}" for number in range(1, 9))
    parts = plan(from_steps(*read_steps(many), "T"), 1000, most=2, target=1000, skills=[])
    assert [part.after for part in parts] == [[], [0]]
    assert parts[0].title == "Do number 1 and 3 more"
    again = from_steps(*read_steps(parts[0].description), "T")
    assert [part.title for part in again] == ["Do number 1", "Do number 2", "Do number 3", "Do number 4"]
    assert [part.after for part in again] == [[], [0], [1], [2]]
    assert parts[1].description.splitlines() == [f"{number}. Do number {number}" for number in range(5, 9)]
    again = from_steps(*read_steps(parts[1].description), "T")
    assert [part.after for part in again] == [[], [0], [1], [2]]


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


@pytest.mark.parametrize(("part", "right"), [("development", 135), ("held_back", 26), ("forty", 34)])
def test_labels_agree_with_a_reader(part: str, right: int) -> None:
    tasks = json.loads((Path(__file__).parent / "labelled_tasks.json").read_text("utf-8"))[part]
    assert len(tasks) >= 30
    given_ = [(label, score(title, description, []).complexity, title) for label, title, description in tasks]
    assert sum(label == found for label, found, _ in given_) >= right
    far = [one for one in given_ if abs(LABELS.index(one[0]) - LABELS.index(one[1])) > 1]
    assert not far, "none is more than a level off"


@pytest.mark.parametrize(
    ("part", "right", "far"), [("development", 81, 8), ("held_back", 16, 5), ("forty", 21, 6)]
)
def test_a_title_alone_is_labelled_by_what_it_names(part: str, right: int, far: int) -> None:
    """It tells less than what the reader saw; by the rule for whole descriptions 38, 7 and 10 were right."""
    tasks = json.loads((Path(__file__).parent / "labelled_tasks.json").read_text("utf-8"))[part]
    for description in (lambda _: "", lambda title: title):
        found = [score(title, description(title), []).complexity for _, title, _ in tasks]
        off = [
            abs(LABELS.index(one) - LABELS.index(label))
            for one, (label, *_) in zip(found, tasks, strict=True)
        ]
        assert off.count(0) >= right
        assert sum(one > 1 for one in off) <= far


def test_each_synonym_stands_for_one_term_that_counts() -> None:
    lexicon = json.loads(
        resources.files("ltmc.features.blueprints").joinpath("lexicon.json").read_text("utf-8")
    )
    counted_ = {*weights(), *lexicon["risks"], *lexicon["trivial"]}
    assert not lexicon["synonyms"].keys() - counted_
    words = [word for found in lexicon["synonyms"].values() for word in found]
    assert [word for word, count in Counter(words).items() if count > 1] == []
    assert not {word for word in words if len(word) < 5 and word.endswith("*")}, "they would begin too much"


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Kundendatenbankmigration vorbereiten", "database"),
        ("Chiffrer les sauvegardes", "encryption"),
        ("Ajouter une file d'attente", "queue"),
        ("Зашифровать резервные копии", "encryption"),
        ("データベースを暗号化する", "encryption"),
        ("데이터베이스 복제", "replication"),
        ("OAuth2ログインを実装する", "oauth2"),
        ("用Kafka替换队列", "kafka"),
    ],
)
def test_a_term_is_found_in_other_languages(text: str, term: str) -> None:
    assert term in score(text, "", []).factors["technical"]["matched_terms"]


def test_complexity_counts_whole_words() -> None:
    for text in ("the capital is rapid", "a therapist's sapience", "classical unitary"):
        assert score(text, text, []).factors["technical"]["matched_terms"] == []
    assert score("An API", "x", []).factors["technical"]["matched_terms"] == ["api"]


TEMPLATE_TASKS = json.loads((Path(__file__).parent / "template_tasks.json").read_text("utf-8"))
"""For each template three tasks that are done by it."""


@pytest.mark.parametrize("name", sorted({*templates()} - {LAYERS}))
def test_a_template_is_picked_for_its_tasks_and_gives_a_plan(name: str) -> None:
    assert len(templates()) >= 20
    tasks = TEMPLATE_TASKS[name]
    assert len(tasks) == 3
    for title, description in tasks:
        chosen = choose_template(title, description, None)
        assert (chosen.name, title) == (name, title)
        parts = from_template(chosen, title)
        spread(parts, description, [])
        made = plan(parts, 600, most=8, target=600, skills=[])
        assert 4 <= len(made) <= 6
        assert len({part.title for part in made}) == len(made)
        assert all(part.title.endswith(f": {title}") for part in made)
        assert all(len(part.description) > 15 and part.minutes >= 15 for part in made)
        assert made[0].description.endswith(description)
        edges = [Edge(str(place), str(one)) for place, part in enumerate(made) for one in part.after]
        ordered = order({str(place): Task(0.5, "1", part.minutes) for place, part in enumerate(made)}, edges)
        waited = {edge.prerequisite for edge in edges}
        assert ordered.groups[-1] == [str(len(made) - 1)], "the last phase comes last, alone"
        assert waited >= {str(place) for place in range(len(made) - 1)}, "nothing dangles"


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
        ("Make the login page faster", "performance_regression"),
        ("修复登录崩溃", "bug_fix"),
        ("ログインの不具合を直す", "bug_fix"),
        ("API returns stale data", "bug_fix"),
        ("Users report 500 on checkout", "bug_fix"),
        ("Cannot log in with Google", "bug_fix"),
        ("Search returns wrong results for umlauts", "bug_fix"),
        ("Pentest of the API", "security_fix"),
        ("Add an endpoint test", "test_coverage"),
        ("Flaky login test", "flaky_test"),
        ("Write a blog post about the launch", "documentation"),
        ("Rename the package", "refactoring"),
        ("Print the calendar in Python", "feature"),
        ("Something else", "feature"),
    ):
        assert choose_template(title, "", None).name == name
    assert list(MINUTES.values()) == sorted(MINUTES.values())
