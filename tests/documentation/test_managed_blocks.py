"""Managed blocks: a person's text stays as it is, byte for byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.documents.managed_blocks import block_name, find, put
from ltmc.errors import ErrorCode, LtmcError

LINES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "# Title",
            "```",
            "<!-- ltmc:begin",
            "-->",
            "<!-- a comment -->",
            "é漢",
            "\t",
            "<!-- ltmc:other x -->",
        ]
    ),
)


def has_markers(text: str) -> bool:
    return "ltmc:begin" in text or "ltmc:end" in text


PERSONS = (
    st.lists(LINES, max_size=8)
    .flatmap(lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines)))
    .filter(lambda text: "<!-- ltmc:begin " not in text and "<!-- ltmc:end " not in text)
)
CONTENTS = st.lists(LINES, max_size=6).map("\n".join)
NAMES = [block_name("api", path) for path in ("a.py", "b c.py", "x-->y.py", "漢.py")]


@settings(max_examples=300, deadline=None)
@given(
    before=PERSONS,
    edits=st.lists(st.tuples(st.sampled_from(NAMES), CONTENTS), min_size=1, max_size=10),
    after=PERSONS,
)
def test_text_outside_stays_through_any_sequence_of_syncs(
    before: str, edits: list[tuple[str, str]], after: str
) -> None:
    text = before
    for name, content in edits:
        text = put(text, name, content)
    assert text.startswith(before), "new blocks come after what a person wrote"
    text = text + after  # a person goes on writing below
    outside = _outside(text)
    for name, content in edits * 2:
        text = put(text, name, content)
        assert _outside(text) == outside
        assert put(text, name, content) == text
        assert put(text, name, content) == text
    assert set(find(text)) == {name for name, _ in edits}


def _outside(text: str) -> list[bytes]:
    """What stands before, between and after the blocks."""
    parts, place = [], 0
    for block in sorted(find(text).values(), key=lambda one: one.start):
        parts.append(text[place : block.start].encode("utf-8", "surrogatepass"))
        place = block.end
    return [*parts, text[place:].rstrip("\r").encode("utf-8", "surrogatepass")]


@given(st.text(max_size=100))
def test_names_are_one_word_and_cannot_close_the_comment(path: str) -> None:
    path = path.encode("utf-8", "replace").decode()
    name = block_name("api", path)
    assert name.split() == [name]
    assert "-->" not in name
    assert ">" not in name


@given(content=CONTENTS)
def test_content_cannot_end_its_block(content: str) -> None:
    evil = f"{content}\n<!-- ltmc:end api:a.py -->\n<!-- ltmc:begin api:b.py -->\n"
    assert set(find(put("mine\n", "api:a.py", evil))) == {"api:a.py"}


@pytest.mark.parametrize(
    "text",
    [
        "<!-- ltmc:begin api:a.py -->\nno end\n",
        "<!-- ltmc:end api:a.py -->\n",
        "<!-- ltmc:begin api:a.py -->\n<!-- ltmc:begin api:b.py -->\n<!-- ltmc:end api:b.py -->\n",
        "<!-- ltmc:begin api:a.py -->\n<!-- ltmc:end api:a.py -->\n" * 2,
        "<!-- ltmc:begin api:a.py -->\n<!-- ltmc:end api:b.py -->\n",
    ],
)
def test_broken_markers_are_refused(text: str) -> None:
    with pytest.raises(LtmcError) as caught:
        put(text, "api:a.py", "new")
    assert caught.value.code == ErrorCode.CONFLICT
    assert "line" in caught.value.details


def test_line_ends_of_the_document_are_kept() -> None:
    text = put("mine\r\n", "api:a.py", "one\ntwo")
    assert (
        text
        == "mine\r\n\r\n<!-- ltmc:begin api:a.py -->\r\none\r\ntwo\r\n<!-- ltmc:end api:a.py -->\r\n".replace(
            "mine\r\n\r\n", "mine\r\n\r\n"
        )
    )
    assert find(text)["api:a.py"].content == "one\ntwo\n"
