"""The editors of JSON with comments, TOML, YAML and Markdown, on texts like those that people have."""

import json
import tomllib
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ltmc.agents import blocks, jsonc, toml_text, yaml_text
from ltmc.agents.text import EditError

ENTRY = {"command": "/opt/a b/ltmc", "args": ["serve", "--profile", "core"]}
KEYS = ("mcpServers", "ltmc")

names = st.text(st.sampled_from('abz_ -."\\/é東😀{}[]#:'), min_size=1, max_size=8).filter(
    lambda name: name != "ltmc"
)
scalars = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.sampled_from('a"\\/ \t#,:}]é*'), max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
remarks = st.sampled_from(["", "", " ", "// é, {\n", "/* [\n*/", "/**/", "\n\n"])


@st.composite
def json_texts(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A text of JSON with comments and commas as people write it, and what it says."""
    data = draw(st.dictionaries(names, values, max_size=3))
    if draw(st.booleans()):
        data["mcpServers"] = draw(st.dictionaries(names, values, max_size=2))
    indent = draw(st.sampled_from([None, "\t", "  ", "    "]))
    commented = draw(st.booleans())

    def written(value: Any, depth: int) -> str:
        pad = "" if indent is None else "\n" + indent * (depth + 1)
        close = "" if indent is None else "\n" + indent * depth
        remark = (lambda: draw(remarks)) if commented and indent is not None else (lambda: "")
        if not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=draw(st.booleans()))
        items = (
            [f"{json.dumps(key)}: {written(item, depth + 1)}" for key, item in value.items()]
            if isinstance(value, dict)
            else [written(item, depth + 1) for item in value]
        )
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if not items:
            return opening + closing
        last = "," if commented and draw(st.booleans()) else ""
        body = f",{'' if pad else ' '}".join(remark() + pad + item + remark() for item in items)
        return opening + body + last + remark() + close + closing

    text = written(data, 0) + draw(st.sampled_from(["", "\n"]))
    return (text.replace("\n", "\r\n") if draw(st.booleans()) else text), data


@settings(deadline=None)
@given(json_texts())
def test_json_is_read_as_it_is_written(made: tuple[str, dict[str, Any]]) -> None:
    text, data = made
    assert jsonc.read(text) == data


@settings(deadline=None)
@given(json_texts())
@example(('{"a": 1, // one\n}', {"a": 1}))
@example(('{\r\n\t"mcpServers": {}\r\n}\r\n', {"mcpServers": {}}))
def test_an_entry_of_json_comes_and_goes(made: tuple[str, dict[str, Any]]) -> None:
    text, data = made
    edited = jsonc.put(text, KEYS, ENTRY)
    servers = {**data.get("mcpServers", {}), "ltmc": ENTRY}
    assert jsonc.read(edited) == {**data, "mcpServers": servers}
    assert jsonc.put(edited, KEYS, ENTRY) == edited
    assert ("\r\n" in edited, edited.count("\n")) == (
        "\r\n" in text,
        edited.count("\r\n") or edited.count("\n"),
    ) or ("\n" not in text)
    keep = ("mcpServers",) if "mcpServers" in data else ()
    again = jsonc.remove(edited, KEYS, keep=keep)
    assert jsonc.read(again) == data
    emptied = data.get("mcpServers") == {} or not data
    assert again == text or emptied or "/" in text


@settings(deadline=None)
@given(json_texts())
def test_an_item_of_json_comes_and_goes(made: tuple[str, dict[str, Any]]) -> None:
    text, data = made
    keys = ("hooks\n", "Stop")
    edited = jsonc.append(jsonc.append(text, keys, "theirs"), keys, ENTRY)
    assert jsonc.read(edited, keys) == ["theirs", ENTRY]
    assert jsonc.read(jsonc.remove_items(edited, keys, lambda item: item == ENTRY)) == {
        **data,
        "hooks\n": {"Stop": ["theirs"]},
    }
    assert jsonc.read(jsonc.remove_items(edited, keys, lambda _: True)) == data


@settings(deadline=None)
@given(st.text(st.sampled_from('{}[]",:/*\n1a\\ ')))
def test_what_is_no_json_is_told_with_its_line(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with suppress(EditError):
            jsonc.parse(text)
    else:
        assert jsonc.parse(text).plain() == expected


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("", '{\n  "mcpServers": {\n    "ltmc": 1\n  }\n}\n'),
        ("{}", '{\n  "mcpServers": {\n    "ltmc": 1\n  }\n}'),
        ('{"a": [1]}', '{"a": [1], "mcpServers": {"ltmc": 1}}'),
        ('{"mcpServers":{}}', '{"mcpServers":{"ltmc": 1}}'),
        ('{\n\t"a": 1, // one\n}', '{\n\t"a": 1, // one\n\t"mcpServers": {\n\t\t"ltmc": 1\n\t},\n}'),
        (
            '{\n    "a": 1 /* one */\n}',
            '{\n    "a": 1, /* one */\n    "mcpServers": {\n        "ltmc": 1\n    }\n}',
        ),
        (
            '{\n  "mcpServers": {\n    "b": {"command": "b"}\n    // "c": {}\n  }\n}\n',
            '{\n  "mcpServers": {\n    "b": {"command": "b"},\n    "ltmc": 1\n    // "c": {}\n  }\n}\n',
        ),
    ],
)
def test_json_looks_as_a_person_would_have_written_it(text: str, edited: str) -> None:
    assert jsonc.put(text, KEYS, 1) == edited


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n"a": 1\n"b": 2}', 3),
        ('{"a": [1, 2}', 1),
        ('{\n\n"a": "x\n"}', 3),
        ('{"a": tru}', 1),
        ("{} {}", 1),
        ("{/*", 1),
        ("[" * 5000, 1),
        ('{\n"mcpServers": []}', 2),
        ("[]", 1),
    ],
)
def test_json_that_cannot_be_edited(text: str, line: int) -> None:
    with pytest.raises(EditError, match=f"^line {line}: "):
        jsonc.put(text, KEYS, 1)


TOML = """\
# mine
model = "gpt" # not in a [table]
notify = [
  "a", # [mcp_servers.ltmc]
]

[mcp_servers.other]
command = "x"
text = '''
[mcp_servers.ltmc]
'''

[[hooks.Stop]]
matcher = "\\"]"

[projects."/home/me/a.b"]
trust_level = "trusted"
"""
TABLE = ("mcp_servers", "ltmc")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("text", ["", "a = 1\n", TOML, TOML + "\n"])
def test_a_table_of_toml_comes_and_goes(text: str, newline: str) -> None:
    text = text.replace("\n", newline)
    edited = toml_text.put(text, TABLE, ENTRY)
    data = tomllib.loads(text)
    data.setdefault("mcp_servers", {})["ltmc"] = ENTRY
    assert tomllib.loads(edited) == data
    assert toml_text.put(edited, TABLE, ENTRY) == edited
    assert edited.count("\n") == edited.count(newline) or not text
    moved = toml_text.put(edited, TABLE, {"command": "/new", "args": []})
    assert tomllib.loads(moved)["mcp_servers"]["ltmc"] == {"command": "/new", "args": []}
    more = moved + f"[mcp_servers.ltmc.env]{newline}A = 'b'{newline}# theirs{newline}[z]{newline}"
    assert toml_text.remove(more, TABLE).endswith(f"# theirs{newline}[z]{newline}")
    assert tomllib.loads(toml_text.remove(more, TABLE)) == {**tomllib.loads(text), "z": {}}
    if not text.endswith(newline * 2):
        assert toml_text.remove(edited, TABLE) == text


@settings(deadline=None)
@given(st.dictionaries(names, st.text(max_size=5) | st.lists(st.text(max_size=3)), max_size=3))
def test_any_value_stands_in_toml(values: dict[str, Any]) -> None:
    entry = {f"k{place}": value for place, value in enumerate(values.values())}
    edited = toml_text.put(TOML, TABLE, entry)
    assert toml_text.read(edited, TABLE) == entry
    assert toml_text.put(edited, TABLE, entry) == edited


def test_an_entry_of_toml_keeps_what_a_person_added() -> None:
    text = "[ mcp_servers . 'ltmc' ] # mine\nenabled = false # off\nargs = [\n  'old', # ]\n]\n\n[x]\n"
    edited = toml_text.put(text, TABLE, ENTRY)
    assert toml_text.read(edited, TABLE) == {"enabled": False, **ENTRY}
    assert edited.startswith("[ mcp_servers . 'ltmc' ] # mine\nenabled = false # off\nargs = [")
    assert edited.endswith("\n\n[x]\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \n", 2),
        ("mcp_servers = {}\n", 1),
        ("mcp_servers = {ltmc = {command = 'a'}}\n", 1),
        ("mcp_servers.ltmc.command = 'a'\n", 1),
        ("mcp_servers = 3\n", 1),
        ("a = 'b", 1),
    ],
)
def test_toml_that_cannot_be_edited(text: str, line: int) -> None:
    with pytest.raises(EditError, match=f"^line {line}: "):
        toml_text.put(text, TABLE, ENTRY)


YAML = """\
# mine
GOOSE_PROVIDER: anthropic # yes

extensions:
  # the first
  developer:
    enabled: true
    args:
    - a
    text: |
      ltmc:
        b

  memory: {enabled: false}
slash_commands: []
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "a: 1\n",
        "a: 1",
        YAML,
        YAML.replace("slash_commands: []\n", ""),
        "extensions:\n    a:\n        b: 1\n",
        "extensions:\na: 1\n",
        "extensions: {} # none\n",
        "extensions: {a: {b: 1}}\nc: 2\n",
        "extensions: null\n",
        "---\nextensions:\n  a: 1\n",
    ],
)
def test_an_entry_of_yaml_comes_and_goes(text: str, newline: str) -> None:
    text = text.replace("\n", newline)
    edited = yaml_text.put(text, "extensions", "ltmc", ENTRY)
    data = yaml.safe_load(text) or {}
    data["extensions"] = {**(data.get("extensions") or {}), "ltmc": ENTRY}
    assert yaml.safe_load(edited) == data
    assert yaml_text.put(edited, "extensions", "ltmc", ENTRY) == edited
    assert edited.count("\n") == edited.count(newline) or "\n" not in text
    moved = yaml_text.put(edited, "extensions", "ltmc", {"command": "/new"})
    assert yaml.safe_load(moved)["extensions"]["ltmc"] == {**ENTRY, "command": "/new"}
    had = "extensions" in (yaml.safe_load(text) or {})
    again = yaml_text.remove(edited, "extensions", "ltmc", keep_section=had)
    emptied = had and not yaml.safe_load(text)["extensions"]
    assert again == text or emptied or not text.endswith("\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [\n", 3),
        ("a: 1\n---\nb: 2\n", 2),
        ("- a\n", 1),
        ("a: 1\nextensions: 3\n", 2),
        ("a: 1\nb: !!python/object:x {}\n", 2),
        ("b: &b\n  c: {}\nextensions: *b\n", 3),
    ],
)
def test_yaml_that_cannot_be_edited(text: str, line: int) -> None:
    with pytest.raises(EditError, match=f"^line {line}: "):
        yaml_text.put(text, "extensions", "ltmc", ENTRY)


@settings(deadline=None)
@given(st.text(st.sampled_from("a\n #<!-"), max_size=30), st.sampled_from(["\n", "\r\n"]))
def test_a_block_comes_is_rewritten_and_goes(text: str, newline: str) -> None:
    text = text.replace("\n", newline)
    edited = blocks.put(text, "one\ntwo\n")
    assert blocks.put(edited, "one\ntwo\n") == edited
    assert edited.startswith(text)
    longer = blocks.put(edited + "after", "three\n")
    assert "two" not in longer
    assert longer.endswith("after")
    if text.endswith(newline) and not text.endswith(newline * 2):
        assert blocks.remove(edited) == text


@pytest.mark.parametrize(
    "text", [blocks.BEGIN, blocks.END, f"{blocks.END}\n{blocks.BEGIN}", f"\n{blocks.BEGIN}" * 2]
)
def test_marks_that_are_no_pair_are_left_alone(text: str) -> None:
    for edit in (lambda: blocks.put(text, "a"), lambda: blocks.remove(text)):
        with pytest.raises(EditError, match="no pair"):
            edit()
