"""Cutting a task into subtasks: from its description, from its skills, or from a template."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.blueprints import repository
from ltmc.features.blueprints.complexity import LIST_ITEM, words_of
from ltmc.features.blueprints.dependencies import Task
from ltmc.features.blueprints.lifecycle import ids, require
from ltmc.features.blueprints.ordering import Edge, order
from ltmc.features.blueprints.results import Decomposition
from ltmc.features.blueprints.templates import LAYERS, Part, Template, choose_template
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import blueprints, team
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, Blueprint
from ltmc.timestamps import now

AUTO = "auto"
"""The strategy that takes what fits."""

DECOMPOSE_SCORE, DECOMPOSE_MINUTES = 0.7, 240
"""A task of at least this score or of more than these minutes should be cut into parts."""

MAX_DEPTH = 3
"""How many levels of subtasks there may be."""

_NUMBERED = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]", re.MULTILINE)
_CLAUSE = re.compile(
    r"(?:[.;!?](?:\s+|$)|\n+|,?\s+(?:and then|then|afterwards|finally)\s+|,\s+and\s+|,\s+|\s+and\s+(?=[a-z]+\s+\S))",
    re.IGNORECASE,
)
_SEQUENCE = re.compile(r"\b(?:then|afterwards|finally|after that|once)\b", re.IGNORECASE)
MIN_PART_CHARACTERS = 8


class DecompositionService:
    """Cuts tasks into child blueprints."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def decompose(
        self,
        blueprint_id: str,
        *,
        strategy: str,
        template: str | None,
        max_subtasks: int,
        target_duration_minutes: int,
        force: bool,
        replace: bool,
        project_id: str | None,
    ) -> Decomposition:
        """Cut a task into child blueprints whose minutes sum to its own.

        Raises:
            LtmcError: CONFLICT when it has children already and `replace` is not set, is not open, or
                stands too deep; INVALID_ARGUMENT for an unknown template.
        """
        async with self._engine.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            children = await _children_to_replace(tx, row, replace=replace)
            minutes = row.estimated_duration_minutes
            needed = needs_parts(row.complexity_score, minutes)
            used, parts = _cut(row, strategy, template)
            if not needed and not force:
                return {
                    "blueprint_id": blueprint_id,
                    "requires_decomposition": needed,
                    "strategy_used": None,
                    "subtasks": [],
                    "parallel_minutes": minutes,
                    "sequential_minutes": minutes,
                }
            for child in children:
                await _delete_child(tx, child)
            planned = plan(
                parts,
                minutes,
                most=max_subtasks,
                target=target_duration_minutes,
                skills=row.required_skills,
            )
            made = await _insert_parts(tx, row, planned)
            await blueprints.update(tx, blueprint_id, {"decomposition_strategy": used}, now())
        edges = [
            Edge(child.blueprint_id, made[place].blueprint_id)
            for child, part in zip(made, planned, strict=True)
            for place in part.after
        ]
        ordered = order({child.blueprint_id: Task.of(child) for child in made}, edges)
        return {
            "blueprint_id": blueprint_id,
            "requires_decomposition": needed,
            "strategy_used": used,
            "subtasks": [
                {
                    "blueprint_id": child.blueprint_id,
                    "title": child.title,
                    "description": child.description,
                    "complexity": child.complexity,
                    "complexity_score": child.complexity_score,
                    "estimated_duration_minutes": child.estimated_duration_minutes,
                    "required_skills": child.required_skills,
                    "depends_on": [made[place].blueprint_id for place in part.after],
                }
                for child, part in zip(made, planned, strict=True)
            ],
            "parallel_minutes": ordered.critical_minutes,
            "sequential_minutes": ordered.total_minutes,
        }


def needs_parts(complexity_score: float, minutes: int) -> bool:
    """Tell whether a task is so complex or long that it should be cut."""
    return complexity_score >= DECOMPOSE_SCORE or minutes > DECOMPOSE_MINUTES


async def _children_to_replace(tx: Transaction, row: Blueprint, *, replace: bool) -> list[Blueprint]:
    if row.status not in OPEN_STATUSES:
        raise _conflict("blueprint_id", f"a {row.status} blueprint is not decomposed")
    if len(await blueprints.ancestors(tx, row.blueprint_id)) >= MAX_DEPTH:
        raise _conflict("blueprint_id", f"it stands {MAX_DEPTH} levels deep, which is the most")
    children = await blueprints.children(tx, row.blueprint_id)
    if children and not replace:
        raise _conflict("replace", f"it has {len(children)} subtasks; set replace to make new ones")
    return children


async def _delete_child(tx: Transaction, child: Blueprint) -> None:
    family = await blueprints.family(tx, child.blueprint_id)
    gone = ids(family)
    for assignment in await team.assignments(tx, child.project_id, open_only=True):
        if assignment.blueprint_id in gone:
            raise _conflict("replace", f"the subtask {assignment.blueprint_id} has an open assignment")
    await repository.delete(tx, child, family)


async def _insert_parts(tx: Transaction, parent: Blueprint, parts: Sequence[Part]) -> list[Blueprint]:
    """Store the parts as children of a blueprint, with what they wait for."""
    moment = now()
    made = [
        await repository.insert(
            tx,
            parent.project_id,
            {
                "parent_id": parent.blueprint_id,
                "title": part.title,
                "description": part.description,
                "required_skills": part.skills,
                "priority_score": parent.priority_score,
                "tags": parent.tags,
                "estimated_duration_minutes": part.minutes,
                **repository.complexity_columns(part.title, part.description, part.skills, None),
            },
        )
        for part in parts
    ]
    for child, part in zip(made, parts, strict=True):
        for place in part.after:
            await repository.depend(
                tx,
                parent.project_id,
                child.blueprint_id,
                made[place].blueprint_id,
                BLOCKING,
                False,
                moment,
            )
    return made


def _cut(row: Blueprint, strategy: str, template: str | None) -> tuple[str, list[Part]]:
    """Return the strategy that fits and its parts; one that finds no parts gives way to a template's phases."""
    if (
        template is None
        and strategy in (AUTO, "feature_based")
        and (parts := from_description(row.description))
    ):
        return "feature_based", parts
    if (
        template is None
        and strategy == "skill_based"
        and (parts := from_skills(row.title, row.required_skills))
    ):
        return strategy, parts
    layered = strategy == "layer_based" and template is None
    chosen = choose_template(row.title, row.description, LAYERS if layered else template)
    return "layer_based" if layered else "phase_based", from_template(chosen, row.title)


def _conflict(field: str, why: str) -> LtmcError:
    return LtmcError(ErrorCode.CONFLICT, f"{field}: {why}.", field=field, details={"reason": why})


def from_description(description: str) -> list[Part]:
    """Return the parts that a description names: its list items, else its clauses; none if fewer than two.

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
    """Return the phases of a template for a task."""
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
    """Return the parts with minutes that sum to those of the task, at most `most` of them, each skill somewhere.

    The last parts are joined where there are too many. Parts longer than `target` minutes are halved while
    there is room.
    """
    found = [replace(part, skills=list(part.skills), after=list(part.after)) for part in parts]
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
