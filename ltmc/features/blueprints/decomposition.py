"""Cutting a task into parts: from its description, from its skills, or from a template. Pure functions
but for the reading of templates.

A template is a JSON file: ``name``, ``title``, ``keywords`` that suggest it, and ``phases``, each with a
``title``, a ``description``, a ``share`` of the time, and optionally ``skills`` and ``after`` (positions of
the phases it waits for; by default the one before it). Files in the user's folder join those of LTMC; one of
the same name takes its place.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints.complexity import LIST_ITEM, words_of

PACKAGE = "ltmc.features.blueprints.template_library"
LAYERS = "layers"
"""The template of the layer-based strategy."""

DEFAULT_TEMPLATE = "feature"
_NUMBERED = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]", re.MULTILINE)
_CLAUSE = re.compile(
    r"(?:[.;!?](?:\s+|$)|\n+|,?\s+(?:and then|then|afterwards|finally)\s+|,\s+and\s+|,\s+|\s+and\s+(?=[a-z]+\s+\S))",
    re.IGNORECASE,
)
_SEQUENCE = re.compile(r"\b(?:then|afterwards|finally|after that|once)\b", re.IGNORECASE)
MIN_PART_CHARACTERS = 8


@dataclass(slots=True)
class Part:
    """A part of a task.

    Attributes:
        weight: its share of the time, relative to the other parts.
        after: the positions of the parts that it waits for.
    """

    title: str
    description: str
    weight: float = 1.0
    skills: list[str] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """A usual way to do a kind of task."""

    name: str
    title: str
    keywords: frozenset[str]
    phases: tuple[Part, ...]


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
    phases: list[Part] = []
    for place, phase in enumerate(data["phases"]):
        after = phase.get("after", [place - 1] if place else [])
        if any(not 0 <= one < place for one in after):
            raise ValueError(f"phases[{place}].after: only earlier phases")
        if not phase["share"] > 0:
            raise ValueError(f"phases[{place}].share: more than 0")
        phases.append(
            Part(
                phase["title"],
                phase.get("description", ""),
                float(phase["share"]),
                [skill.lower() for skill in phase.get("skills", [])],
                list(after),
            )
        )
    if len(phases) < 2:
        raise ValueError("phases: at least 2")
    keywords = frozenset(word.lower() for word in data.get("keywords", []))
    return Template(data["name"].lower(), data["title"], keywords, tuple(phases))


def choose_template(title: str, description: str, name: str | None) -> Template:
    """The named template, else the one with most keywords in the text, the title's counted double.

    Raises:
        LtmcError: INVALID_ARGUMENT with the known names.
    """
    known = templates()
    if name is not None:
        if name.lower() not in known:
            raise invalid("template", name, ", ".join(sorted(known)))
        return known[name.lower()]
    in_title, in_text = set(words_of(title)), set(words_of(description))

    def hits(template: Template) -> int:
        return 2 * len(template.keywords & in_title) + len(template.keywords & in_text)

    best = max(known.values(), key=lambda template: (hits(template), template.name != DEFAULT_TEMPLATE))
    return best if hits(best) else known[DEFAULT_TEMPLATE]


def from_description(description: str) -> list[Part]:
    """The parts that a description names: its list items, else its clauses; none if fewer than two.

    Numbered items, and clauses joined by words such as "then", follow one another.
    """
    items = [item.strip() for item in LIST_ITEM.findall(description)]
    if len(items) >= 2:
        sequence = bool(_NUMBERED.search(description))
    else:
        text = re.sub(r"[^\S\n]+", " ", description)
        items = [clause.strip(" \t-*") for clause in _CLAUSE.split(text)]
        sequence = bool(_SEQUENCE.search(description))
    items = list(dict.fromkeys(item for item in items if len(item) >= MIN_PART_CHARACTERS and " " in item))
    if len(items) < 2:
        return []
    return [
        Part(
            _as_title(item),
            item,
            math.log2(2 + len(item.split())),
            after=[place - 1] if sequence and place else [],
        )
        for place, item in enumerate(items)
    ]


def from_skills(title: str, skills: Sequence[str]) -> list[Part]:
    """One part for each skill, to be done side by side; none if fewer than two."""
    if len(skills) < 2:
        return []
    return [
        Part(_as_title(f"{title}: {skill}"), f"The {skill} part of: {title}.", 1.0, [skill])
        for skill in skills
    ]


def from_template(template: Template, title: str) -> list[Part]:
    """The phases of a template for a task."""
    return [
        Part(
            _as_title(f"{phase.title}: {title}"),
            f"{phase.description} Task: {title}.".strip(),
            phase.weight,
            list(phase.skills),
            list(phase.after),
        )
        for phase in template.phases
    ]


def plan(parts: Sequence[Part], minutes: int, *, most: int, target: int, skills: Sequence[str]) -> list[Part]:
    """The parts with minutes that sum to those of the task, at most `most` of them, each skill somewhere.

    The last parts are joined where there are too many. Parts longer than `target` minutes are halved while
    there is room.
    """
    found = [
        Part(part.title, part.description, part.weight, list(part.skills), list(part.after)) for part in parts
    ]
    most = min(most, minutes)
    while len(found) > max(1, most):
        last = found.pop()
        joined = found[-1]
        joined.title = _as_title(f"{joined.title}; {last.title}")
        joined.description = f"{joined.description}\n{last.description}"
        joined.weight += last.weight
        joined.skills = list(dict.fromkeys([*joined.skills, *last.skills]))
        joined.after = sorted({*joined.after, *last.after} - {len(found) - 1})
    _share_minutes(found, minutes)
    while len(found) < most and max(part.minutes for part in found) > target:
        _halve(found, max(range(len(found)), key=lambda place: found[place].minutes))
        _share_minutes(found, minutes)
    _give_skills(found, skills)
    return found


def _share_minutes(parts: Sequence[Part], minutes: int) -> None:
    """By weight, each at least 1, by largest remainder, so that they sum to `minutes`."""
    spare = minutes - len(parts)
    whole = sum(part.weight for part in parts)
    exact = [spare * part.weight / whole for part in parts]
    for part, share in zip(parts, exact, strict=True):
        part.minutes = 1 + int(share)
    left = minutes - sum(part.minutes for part in parts)
    for place in sorted(range(len(parts)), key=lambda one: (int(exact[one]) - exact[one], one))[:left]:
        parts[place].minutes += 1


def _halve(parts: list[Part], place: int) -> None:
    """Replace a part by two, one after the other; what waited for it waits for the second."""
    first = parts[place]
    base = re.sub(r" \(part \d+\)$", "", first.title)
    second = Part("", first.description, first.weight / 2, list(first.skills), [place])
    first.weight /= 2
    for part in parts:
        part.after = [one + (one >= place) for one in part.after]
    first.after = [one for one in first.after if one < place]
    parts.insert(place + 1, second)
    second.after = [place]
    same = [part for part in parts if part is second or re.sub(r" \(part \d+\)$", "", part.title) == base]
    for number, part in enumerate(same, start=1):
        part.title = _as_title(f"{base} (part {number})")


def _give_skills(parts: Sequence[Part], skills: Sequence[str]) -> None:
    """Each required skill to the parts whose words name it; to every part where none does."""
    for skill in skills:
        naming = [
            part
            for part in parts
            if skill in part.skills or skill in words_of(part.title + " " + part.description)
        ]
        for part in naming or parts:
            if skill not in part.skills:
                part.skills.append(skill)


def _as_title(text: str) -> str:
    title = " ".join(text.split()).rstrip(".;,:")
    title = title[:1].upper() + title[1:]
    return title if len(title) <= 200 else title[:199] + "…"
