"""Templates: usual ways to do a kind of task.

A template is a JSON file: ``name``, ``title``, ``keywords`` that suggest it (``topic``: true where they name what a
task is about rather than what is done), and ``phases``, each with a ``title``, a ``description``, a ``share`` of the
time, and optionally ``skills``, ``terms`` that belong to it, and ``after`` (positions of the phases it waits for; by
default the one before it). Files in the user's folder join those of LTMC; one of the same name takes its place.
"""

import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints.lexicon import named, vocabulary
from ltmc.features.blueprints.steps import Step

PACKAGE = "ltmc.features.blueprints.template_library"
LAYERS = "layers"
"""The template of the layer-based strategy."""

DEFAULT_TEMPLATE = "feature"


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
    """A usual way to do a kind of task; `topic`: its keywords tell what the task is about, not what is done."""

    name: str
    title: str
    topic: bool
    keywords: frozenset[str]
    phases: tuple[Subtask, ...]


def templates_folder() -> Path:
    """Where users keep templates of their own: ``blueprint_templates`` in the configuration folder."""
    return Path(platformdirs.user_config_dir("ltmc", appauthor=False)) / "blueprint_templates"


def templates() -> dict[str, Template]:
    """Every template by name.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the user's file and what is wrong with it.
    """
    found: dict[str, Template] = {}
    for file in sorted(resources.files(PACKAGE).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            template = _template(json.loads(file.read_text("utf-8")))
            found[template.name] = template
    folder = templates_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            template = _template(json.loads(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"template: the file {path} is no template: {error!r}.",
                field="template",
                details={"path": str(path), "reason": repr(error)},
            ) from None
        found[template.name] = template
    return found


def _template(data: dict[str, Any]) -> Template:
    phases: list[Subtask] = []
    for place, phase in enumerate(data["phases"]):
        after = phase.get("after", [place - 1] if place else [])
        if any(not 0 <= one < place for one in after):
            raise ValueError(f"phases[{place}].after: only earlier phases")
        if not phase["share"] > 0:
            raise ValueError(f"phases[{place}].share: more than 0")
        phases.append(
            Subtask(
                phase["title"],
                phase.get("description", ""),
                float(phase["share"]),
                [skill.lower() for skill in phase.get("skills", [])],
                list(after),
                terms=tuple(phase.get("terms", ())),
            )
        )
    if len(phases) < 2:
        raise ValueError("phases: at least 2")
    keywords = frozenset(word.lower() for word in data.get("keywords", []))
    return Template(data["name"].lower(), data["title"], bool(data.get("topic")), keywords, tuple(phases))


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
