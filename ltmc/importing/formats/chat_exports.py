"""What ChatGPT and Claude give out: conversations as an array of JSON, in a zip file, a folder or alone."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ltmc.importing.items import Item, Noted, Position, Said
from ltmc.importing.streams import array, file_blocks, member_blocks, members
from ltmc.importing.texts import mapping, name_of, string, text_of

NAME = "chat-export"

_CONVERSATIONS = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json")
_PROJECTS = re.compile(r"(?:.*/)?projects\.json")
_NO_TEXT = "messages without text (calls of tools and what these answered)"


def detect(path: Path) -> bool:
    """Return whether a file or folder holds exported conversations."""
    if path.is_dir():
        with suppress(OSError):
            return any(_CONVERSATIONS.fullmatch(one.name) for one in path.iterdir())
        return False
    if path.suffix.lower() != ".zip":
        return _CONVERSATIONS.fullmatch(path.name) is not None
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_CONVERSATIONS.fullmatch(member.filename) for member in members(archive))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said, and the documents of projects."""
    with ExitStack() as stack:
        for name, blocks in _files(path, position, stack):
            for one in array(blocks, position):
                if _PROJECTS.fullmatch(name):
                    yield from _documents(one)
                elif isinstance(one.get("mapping"), dict):
                    yield from _of_chatgpt(one, position)
                elif isinstance(one.get("chat_messages"), list):
                    yield from _of_claude(one, position)
                else:
                    position.skip("conversations of an unknown shape")


def files(folder: Path) -> list[Path]:
    """Return the files of an exported folder that are read, in order."""
    return [file for file in sorted(folder.iterdir()) if _is_read(file.name) and file.is_file()]


def _is_read(name: str) -> bool:
    return bool(_CONVERSATIONS.fullmatch(name) or _PROJECTS.fullmatch(name))


def _files(path: Path, position: Position, stack: ExitStack) -> Iterator[tuple[str, Iterable[bytes]]]:
    if path.is_dir():
        for file in files(path):
            yield file.name, file_blocks(file)
    elif path.suffix.lower() == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        for member in members(archive):
            if _is_read(member.filename):
                yield member.filename, member_blocks(archive, member, position)
    else:
        yield path.name, file_blocks(path)


def _of_chatgpt(conversation: dict[str, Any], position: Position) -> Iterator[Item]:
    nodes = mapping(conversation["mapping"])
    name = string(conversation.get("conversation_id")) or string(conversation.get("id"))
    line: list[str] = []
    node = conversation.get("current_node") or next(reversed(nodes), None)
    while isinstance(node, str) and node in nodes and len(line) <= len(nodes):
        line.append(node)
        node = mapping(nodes[node]).get("parent")
    title, key = string(conversation.get("title")), name or f"{conversation.get('create_time')}"
    for node_id in reversed(line):
        message = mapping(mapping(nodes[node_id]).get("message"))
        role, content = mapping(message.get("author")).get("role"), mapping(message.get("content"))
        text = (
            text_of(content.get("parts"))
            if content.get("content_type") in ("text", "multimodal_text")
            else ""
        )
        if role not in ("user", "assistant") or not text.strip():
            position.skip(_NO_TEXT)
            continue
        yield Said(
            key=f"{key}\n{node_id}",
            conversation=key,
            role=str(role),
            text=text,
            at=message.get("create_time") or conversation.get("create_time"),
            metadata={"client": "ChatGPT"} | ({"title": title} if title else {}),
        )


def _of_claude(conversation: dict[str, Any], position: Position) -> Iterator[Item]:
    name, title = string(conversation.get("uuid")), string(conversation.get("name"))
    for number, one in enumerate(conversation["chat_messages"]):
        message = mapping(one)
        text = string(message.get("text")) or text_of(message.get("content"))
        if message.get("sender") not in ("human", "assistant") or not text.strip() or name is None:
            position.skip(_NO_TEXT)
            continue
        yield Said(
            key=string(message.get("uuid")) or f"{name}\n{number}",
            conversation=name,
            role="user" if message["sender"] == "human" else "assistant",
            text=text,
            at=message.get("created_at") or conversation.get("created_at"),
            metadata={"client": "Claude"} | ({"title": title} if title else {}),
        )


def _documents(project: dict[str, Any]) -> Iterator[Item]:
    title = name_of((string(project.get("name")) or "project").replace("/", " "), 80)
    documents = project.get("docs")
    for one in documents if isinstance(documents, list) else []:
        name, text = string(mapping(one).get("filename")), string(mapping(one).get("content"))
        if name and text:
            origin = f"{project.get('uuid')}\n{mapping(one).get('uuid') or name}"
            at = mapping(one).get("created_at")
            yield Noted(f"claude/{title}/{name_of(name, 150)}", text, origin, "document", at=at)
