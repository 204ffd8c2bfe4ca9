"""Templates: usual ways to do a kind of task.

A template is a JSON file: ``name``, ``title``, ``keywords`` that suggest it (``topic``: true where they name what a
task is about rather than what is done), and ``phases``, each with a ``title``, a ``description``, a ``share`` of the
time, and optionally ``skills``, ``terms`` that belong to it, and ``after`` (positions of the phases it waits for; by
default the one before it). Files in the user's folder join those of LTMC; one of the same name takes its place.
"""

import json
import math
import re
import secrets
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.features.blueprints.lexicon import named, vocabulary
from ltmc.features.blueprints.steps import Step

PACKAGE = "ltmc.features.blueprints.template_library"
LAYERS = "layers"
"""The template of the layer-based strategy."""

DEFAULT_TEMPLATE = "feature"

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""Of a template that is kept by `keep`: its file is called so."""

LONGEST_FILE = 100_000
"""Of a template, in characters."""


@dataclass(slots=True)
class Subtask:
    """A part of a task.

    Attributes:
        weight: its share of the time, relative to the other parts.
        after: the positions of the parts that it waits for.
        terms: words of what belongs to it, beside those of its text.
        pieces: what of the task's description falls to it.
        titles: those of the parts that were joined in it, one of which may follow the other (`in_order`).
    """

    title: str
    description: str
    weight: float = 1.0
    skills: list[str] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    minutes: int = 0
    terms: tuple[str, ...] = ()
    pieces: list[Step] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A usual way to do a kind of task.

    Attributes:
        topic: its keywords tell what the task is about, not what is done.
        path: the user's file, None for one of LTMC's.
    """

    name: str
    title: str
    topic: bool
    keywords: frozenset[str]
    phases: tuple[Subtask, ...]
    path: Path | None = None


def templates_folder() -> Path:
    """Where users keep templates of their own: ``blueprint_templates`` in the configuration folder."""
    return Path(platformdirs.user_config_dir("ltmc", appauthor=False)) / "blueprint_templates"


def templates() -> dict[str, Template]:
    """Every template by name.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the user's file and what is wrong with it.
    """
    found, broken = library()
    for path, reason in broken.items():
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            f"template: the file {path} is no template: {reason}.",
            field="template",
            details={"path": str(path), "reason": reason},
        )
    return found


def library() -> tuple[dict[str, Template], dict[Path, str]]:
    """Return every template by name, and what is wrong with those files of the user that are none."""
    found: dict[str, Template] = {}
    broken: dict[Path, str] = {}
    for file in sorted(resources.files(PACKAGE).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            template = parse(file.read_text("utf-8"))
            found[template.name] = template
    folder = templates_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            template = replace(parse(path.read_text("utf-8")), path=path)
        except (OSError, ValueError) as error:
            broken[path] = str(error)
        else:
            found[template.name] = template
    return found, broken


def parse(text: str) -> Template:
    """Return the template that a JSON text holds.

    Raises:
        ValueError: it is none; says where and why.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise _wrong("the whole", "a JSON object with name, title, keywords and phases")
    phases: list[Subtask] = []
    given = _of(data, "phases", list)
    for place, phase in enumerate(given):
        at = f"phases[{place}]"
        if not isinstance(phase, dict):
            raise _wrong(at, "an object with title and share")
        after = _of(phase, "after", list, [place - 1] if place else [], at)
        if any(isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < place for one in after):
            raise ValueError(f"{at}.after: only earlier phases, the first is 0")
        share = _of(phase, "share", (int, float), None, at)
        if isinstance(share, bool) or not 0 < share < math.inf:
            raise ValueError(f"{at}.share: a number of more than 0")
        phases.append(
            Subtask(
                _filled(phase, "title", at),
                _of(phase, "description", str, "", at),
                float(share),
                [skill.lower() for skill in _texts(phase, "skills", at)],
                list(after),
                terms=tuple(_texts(phase, "terms", at)),
            )
        )
    if len(phases) < 2:
        raise ValueError("phases: at least 2")
    keywords = frozenset(word.lower() for word in _texts(data, "keywords"))
    topic = _of(data, "topic", bool, False)
    return Template(_filled(data, "name").lower(), _filled(data, "title"), topic, keywords, tuple(phases))


def _wrong(where: str, allowed: str) -> ValueError:
    return ValueError(f"{where}: {allowed}")


def _of(
    data: dict[str, Any], name: str, kind: type | tuple[type, ...], usual: Any = None, at: str = ""
) -> Any:
    """Return a value of a kind; `usual` (None: there is none) where it is left out."""
    where = f"{at}.{name}" if at else name
    if name not in data and usual is not None:
        return usual
    if name not in data:
        raise ValueError(f"{where}: missing")
    if not isinstance(data[name], kind):
        raise _wrong(where, _KINDS[kind])
    return data[name]


_KINDS = {str: "a text", list: "a list", bool: "true or false", (int, float): "a number of more than 0"}


def _filled(data: dict[str, Any], name: str, at: str = "") -> str:
    text = _of(data, name, str, None, at)
    if not text.strip():
        raise ValueError(f"{at + '.' if at else ''}{name}: a text that is not blank")
    return str(text)


def _texts(data: dict[str, Any], name: str, at: str = "") -> list[str]:
    texts = _of(data, name, list, [], at)
    if not all(isinstance(one, str) for one in texts):
        raise ValueError(f"{at + '.' if at else ''}{name}: a list of texts")
    return list(texts)


def keep(text: str, *, replace_own: bool) -> Template:
    """Keep a template among the user's own; one of LTMC's of the same name gives way to it.

    Raises:
        LtmcError: INVALID_ARGUMENT for what is no template; CONFLICT for the name of an own one, unless it is to be
            replaced.
    """
    try:
        if len(text) > LONGEST_FILE:
            raise ValueError(f"it has {len(text)} characters; {LONGEST_FILE} are allowed")
        template = parse(text)
        if not NAME.fullmatch(template.name):
            raise ValueError(
                "name: a to z, digits and _, up to 64, a letter first; it becomes the name of a file"
            )
    except (ValueError, RecursionError) as error:
        raise LtmcError(ErrorCode.INVALID_ARGUMENT, f"template: {error}.", field="template") from None
    path = own_file(template.name)
    if path is not None and not replace_own:
        message = f"template: {path} is there already; choose another name, or replace it."
        raise LtmcError(ErrorCode.CONFLICT, message, field="template", details={"path": str(path)})
    path = path or templates_folder() / f"{template.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.write_text(text if text.endswith("\n") else f"{text}\n", "utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return replace(template, path=path)


def remove(name: str) -> str:
    """Remove a template of the user's own; return its text. One of LTMC's of the same name comes back.

    Raises:
        LtmcError: NOT_FOUND where there is none.
    """
    path = own_file(name)
    if path is None:
        raise not_found("template", name, "template of your own")
    text = path.read_text("utf-8")
    path.unlink()
    return text


def own_file(name: str) -> Path | None:
    """Return the user's file of a template, None where there is none."""
    template = library()[0].get(name)
    return None if template is None else template.path


def choose_template(title: str, description: str, name: str | None) -> Template:
    """Return the named template, else the one with most keywords in the text, the title's counted double.

    Raises:
        LtmcError: INVALID_ARGUMENT with the known names.
    """
    known = templates()
    if name is not None:
        if name.lower() not in known:
            raise invalid("template", name, ", ".join(sorted(known)))
        return known[name.lower()]
    in_title, in_text = title.lower(), description.lower()
    title_words, text_words = vocabulary(in_title), vocabulary(in_text)

    def hits(template: Template) -> int:
        named_in_title = named(template.keywords, in_title, title_words)
        return 2 * len(named_in_title) + len(named(template.keywords, in_text, text_words))

    best = max(
        known.values(),
        key=lambda template: (hits(template), template.name != DEFAULT_TEMPLATE, not template.topic),
    )
    return best if hits(best) else known[DEFAULT_TEMPLATE]
