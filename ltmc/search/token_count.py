"""One estimate of how many model tokens a text takes, used wherever text is counted.

Words of up to four characters count one token and longer ones a token for each four characters begun;
each sign and each ideograph counts one. It needs no model and is the same everywhere. It lies near
what byte-pair encodings give for English and for code, and on the high side for most other text.
"""

import re
from collections.abc import Iterator

_PIECE = re.compile(r"[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,64}|\S")
CHARACTERS_A_TOKEN = 4


def pieces(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield each counted piece as (start, end, tokens)."""
    for match in _PIECE.finditer(text):
        start, end = match.span()
        yield start, end, -(-(end - start) // CHARACTERS_A_TOKEN)


def count_tokens(text: str) -> int:
    """Count the tokens in `text`, about."""
    return sum(tokens for _, _, tokens in pieces(text))
