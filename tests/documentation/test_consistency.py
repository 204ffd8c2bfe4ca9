"""Code against documents and docstrings: signatures, scores and their bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.code.docstrings import documented_parameters
from ltmc.code.signatures import from_text
from ltmc.code.symbols import parse_module
from ltmc.documents import managed_blocks
from ltmc.features.documentation import api_pages
from ltmc.features.documentation.consistency import compare_with_docstrings, compare_with_document, level_of

NAMES = st.sampled_from(["a", "b", "c", "self", "cls", "x1", "_y", "é"])
DEFAULTS = st.sampled_from(
    [None, "1", "'x'", "None", "(1, 2)", "')'", '"a \' b"', "{'k': [1]}", "-1.5", "lambda: 0"]
)
ANNOTATIONS = st.sampled_from(
    [None, "int", "list[str]", "'Later'", "int | None", "dict[str, tuple[int, ...]]"]
)


@st.composite
def parameter_lists(draw: st.DrawFn) -> str:
    names = draw(st.lists(NAMES, unique=True, max_size=6))
    kinds = sorted(draw(st.sampled_from(["1posonly", "2normal", "4keyword"])) for _ in names)
    parts: list[str] = []
    defaulted = False
    for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        default = draw(DEFAULTS)
        if kind != "4keyword":
            default = default or ("0" if defaulted else None)
            defaulted = default is not None
        annotation = draw(ANNOTATIONS)
        if kind == "4keyword" and (place == 0 or kinds[place - 1] != "4keyword"):
            parts.append(draw(st.sampled_from(["*", "*args", "*rest: int"])))
        parts.append(name + (f": {annotation}" if annotation else "") + (f"={default}" if default else ""))
        if kind == "1posonly" and (place + 1 == len(kinds) or kinds[place + 1] != "1posonly"):
            parts.append("/")
    if draw(st.booleans()):
        parts.append("**options")
    return ", ".join(parts)


@st.composite
def modules(draw: st.DrawFn) -> str:
    """Python with functions and a class, in all kinds of signature."""
    lines = ['"""A module."""', ""]
    for name in draw(st.lists(st.sampled_from(["one", "two", "three", "_hidden"]), unique=True, max_size=4)):
        asynchronous = draw(st.sampled_from(["", "async "]))
        returns = draw(ANNOTATIONS)
        arrow = f" -> {returns}" if returns else ""
        docstring = draw(
            st.sampled_from(
                ["...", '"""Doc."""', '"""Doc.\n\n    ### `one`\n    ```python\n    def one()\n    """']
            )
        )
        lines += [f"{asynchronous}def {name}({draw(parameter_lists())}){arrow}:", f"    {docstring}", ""]
    if draw(st.booleans()):
        lines += [
            "class Box(list):",
            "    'A box.'",
            f"    def __init__(this, {draw(parameter_lists())}): ...",
        ]
        for decorator in ("", "@property", "@staticmethod", "@classmethod"):
            if draw(st.booleans()):
                receiver = "this" if decorator == "@property" else draw(parameter_lists())
                if decorator == "":
                    receiver = f"this, {receiver}"
                if decorator == "@classmethod":
                    receiver = f"kind, {receiver}"
                lines += [f"    {decorator}", f"    def m_{decorator[1:] or 'plain'}({receiver}): ..."]
    return "\n".join(lines) + "\n"


def parsed(text: str):
    try:
        compile(text, "m.py", "exec", dont_inherit=True)
    except SyntaxError:
        return None
    return parse_module(text, "m.py")


@settings(max_examples=400, deadline=None)
@given(modules())
def test_what_sync_writes_is_consistent(source: str) -> None:
    module = parsed(source)
    if module is None:
        return
    name = managed_blocks.block_name("api", "m.py")
    text = managed_blocks.put("# Mine\n", name, api_pages.render(module, "m.py"))
    result = compare_with_document(module, text, name)
    assert (result.score, result.is_consistent, result.issues) == (1.0, True, []), text


@settings(max_examples=300, deadline=None)
@given(modules(), modules(), st.sampled_from(["api:m.py", "api:other.py"]))
def test_scores_are_bounded_and_agree_with_their_parts(code: str, documented: str, block: str) -> None:
    module, other = parsed(code), parsed(documented)
    if module is None or other is None:
        return
    text = managed_blocks.put("", "api:m.py", api_pages.render(other, "m.py"))
    for result in (compare_with_document(module, text, block), compare_with_docstrings(module)):
        public = {symbol.qualname for symbol in module.public()}
        assert 0 <= result.score <= 1
        assert result.score == (round(len(result.matching) / len(public), 4) if public else 1.0)
        assert set(result.matching) <= set(result.documented) <= public
        assert not set(result.stale) & set(module.symbols)
        assert result.is_consistent == (not result.issues)
        assert len(result.issues) == len(public) - len(result.matching) + len(result.stale)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_signature_or_none(text: str) -> None:
    stated = from_text(text)
    assert stated is None or stated.name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("f(a, b = 1)", "f(a, b=1)"),
        ("Class.method(self, *, c: int=2) -> None", "Class.method(self, *, c: int = 2) -> None"),
        ("async def f(x):", "f(x)"),
        ("class Box(size)", "Box(size)"),
        ("print(1)", None),
        ("f(a) and more", None),
        ("f(a): b", None),
        ("see f(a)", None),
        ("Installation", None),
        ("f(", None),
    ],
)
def test_call_shaped_texts(text: str, shown: str | None) -> None:
    stated = from_text(text)
    assert (stated and stated.signature.text(stated.name)) == shown


def test_documents_of_people_count() -> None:
    module = parse_module(
        "def load(path, *, strict=False): ...\nasync def send(x: int) -> bool: ...\nclass Box:\n"
        "    def __init__(self, size=1): ...\n    def fill(self, thing): ...\n    @property\n    def full(self): ...\n"
        "def other(): ...\n",
        "m.py",
    )
    text = (
        "# m\n## `load(path, *, strict=False)`\nUse `send(x)` or `unknown(y)`.\n\n```python\nclass Box:\n"
        "    def __init__(self, size=1):\n        pass\n    def fill(\n        self, thing\n    ): ...\n"
        "    @property\n    def full(self): return 1\n```\n### `m.other(a)`\n"
        "<!-- ltmc:begin api:x.py -->\n### `elsewhere(z)`\n<!-- ltmc:end api:x.py -->\n## `gone()`\n"
    )
    result = compare_with_document(module, text, "api:m.py")
    assert result.matching == ["load", "send", "Box", "Box.fill", "Box.full"]
    assert [(one["type"], one["symbol"], one["severity"]) for one in result.issues] == [
        ("signature_mismatch", "other", "high"),
        ("stale", "gone", "high"),
    ]
    assert result.issues[0]["doc_line"] == 15
    assert result.score == round(5 / 6, 4)


@pytest.mark.parametrize(
    ("docstring", "names"),
    [
        ("Nothing here.", None),
        (
            (
                "Doc.\n\n    Args:\n        a: one\n            more: text\n        *rest (int): two\n"
                "\n    Returns:\n        x: y"
            ),
            ["a", "rest"],
        ),
        (
            (
                "Doc.\n\n    Parameters\n    ----------\n    a, b : int\n        Two.\n"
                "    **c\n        Three.\n\n    Returns\n    -------\n    d"
            ),
            ["a", "b", "c"],
        ),
        ("Doc.\n\n    :param a: one\n    :param int b: two\n    :type b: int\n    :returns: c", ["a", "b"]),
        ("Args:\n\nNo entries.", []),
    ],
)
def test_parameters_of_docstrings(docstring: str, names: list[str] | None) -> None:
    assert documented_parameters(docstring) == names


def test_docstrings_are_compared_with_parameters() -> None:
    module = parse_module(
        'def good(a):\n    """X.\n\n    Args:\n        a: b\n    """\ndef plain(a):\n    "X."\ndef none(a): ...\n'
        'def wrong(a, b):\n    """X.\n\n    Args:\n        a: x\n        c: y\n    """\n',
        "m.py",
    )
    result = compare_with_docstrings(module)
    assert result.matching == ["good", "plain"]
    assert [(one["type"], one["symbol"], one["severity"]) for one in result.issues] == [
        ("missing_docstring", "none", "low"),
        ("docstring_param_mismatch", "wrong", "low"),
    ]
    assert result.issues[1]["suggestion"] == "In the docstring of wrong: remove c; add b."


def test_levels() -> None:
    assert [level_of(score) for score in (1.0, 0.9, 0.8999, 0.7, 0.6999, 0)] == [
        "HIGH",
        "HIGH",
        "MEDIUM",
        "MEDIUM",
        "LOW",
        "LOW",
    ]


@pytest.mark.parametrize(
    ("by_hand", "score"),
    [
        ("### `Pool(size=10)`\n", 0.0),
        ("Take a `Pool(size=10)` for it.\n", 0.0),
        ("```python\nclass Pool:\n    def __init__(self, size=10): ...\n```\n", 0.0),
        ("### `Pool(size=5)`\n", 1.0),
        ("### `Pool`\n", 1.0),
        ("```python\npool = Pool(size=10)\n```\n", 1.0),
        ("`Pool(10)` and `Pool()` are calls.\n", 1.0),
    ],
)
def test_what_people_write_beside_what_sync_wrote_counts(by_hand: str, score: float) -> None:
    module = parse_module("class Pool:\n    def __init__(self, size=5): ...\n", "m.py")
    name = managed_blocks.block_name("api", "m.py")
    text = managed_blocks.put(f"# Pools\n{by_hand}\n", name, api_pages.render(module, "m.py"))
    result = compare_with_document(module, text, name)
    assert result.score == score, result.issues
    assert [one["type"] for one in result.issues] == ([] if score else ["signature_mismatch"])
    assert all("size=10" in one["doc_signature"] for one in result.issues)
