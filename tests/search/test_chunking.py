"""Chunking loses nothing; counting and packing keep their word."""

from hypothesis import given
from hypothesis import strategies as st

from ltmc.search.chunking import chunk
from ltmc.search.packing import Passage, pack
from ltmc.search.token_count import count_tokens

PIECES = [
    "word ",
    "\n\n",
    ". ",
    "# Head\n",
    "漢字。",
    "def f():\n",
    "\n",
    "  ",
    "x" * 90,
    "...",
    "é",
    "\t",
    "🎉",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=200).map("".join)


@given(TEXTS, st.integers(20, 80))
def test_chunks_cover_the_text_and_keep_to_their_size(text: str, size: int) -> None:
    covered = 0
    for part in chunk(text, size, size // 8):
        assert text[part.start : part.end] == part.text
        assert part.start <= covered < part.end
        assert count_tokens(part.text) <= size
        covered = part.end
    assert covered == len(text)


def test_chunks_begin_at_headings_and_definitions() -> None:
    text = "".join(f"# Part {n}\n{'Some words here. ' * 20}\n" for n in range(10))
    assert all(part.text.startswith("# Part") for part in chunk(text, 120, 0))
    code = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(40))
    assert all(part.text.startswith("def f") for part in chunk(code, 60, 0))


def test_neighbouring_chunks_overlap() -> None:
    parts = chunk("A sentence of six words here. " * 300)
    assert all(later.start < earlier.end for earlier, later in zip(parts, parts[1:], strict=False))


@given(st.lists(st.tuples(TEXTS, st.floats(0, 1), st.booleans()), max_size=8), st.integers(16, 200))
def test_packing_keeps_to_the_budget(items: list[tuple[str, float, bool]], budget: int) -> None:
    documents = [
        Passage(str(n), text, "Title" if titled else "", score)
        for n, (text, score, titled) in enumerate(items)
    ]
    packed = pack(documents, budget)
    assert packed.tokens == count_tokens(packed.text) <= budget
    assert sorted(packed.included + packed.omitted, key=int) == [document.key for document in documents]
    assert set(packed.truncated) <= set(packed.included)
    assert len(packed.truncated) <= 1
