"""Forgetting what filters choose, after a preview, and undoing it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.features.memory.removal import remove
from ltmc.features.memory.results import Forgotten, line_of
from ltmc.features.memory.timeline import settle
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT, CHUNK, MESSAGE, PAST, PATTERN, TODO, Kind
from ltmc.search.notes import note_more
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sources import Where, by_id
from ltmc.storage.tables import blueprints, forgettable, resources, trash
from ltmc.timestamps import format_utc, now, parse
from ltmc.tools.project_scope import elsewhere, owned, project_of, projects_read

KEPT_DAYS = 30
"""How long it can be undone; then it is gone from the disk too."""

MOST = 1_000
"""How many things are forgotten at a time, the oldest first."""

EXAMPLES = 5
"""How many of them a preview shows."""

_INDEXED: dict[str, Kind[Any]] = {"chat": MESSAGE, "todo": TODO, "pattern": PATTERN}
_RESTORED: tuple[Kind[Any], ...] = (CHUNK, PAST, BLUEPRINT, *_INDEXED.values())


class Selection(NamedTuple):
    """What the filters choose: of each kind the things, and how many there are beyond them."""

    project: str
    things: dict[str, list[forgettable.Thing]]
    left: int

    @property
    def total(self) -> int:
        """How many things are to be forgotten."""
        return sum(len(one) for one in self.things.values())

    @property
    def kinds(self) -> dict[str, int]:
        """How many of each kind."""
        return {kind: len(things) for kind, things in self.things.items()}

    @property
    def token(self) -> str:
        """What stands for exactly this selection."""
        ids = repr((self.project, [(kind, [one.id for one in of]) for kind, of in self.things.items()]))
        return f"ok_{hashlib.sha256(ids.encode()).hexdigest()[:12]}"

    def preview(self) -> Forgotten:
        """Return what is shown before anything is forgotten."""
        shown = [(kind, one) for kind, of in self.things.items() for one in of[:EXAMPLES]]
        found: Forgotten = {
            "preview": True,
            "total": self.total,
            "kinds": self.kinds,
            "examples": [
                {"kind": kind, "id": one.id, "title": line_of(one.title)} for kind, one in shown[:EXAMPLES]
            ],
        }
        if self.left:
            found["left"] = self.left
        if self.total:
            found["confirm"] = self.token
        return found


class ForgettingService:
    """Takes things out of everything at once, keeps them for a while, and puts them back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def forget(
        self, kind: str | None, where: Where, *, confirm: str | None, project_id: str | None
    ) -> Forgotten:
        """Show what the filters choose, or forget it when `confirm` is the token of just that.

        Raises:
            LtmcError: INVALID_ARGUMENT for filters that no kind has; NOT_FOUND for an id; CONFLICT with a new preview
                when the token is of another selection.
        """
        project, moment = project_of(project_id), now()
        kinds = _kinds(kind, where, project_given=project_id is not None)
        if confirm is None:
            async with self._engine.read() as tx:
                chosen = await _selection(tx, kinds, project, where)
                for other in projects_read(project_id)[1:] if "ids" not in where else ():
                    more = await _selection(tx, kinds, other, where)
                    note_more(more.total + more.left, "things", other)
                return chosen.preview()
        async with self._engine.write() as tx:
            selection = await _selection(tx, kinds, project, where)
            if confirm != selection.token:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    "confirm: it is not the token of what these filters choose now; details has a new preview.",
                    field="confirm",
                    details={**selection.preview()},
                )
            ids = {name: [one.id for one in things] for name, things in selection.things.items()}
            forgetting = await take(tx, project, moment, ids)
        done: Forgotten = {
            "forgotten": selection.total,
            "kinds": selection.kinds,
            "undo": forgetting.token,
            "until": format_utc(parse(moment) + timedelta(days=KEPT_DAYS)),
        }
        return {**done, "left": selection.left} if selection.left else done

    async def undo(self, token: str, project_id: str | None) -> Forgotten:
        """Put back what was forgotten.

        Raises:
            LtmcError: NOT_FOUND, also after it was undone or purged; CONFLICT for a memory under whose name
                something was stored since; CYCLE_DETECTED.
        """
        async with self._engine.read() as tx:
            await _require(tx, token, project_id)
            rows = {kind.name: await trash.kept(tx, kind.source, token) for kind in _RESTORED}
        ready = {kind.name: await index.prepare(kind, rows[kind.name]) for kind in _RESTORED}
        async with self._engine.write() as tx:
            forgetting = await _require(tx, token, project_id)
            if (name := await trash.name_taken(tx, token)) is not None:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"undo: {name!r} was stored anew since it was forgotten; forget that first.",
                    field="undo",
                    details={"file_name": name},
                )
            await _require_no_cycle(tx, forgetting)
            await trash.put_back(tx, token, now())
            for kind in _RESTORED:
                ids = [row.id for row in rows[kind.name]]
                found = await by_id(tx, kind.source, ids, visible=True)
                await index.add(tx, kind, list(found.values()), ready[kind.name])
            names = {row.file_name for kind in (CHUNK, PAST) for row in rows[kind.name]}
            for name in sorted(names):
                await settle(tx, forgetting.project_id, name, now())
        return {"restored": sum(forgetting.kinds.values()), "kinds": forgetting.kinds}


def _kinds(kind: str | None, where: Where, *, project_given: bool) -> list[str]:
    """Return the kinds that have all the filters."""
    if kind is None and "ids" in where:
        raise invalid("kind", None, f"with ids one of {', '.join(forgettable.KINDS)}")
    if kind is None and not where and not project_given:
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            "Nothing to forget; give a kind, a filter or a project_id.",
            details={"accepted": ["kind", "ids", "conversation_id", "tag", "prefix", "before", "project_id"]},
        )
    found = [one for one in forgettable.KINDS if kind in (None, one) and forgettable.offers(one, [*where])]
    if not found:
        having = [one for one in forgettable.KINDS if forgettable.offers(one, [*where])]
        allowed = ", ".join(having) or "none: no kind has these filters together"
        raise invalid("kind", kind, f"with {', '.join(where)}: {allowed}")
    return found


async def _selection(tx: Transaction, kinds: Sequence[str], project: str, where: Where) -> Selection:
    things: dict[str, list[forgettable.Thing]] = {}
    total = 0
    if "ids" in where and (one := await forgettable.unknown(tx, kinds[0], project, where["ids"])) is not None:
        own, *others = projects_read(None)
        having = [
            other
            for other in (others if project == own else ())
            if await forgettable.unknown(tx, kinds[0], other, [one]) is None
        ]
        raise not_found("ids", one, kinds[0], elsewhere(having[0]) if having else "")
    for kind in kinds:
        room = MOST - sum(len(one) for one in things.values())
        found = await forgettable.chosen(tx, kind, project, where, max(room, 1))
        if found:
            total += found[0].total
        if found and room:
            things[kind] = found
    return Selection(project, things, total - sum(len(one) for one in things.values()))


async def take(
    tx: Transaction, project: str, moment: str, chosen: Mapping[str, Sequence[Any]]
) -> trash.Forgetting:
    """Keep things, by kind their ids, in the trash and take them out of everything else."""
    forgetting = await trash.begin(tx, project, moment, {kind: len(ids) for kind, ids in chosen.items()})
    for kind, ids in chosen.items():
        await _take(tx, forgetting, kind, ids)
    return forgetting


async def _take(tx: Transaction, forgetting: trash.Forgetting, kind: str, ids: Sequence[Any]) -> None:
    await trash.keep(tx, forgetting, kind, ids, delete=kind != "memory")
    if kind == "memory":
        for resource_id in sorted(ids, reverse=True):  # no link goes to a version that goes too
            row = await resources.get(tx, resource_id)
            if row is not None:
                await remove(tx, row)
    elif kind == "dependency":
        from ltmc.features.blueprints.lifecycle import (
            wake,
        )  # with all of planning, of which memories need nothing

        await wake(tx, sorted({pair.partition(">")[0] for pair in ids}), forgetting.forgotten_at)
    elif kind in _INDEXED:
        await index.remove(tx, _INDEXED[kind], ids)


async def _require(tx: Transaction, token: str, project_id: str | None) -> trash.Forgetting:
    found = await trash.find(tx, token)
    if found is None:
        raise not_found("undo", token, "forgetting", "it was undone, or is gone for good")
    return owned(found, project_id, "undo", token, "forgetting")


async def _require_no_cycle(tx: Transaction, forgetting: trash.Forgetting) -> None:
    """Raise CYCLE_DETECTED when dependencies that come back would close a circle."""
    from ltmc.features.blueprints.ordering import Edge, cycle_detected, path_between

    edges = [
        Edge(one.dependent_blueprint_id, one.prerequisite_blueprint_id, one.dependency_type)
        for one in await blueprints.dependencies(tx, forgetting.project_id)
    ]
    for one in await trash.dependencies(tx, forgetting.token):
        back = path_between(edges, one.prerequisite_blueprint_id, one.dependent_blueprint_id)
        if back is not None:
            raise cycle_detected("undo", [one.dependent_blueprint_id, *back])
        edges.append(Edge(one.dependent_blueprint_id, one.prerequisite_blueprint_id, one.dependency_type))
