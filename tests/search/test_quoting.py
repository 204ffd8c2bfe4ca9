"""Sentences that can be quoted of a text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltmc.search.quoting import asks_for_code, sentences

PAGE = """# Deploying

We deploy on Tuesdays. Nobody deploys on a Friday, since the on-call engineer would have to
work on the weekend, e.g. when a migration fails.

- Ask Ann first.
- Then run the script:

```sh
./deploy.sh --now
```

| step | who |
| --- | --- |
| tag | Ann |

Rolling back
============
Run it with the old tag.
"""


FRIDAY = (
    "Nobody deploys on a Friday, since the on-call engineer would have to work on the weekend, "
    "e.g. when a migration fails."
)


@pytest.mark.parametrize(
    "text", ["Branches begin with the ticket, e.g. PAY-112-refund.", "Ask Dr. Lee (vs. Mr. Roe) first."]
)
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert [sentence.text for sentence in sentences(f"{text} Then merge.")] == [text, "Then merge."]


def test_wrapped_lines_are_joined_and_headings_left_out() -> None:
    found = [sentence.text for sentence in sentences(PAGE) if not sentence.is_code]
    assert found == [
        "We deploy on Tuesdays.",
        FRIDAY,
        "Ask Ann first.",
        "Then run the script:",
        "| step | who |",
        "| tag | Ann |",
        "Run it with the old tag.",
    ]
    assert [sentence.text for sentence in sentences(PAGE) if sentence.is_code] == ["./deploy.sh --now"]


def test_lines_of_their_own_stay_apart() -> None:
    assert [sentence.text for sentence in sentences("Host: db1\nPort: 5432\n")] == ["Host: db1", "Port: 5432"]


def test_a_part_has_the_whole_sentences_that_it_touches() -> None:
    start = PAGE.index("since")
    assert [sentence.text[:6] for sentence in sentences(PAGE, start, start + 5)] == ["Nobody"]


@given(st.text(alphabet="ab.!?。\n -#`|*=~1\t:_<>[]()", max_size=200))
def test_places_are_in_the_text_and_in_order(text: str) -> None:
    found = sentences(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert all(one.text.strip() for one in found)


@pytest.mark.parametrize(
    "line", ["[", "[![", "](", "![", "`", "<", "# ", "- ", "|-", ":a", "http://", "a.", "1. ", "= "]
)
def test_a_megabyte_is_read_in_time(line: str) -> None:
    started = time.monotonic()
    sentences(line * (1_000_000 // len(line)))
    sentences((line + "\n") * (500_000 // len(line)))
    assert time.monotonic() - started < 10


def test_questions_for_code_are_told_from_others() -> None:
    assert asks_for_code("which command restarts it")
    assert not asks_for_code("when does it restart")
