"""What the editors of the different formats share: the error of a text that cannot be edited, and line ends."""


class EditError(Exception):
    """A text that is not what its format says, or is so in a way that is not edited.

    Args:
        line: where, from 1.
        why: the rest of the sentence.
    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")


def newline_of(text: str) -> str:
    """Return the line end of a text: that of its first line."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def line_of(text: str, position: int) -> int:
    """Return the number of the line at a position, from 1."""
    return text.count("\n", 0, position) + 1


def indent_before(text: str, position: int) -> str | None:
    """Return the white space between a line's start and a position in it; None if there is more than that."""
    start = text.rfind("\n", 0, position) + 1
    found = text[start:position]
    return found if not found.strip(" \t") else None


def line_indent(text: str, position: int) -> str:
    """Return the white space at the start of the line at a position."""
    start = text.rfind("\n", 0, position) + 1
    end = start
    while end < len(text) and text[end] in " \t":
        end += 1
    return text[start:end]


def line_end(text: str, position: int) -> int:
    """Return where the line at a position ends, before its line end."""
    end = text.find("\n", position)
    if end < 0:
        return len(text)
    return end - 1 if end > position and text[end - 1] == "\r" else end
