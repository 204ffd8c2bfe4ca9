"""Cutting a task into subtasks: from its description, from its skills, or from a template."""

import math
from collections.abc import Sequence
from dataclasses import replace

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints import repository
from ltmc.features.blueprints.dependencies import Task
from ltmc.features.blueprints.lexicon import (
    canonical,
    groups,
    is_wide,
    named,
    signs,
    terms,
    vocabulary,
    weights,
)
from ltmc.features.blueprints.lifecycle import ids, require
from ltmc.features.blueprints.ordering import Edge, order
from ltmc.features.blueprints.results import Decomposition
from ltmc.features.blueprints.steps import Step, read_steps, shortened, task_title
from ltmc.features.blueprints.templates import LAYERS, Subtask, Template, choose_template
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT, described
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import blueprints, team, trash
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, Blueprint
from ltmc.timestamps import now

AUTO = "auto"
"""The strategy that takes what fits."""

DECOMPOSE_SCORE, DECOMPOSE_MINUTES = 0.7, 240
"""A task of at least this score or of more than these minutes should be cut into parts."""

MAX_DEPTH = 3
"""How many levels of subtasks there may be."""


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

        def planned_of(row: Blueprint) -> tuple[str, list[Subtask]]:
            used, parts = _cut(row, strategy, template)
            minutes, skills = row.estimated_duration_minutes, row.required_skills
            return used, plan(
                parts, minutes, most=max_subtasks, target=target_duration_minutes, skills=skills
            )

        async with self._engine.read() as tx:
            read = await require(tx, blueprint_id, project_id)
        used, planned = planned_of(read)
        ready = await index.prepare(BLUEPRINT, _drafts(read, planned))
        async with self._engine.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            children = await _children_to_replace(tx, row, replace=replace)
            minutes = row.estimated_duration_minutes
            needed = should_split(row.complexity_score, minutes)
            if row != read:
                used, planned = planned_of(row)
            if not needed and not force:
                return {
                    "blueprint_id": blueprint_id,
                    "requires_decomposition": needed,
                    "strategy_used": None,
                    "subtasks": [],
                    "parallel_minutes": minutes,
                    "sequential_minutes": minutes,
                }
            undo = await _delete_children(tx, children) if children else None
            made = await _insert_subtasks(tx, row, planned, ready)
            await blueprints.update(tx, blueprint_id, {"decomposition_strategy": used}, now())
        edges = [
            Edge(child.blueprint_id, made[place].blueprint_id)
            for child, part in zip(made, planned, strict=True)
            for place in part.after
        ]
        ordered = order(
            {one.blueprint_id: Task.of(one, one.estimated_duration_minutes) for one in made}, edges
        )
        done: Decomposition = {
            "blueprint_id": blueprint_id,
            "requires_decomposition": needed,
            "strategy_used": used,
            "subtasks": [
                {
                    "blueprint_id": child.blueprint_id,
                    "title": child.title,
                    **described(child.description),
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
        return done if undo is None else {**done, "undo": undo}


def should_split(complexity_score: float, minutes: int) -> bool:
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


async def _delete_children(tx: Transaction, children: Sequence[Blueprint]) -> str:
    """Delete earlier subtasks; return the token that puts them back."""
    families = [await blueprints.family(tx, child.blueprint_id) for child in children]
    gone = {one for family in families for one in ids(family)}
    project = children[0].project_id
    for assignment in await team.assignments(tx, project, open_only=True):
        if assignment.blueprint_id in gone:
            raise _conflict("replace", f"the subtask {assignment.blueprint_id} has an open assignment")
    forgetting = await trash.begin(tx, project, now(), {"blueprint": len(gone)})
    for child, family in zip(children, families, strict=True):
        await repository.delete(tx, child, family, forgetting)
    return forgetting.token


def _drafts(parent: Blueprint, parts: Sequence[Subtask]) -> list[Blueprint]:
    return [
        repository.draft(
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


async def _insert_subtasks(
    tx: Transaction, parent: Blueprint, parts: Sequence[Subtask], ready: index.Prepared
) -> list[Blueprint]:
    """Store the parts as children of a blueprint, with what they wait for."""
    moment = now()
    made = [await repository.insert(tx, child, ready) for child in _drafts(parent, parts)]
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


def _cut(row: Blueprint, strategy: str, template: str | None) -> tuple[str, list[Subtask]]:
    """Return the strategy used and its parts; together they hold the whole description.

    Raises:
        LtmcError: INVALID_ARGUMENT where the task gives the strategy that was asked for nothing to go by.
    """
    context, steps = read_steps(row.description)
    if template is not None and strategy not in (AUTO, "phase_based"):
        raise invalid("template", template, "left out, or with the strategy phase_based")
    if template is None and steps and strategy in (AUTO, "feature_based"):
        return "feature_based", from_steps(context, steps, row.title)
    if strategy == "feature_based":
        why = "auto, phase_based or layer_based, for the description names fewer than two parts; or list them in it"
        raise invalid("decomposition_strategy", strategy, why)
    if strategy == "skill_based":
        if len(row.required_skills) < 2:
            why = "another strategy, for the task requires fewer than two skills; or set required_skills"
            raise invalid("decomposition_strategy", strategy, why)
        parts, used = from_skills(row.title, row.required_skills), strategy
    else:
        layered = strategy == "layer_based"
        chosen = choose_template(row.title, row.description, LAYERS if layered else template)
        parts, used = from_template(chosen, row.title), "layer_based" if layered else "phase_based"
    spread(parts, context, steps)
    return used, parts


def _conflict(field: str, why: str) -> LtmcError:
    return LtmcError(ErrorCode.CONFLICT, f"{field}: {why}.", field=field, details={"reason": why})


def from_steps(context: str, steps: Sequence[Step], title: str) -> list[Subtask]:
    """Return the steps of a description as parts; the first of them also tells what is said of the whole."""
    return [
        Subtask(
            _as_title(task_title(step.title, title)),
            "" if place else context,
            _weight(step.text),
            after=list(step.after),
            pieces=[step],
        )
        for place, step in enumerate(steps)
    ]


def from_skills(title: str, skills: Sequence[str]) -> list[Subtask]:
    """One part for each skill, to be done side by side; none if fewer than two."""
    if len(skills) < 2:
        return []
    return [
        Subtask(_as_title(f"{title}: {skill}"), f"The {skill} part of: {title}.", 1.0, [skill])
        for skill in skills
    ]


def from_template(template: Template, title: str) -> list[Subtask]:
    """Return the phases of a template for a task."""
    return [
        Subtask(
            _as_title(f"{phase.title}: {title}"),
            phase.description,
            phase.weight,
            list(phase.skills),
            list(phase.after),
            terms=phase.terms,
        )
        for phase in template.phases
    ]


def spread(parts: Sequence[Subtask], context: str, steps: Sequence[Step]) -> None:
    """Give each step to the part that shares most of its terms, else to the longest; the first gets the context."""
    if context:
        parts[0].description = f"{parts[0].description}\n\n{context}".strip()
    known = terms("actions") | weights().keys()
    told = [
        named(known | set(part.terms), f"{part.title} {part.description}".lower())
        | {*part.skills, *part.terms}
        for part in parts
    ]
    for step in steps:
        text = step.text.lower()
        place = max(range(len(parts)), key=lambda one: (len(named(told[one], text)), parts[one].weight, -one))
        parts[place].pieces.append(step)


def plan(
    parts: Sequence[Subtask], minutes: int, *, most: int, target: int, skills: Sequence[str]
) -> list[Subtask]:
    """Return the parts with minutes that sum to those of the task, at most `most` of them, each skill somewhere.

    Neighbours are joined where there are too many. Parts longer than `target` minutes are cut further while
    there is room and their text names parts of its own.
    """
    found = [
        replace(part, skills=list(part.skills), after=list(part.after), pieces=list(part.pieces))
        for part in parts
    ]
    most = min(most, minutes)
    while len(found) > max(1, most):
        _join(found, min(range(len(found) - 1), key=lambda one: found[one].weight + found[one + 1].weight))
    _share_minutes(found, minutes)
    whole: set[str] = set()
    while long := [part for part in found if part.minutes > target and part.title not in whole]:
        part = max(long, key=lambda one: one.minutes)
        inner = _inner(part)
        if len(inner) < 2 or len(found) + len(inner) - 1 > most:
            whole.add(part.title)
        else:
            _replace(found, found.index(part), inner)
            _share_minutes(found, minutes)
    for part in found:
        part.description = f"{part.description}\n\n{_listed(part)}".strip() or part.title
    _give_skills(found, skills)
    return found


def _join(parts: list[Subtask], place: int) -> None:
    """Make one of a part and the one behind it; what waited for either waits for both."""
    part, gone = parts[place], parts.pop(place + 1)
    part.titles = [*(part.titles or [part.title]), *(gone.titles or [gone.title])]
    more = f" and {len(part.titles) - 1} more" if len(part.titles) > 2 else f"; {part.titles[1]}"
    part.title = _as_title(shortened(part.titles[0], 180) + more)
    part.description = f"{part.description}\n\n{gone.description}".strip()
    part.pieces += gone.pieces
    part.in_order = part.in_order or gone.in_order or place in gone.after
    part.weight += gone.weight
    part.skills = list(dict.fromkeys([*part.skills, *gone.skills]))
    part.after = sorted({*part.after, *gone.after} - {place})
    for later in parts[place + 1 :]:
        later.after = sorted({one - (one > place) for one in later.after})


def _listed(part: Subtask) -> str:
    """Return what of the task's description falls to a part: a list, numbered as there, if it is many steps."""
    if len(part.pieces) < 2:
        return "".join(step.text for step in part.pieces)
    numbered = part.in_order and not any(step.mark for step in part.pieces)
    lines = []
    for place, step in enumerate(part.pieces):
        mark = f"{step.mark} " if step.mark else f"{place + 1}. " if numbered else "- "
        lines.append(mark + step.text.replace("\n", "\n" + " " * len(mark)))
    return "\n".join(lines)


def _inner(part: Subtask) -> list[Subtask]:
    """Return the parts that the text of a part names; none if fewer than two."""
    context, steps = read_steps(_listed(part))
    inner = from_steps(context, steps, part.title)
    whole = sum(one.weight for one in inner)
    for one in inner:
        one.weight *= part.weight / whole
        one.skills = list(part.skills)
    if inner:
        inner[0].description = f"{part.description}\n\n{context}".strip()
    return inner


def _replace(parts: list[Subtask], place: int, inner: list[Subtask]) -> None:
    """Put the parts of a part in its stead; what waited for it waits for those of them that end it."""
    more = len(inner) - 1
    before = parts[place].after
    waited = {one for part in inner for one in part.after}
    ends = [place + one for one in range(len(inner)) if one not in waited]
    for part in inner:
        part.after = [place + one for one in part.after] or list(before)
    for part in parts[place + 1 :]:
        after = {one + more if one > place else one for one in part.after if one != place}
        part.after = sorted(after | set(ends) if place in part.after else after)
    parts[place : place + 1] = inner


def _weight(text: str) -> float:
    """Return how much there is to do by the length of its text; a character of a wide script is half a word."""
    words = len(text) / 2 if is_wide(text) else len(text.split())
    return math.log2(2 + words)


def _share_minutes(parts: Sequence[Subtask], minutes: int) -> None:
    """By weight, each at least 1, by largest remainder, so that they sum to `minutes`."""
    spare = minutes - len(parts)
    whole = sum(part.weight for part in parts)
    exact = [spare * part.weight / whole for part in parts]
    for part, share in zip(parts, exact, strict=True):
        part.minutes = 1 + int(share)
    left = minutes - sum(part.minutes for part in parts)
    for place in sorted(range(len(parts)), key=lambda one: (int(exact[one]) - exact[one], one))[:left]:
        parts[place].minutes += 1


def _give_skills(parts: Sequence[Subtask], skills: Sequence[str]) -> None:
    """Each required skill to the parts that name it or one akin to it; else to those that no skill is named in."""
    skilled = {canonical(skill): skill for skill in skills}
    texts = [f"{part.title} {part.description}".lower() for part in parts]
    told = [{canonical(word) for word in vocabulary(text)} for text in texts]
    akin = [
        {groups()[word] for word in words if word in groups()}
        | {signs()[word] for word in named(signs(), text, words)}
        for text, words in zip(texts, told, strict=True)
    ]
    left: list[str] = []
    for usual, skill in skilled.items():
        naming = [
            place
            for place, part in enumerate(parts)
            if skill in part.skills or usual in told[place] or named([skill], texts[place], told[place])
        ] or [place for place in range(len(parts)) if groups().get(usual, -1) in akin[place]]
        for place in naming:
            if skill not in parts[place].skills:
                parts[place].skills.append(skill)
        if not naming:
            left.append(skill)
    bare = [part for part in parts if not part.skills] or [max(parts, key=lambda part: part.weight)]
    for part in bare:
        part.skills += left


def _as_title(text: str) -> str:
    return shortened(" ".join(text.split()).rstrip(".;,:"), 200)
