"""LTMC's guidance in a file of instructions that is a person's: one block between two marks."""

from ltmc.agents.text import EditError, line_of, newline_of

BEGIN, END = "<!-- ltmc:begin -->", "<!-- ltmc:end -->"


def find(text: str) -> tuple[int, int] | None:
    """Return from where to where the block goes, marks included; None where there is none.

    Raises:
        EditError: the marks are no pair, so that nobody can tell whose the text is.
    """
    begins, ends = text.count(BEGIN), text.count(END)
    if not begins and not ends:
        return None
    start = text.find(BEGIN)
    end = text.find(END, max(start, 0))
    if begins != 1 or ends != 1 or end < 0:
        place = start if start >= 0 else text.find(END)
        raise EditError(line_of(text, place), f"the marks {BEGIN} and {END} are no pair; repair them by hand")
    return start, end + len(END)


def put(text: str, content: str) -> str:
    """Return the text with the block, which is added at the end if it is missing."""
    newline = newline_of(text)
    block = newline.join([BEGIN, *content.strip("\n").split("\n"), END])
    if found := find(text):
        return text[: found[0]] + block + text[found[1] :]
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + block + newline


def remove(text: str) -> str:
    """Return the text without the block and the blank line before it."""
    found = find(text)
    if found is None:
        return text
    newline = newline_of(text)
    before, after = text[: found[0]], text[found[1] :].removeprefix("\r").removeprefix("\n")
    if before.endswith(newline * 2):
        before = before[: -len(newline)]
    return before + after
