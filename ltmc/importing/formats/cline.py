"""Tasks of Cline and Roo Code: a file of JSON for each."""

import re
from collections.abc import Iterator
from pathlib import Path

from ltmc.features.hooks.marked_parts import without
from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import document
from ltmc.importing.texts import mapping, string, text_of

NAME = "cline"

_DETAILS = re.compile("<(?P<end>/)?environment_details>")
_WRAPPER = re.compile(r"</?(?:task|feedback|user_message|answer|user_input(?: mode=\"[a-z]{1,20}\")?)>\s*")
_FOLDER = re.compile(r"^# Current Work(?:ing|space) Directory \((?P<folder>[^)\n]+)\)", re.MULTILINE)
_ANSWER = re.compile(r"\[[^\n\]]{1,500}\] Result:")
"""How the answer of a tool begins."""


def detect(path: Path) -> bool:
    """Return whether a file is a task of Cline or Roo Code."""
    return path.name == "api_conversation_history.json" or path.name.endswith(".messages.json")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said."""
    content = document(path, position)
    messages = content if isinstance(content, list) else mapping(content).get("messages")
    task, folder = path.parent.name, string(mapping(content).get("cwd")) or _folder(path)
    began = int(task) if task.isdecimal() and len(task) < 20 else path.stat().st_mtime
    for number, one in enumerate(messages if isinstance(messages, list) else []):
        message = mapping(one)
        role, text = message.get("role"), text_of(message.get("content"))
        folder = found["folder"] if (found := _FOLDER.search(text)) else folder
        text = _WRAPPER.sub("", without(text, _DETAILS)).strip()
        if role not in ("user", "assistant") or not text or _ANSWER.match(text):
            position.skip("messages without text (calls of tools and what these answered)")
            continue
        at = message.get("ts") or began
        yield Said(f"{task}\n{number}\n{role}\n{text}", task, str(role), text, at, folder)


def _folder(path: Path) -> str | None:
    """Return the folder that a session of the program is of, from the file beside its messages."""
    about = path.with_name(f"{path.name.removesuffix('.messages.json')}.json")
    if about == path or not about.is_file():
        return None
    return string(mapping(document(about, Position())).get("cwd"))
