"""Texts with made-up secrets: filled in here, so that no file of the repository holds what scanners look for."""

import random
import re
import string
from pathlib import Path

ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "ALNUM": string.ascii_uppercase + string.digits,
    "letters": string.ascii_letters,
    "digits": string.digits,
    "hex": "0123456789abcdef",
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "BASE32": string.ascii_uppercase + "234567",
    "BECH32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_SLOT = re.compile(r"\{(\w+):(\d+)\}")


def filled(line: str) -> str:
    """Return a line with ``{alnum:36}`` and the like filled in, the same in every run, and ⏎ as a line break."""
    chance = random.Random(line)

    def some(slot: "re.Match[str]") -> str:
        letters = ALPHABETS[slot[1]]
        text = "".join(chance.choices(letters, k=int(slot[2])))
        # A token ends where its alphabet does: begin and end with what is no sign.
        return (
            f"{chance.choice(letters[:10])}{text[1:-1]}{chance.choice(letters[:10])}"
            if len(text) > 1
            else text
        )

    line = line.replace("{uuid}", "{hex:8}-{hex:4}-4{hex:3}-a{hex:3}-{hex:12}").replace("⏎", "\n")
    return _SLOT.sub(some, line)


def listed(name: str) -> list[tuple[str, str]]:
    """Return the texts of a list, each with its source rule."""
    lines = Path(__file__).with_name(name).read_text("utf-8").splitlines()
    return [
        (rule, filled(text))
        for rule, _, text in (line.partition("\t") for line in lines if line and not line.startswith("#"))
    ]
