"""Looking after memories from a terminal: what is there, what changes and what is forgotten."""

import asyncio
import sys
from contextlib import suppress
from typing import Any

import click

from ltmc.cli.options import (
    Table,
    call_tool,
    load_settings,
    local,
    print_json,
    settings_here,
    show_found,
    show_notes,
    with_database,
    with_json,
    with_project,
    with_times,
)
from ltmc.errors import LtmcError, invalid
from ltmc.settings import AUTO
from ltmc.tools.project_scope import DEFAULT_PROJECT


def _paged(command: Any) -> Any:
    """Add the options of a page."""
    offset = click.option("--offset", default=0, help="How many to skip.")
    return click.option("--limit", default=20, show_default=True, help="How many at most.")(offset(command))


@click.command("list")
@click.option("--tag", help="With this tag.")
@click.option("--prefix", help="With a name that begins so, such as decisions/.")
@click.option("--branch", help="Stored while this branch was checked out.")
@_paged
@with_project
@with_database
@with_json
def list_memories(as_json: bool, db: Any, project_id: str | None, **given: Any) -> None:
    """List the current memories, the newest first."""
    answer = call_tool("list_memories", given, existing=True, db=db, project_id=project_id)
    if as_json:
        print_json(answer)
        return

    def cells(one: dict[str, Any]) -> tuple[str, ...]:
        shown = (str(one["resource_id"]), one["file_name"], str(one["version"]), one["line"])
        return *shown, ", ".join(one["tags"]), local(one["created_at"])

    show_found(answer["memories"], ("Id", "Name", "Version", "Begins with", "Tags", "Stored"), cells)
    click.echo(f"{answer['count']} of {answer['total']}.")


@click.command("show")
@click.argument("memory")
@click.option("--version", type=int, help="Of the name, if not the current one.")
@with_project
@with_database
@with_json
def show_memory(memory: str, version: int | None, as_json: bool, db: Any, project_id: str | None) -> None:
    """Print the text of MEMORY, an id or a name."""
    found = _read(memory, version, db=db, project_id=project_id)
    if as_json:
        print_json(found)
        return
    times = {name: local(found[name]) for name in TIMES if name in found}
    about = ", ".join(f"{TIMES[name]} {value}" for name, value in times.items())
    state = "" if found.get("current", True) else ", not current"
    click.echo(
        f"{found['file_name']}, version {found['version']}, id {found['resource_id']}{state}: {about}.",
        err=True,
    )
    if "note" in found:
        click.echo(found["note"], err=True)
    click.echo(found["content"], nl=not found["content"].endswith("\n"))


TIMES = {
    "created_at": "stored",
    "valid_from": "holds from",
    "valid_until": "holds until",
    "superseded_at": "superseded",
    "expires_at": "expires",
}
"""The times of a memory, and how each is called."""


def _read(memory: str, version: int | None = None, **where: Any) -> dict[str, Any]:
    """Return a memory with its whole text."""
    named = {**_named(memory), "version": version}
    found = call_tool("get_memory", named, existing=True, **where)
    while found["has_more"]:
        more = call_tool("get_memory", named | {"offset": len(found["content"])}, existing=True, **where)
        found = {**more, "content": found["content"] + more["content"], "offset": 0}
    return found


def _project_with(memory: str, db: Any, project_id: str | None) -> str | None:
    """Return the project that is named, else the default one where the memory is there and is listed here too."""
    settings = settings_here(db=db, existing=True)
    if project_id is None and settings.project == AUTO:
        with suppress(LtmcError):  # what is nowhere is refused by the call that follows
            named = _named(memory) | {"max_characters": 1}
            found = call_tool("get_memory", named, existing=True, db=db, project_id=None)
            return DEFAULT_PROJECT if found["project_id"] == DEFAULT_PROJECT else None
    return project_id


def _named(memory: str) -> dict[str, Any]:
    from ltmc.tools.arguments import as_id

    resource_id = as_id(memory)
    return {"file_name": memory} if resource_id is None else {"resource_id": resource_id}


@click.command()
@click.argument("memory")
@click.option("--text", help="The new text; with - it is read from stdin.")
@click.option("--tag", "tags", multiple=True, help="Its tags from now on; repeat, or '' for none.")
@click.option("--type", "resource_type", help="document, code, note or data.")
@with_times
@with_project
@with_database
@with_json
def edit(
    memory: str,
    text: str | None,
    tags: tuple[str, ...],
    resource_type: str | None,
    times: dict[str, Any],
    as_json: bool,
    db: Any,
    project_id: str | None,
) -> None:
    """Change MEMORY, an id or a name; without options its text is opened in the editor ($EDITOR).

    Another text makes a new version; the old one stays in the history.
    """
    changes = times | ({} if resource_type is None else {"resource_type": resource_type})
    if tags:
        changes["tags"] = [tag for tag in tags if tag.strip()]
    if text is not None:
        changes["content"] = sys.stdin.read() if text == "-" else text
    if not changes:
        before = _read(memory, db=db, project_id=project_id)["content"]
        after = click.edit(before, extension=".md")
        if after is None or after == before:
            click.echo("Nothing was changed.", err=True)
            return
        changes["content"] = after
    answer = call_tool("update_memory", _named(memory) | changes, existing=True, db=db, project_id=project_id)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer['file_name']} is at version {answer['version']} (id {answer['resource_id']}).")


@click.command()
@click.argument("memory")
@_paged
@with_project
@with_database
@with_json
def history(memory: str, as_json: bool, db: Any, project_id: str | None, **page: Any) -> None:
    """Show the versions of MEMORY, an id or a name, the newest first, and what each changed."""
    answer = call_tool("memory_history", _named(memory) | page, existing=True, db=db, project_id=project_id)
    if as_json:
        print_json(answer)
        return
    for one in answer["versions"]:
        times = ", ".join(f"{TIMES[name]} {local(one[name])}" for name in TIMES if name in one)
        state = ", current" if one["current"] else ""
        click.echo(f"Version {one['version']}, id {one['resource_id']}{state}: {times}.")
        for line in (one["difference"] or "").splitlines():
            click.echo(f"    {line}")
    click.echo(f"{answer['count']} of {answer['total']}.")


@click.command()
@click.argument("ids", nargs=-1)
@click.option("--kind", help="Of this kind alone, as the tool forget has them; with IDS: memory.")
@click.option("--conversation", "conversation_id", help="The messages of a conversation.")
@click.option("--tag", help="What has this tag.")
@click.option("--prefix", help="What has a file name that begins so.")
@click.option("--before", help="What was made before a date or date-time, such as 2026-01-31.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--undo", help="Put back what was forgotten, by the token that was shown then.")
@click.option("--trash", is_flag=True, help="Show what can be put back, with the tokens.")
@click.option(
    "--purge",
    is_flag=True,
    help="Delete for good, from the file too, all that was ever forgotten, after showing it.",
)
@with_project
@with_database
@with_json
def forget(
    ids: tuple[str, ...],
    yes: bool,
    undo: str | None,
    trash: bool,
    purge: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Forget what IDS (numbers or names) and the options choose, of one kind or of all, after a preview.

    It can be undone for 30 days; then it leaves the file too.
    """
    where = {name: given.pop(name) for name in ("db", "project_id")}
    filters = {name: value for name, value in given.items() if value is not None}
    if ids:
        filters = {"kind": "memory"} | filters | {"ids": list(ids)}
        if filters["kind"] == "memory":
            where["project_id"] = _project_with(ids[0], where["db"], where["project_id"])
    alone = [name for name, value in (("undo", undo), ("trash", trash), ("purge", purge)) if value]
    if alone:
        if filters or (yes and not purge) or len(alone) > 1:
            raise invalid(alone[0], undo or True, "it alone, with --project or --db")
        if undo:
            _undo(undo, where, as_json=as_json)
        elif trash:
            _show_trash(where, as_json=as_json)
        else:
            _purge(where, yes=yes, as_json=as_json)
        return
    left = 1
    while left:
        found = call_tool("forget", filters, existing=True, **where)
        if not as_json and not found["total"]:
            click.echo("Nothing to forget.")
        elif not as_json and not yes:
            _show_preview(found)
        if not found["total"] or not (yes or _agreed("Forget them?")):
            if as_json:
                print_json(found)
            elif found["total"]:
                click.echo("Nothing is forgotten yet; --yes does it.", err=True)
            return
        done = call_tool("forget", filters | {"confirm": found["confirm"]}, existing=True, **where)
        left, yes = done.get("left", 0), True
        if as_json:
            print_json(done)
        else:
            click.echo(f"Forgot {_counts(done)}; `ltmc forget --undo {done['undo']}` puts it back.")


def _agreed(question: str) -> bool:
    """Ask, where somebody is at a terminal."""
    return sys.stdin.isatty() and click.confirm(question, err=True)


def _show_trash(where: dict[str, Any], *, as_json: bool) -> int:
    """Show what can be put back; return how many times something was forgotten."""
    from ltmc.app.maintenance import forgotten

    settings = load_settings(db=where["db"], existing=True)
    found = asyncio.run(forgotten(settings, where["project_id"]))
    if as_json:
        print_json(
            [
                {
                    "undo": one.token,
                    "project_id": one.project_id,
                    "forgotten_at": one.forgotten_at,
                    "kinds": one.kinds,
                }
                for one in found
            ]
        )
        return len(found)
    rows = Table("Token", "Forgotten", "Project", "What")
    for one in found:
        rows.add_row(one.token, local(one.forgotten_at), one.project_id, _counts({"kinds": one.kinds}))
    rows.show()
    return len(found)


def _purge(where: dict[str, Any], *, yes: bool, as_json: bool) -> None:
    from ltmc.app.maintenance import copies_of, purge
    from ltmc.errors import read_only

    settings = load_settings(db=where["db"], existing=True)
    if settings.read_only:
        raise read_only()
    if not yes and _show_trash(where, as_json=as_json) and not _agreed("Delete them for good?"):
        click.echo("Nothing is deleted yet; --yes does it.", err=True)
        return
    purged, emptied = asyncio.run(purge(settings, where["project_id"]))
    copies = copies_of(settings.db)
    if as_json:
        print_json({"purged": purged, "log_emptied": emptied, "copies": copies})
        return
    click.echo(f"Deleted for good what was forgotten {purged} times.")
    if not emptied:
        click.echo("Others use the database just now: its log keeps traces until a later run.")
    if copies:
        click.echo(f"The copies that upgrades and restores left keep what they held: {', '.join(copies)}")


def _undo(token: str, where: dict[str, Any], *, as_json: bool) -> None:
    back = call_tool("forget", {"undo": token}, existing=True, **where)
    if as_json:
        print_json(back)
    else:
        click.echo(f"Put back {_counts(back)}.")


def _show_preview(found: dict[str, Any]) -> None:
    rows = Table("Kind", "Id", "What")
    for one in found["examples"]:
        rows.add_row(one["kind"], str(one["id"]), one["title"])
    rows.show()
    beyond = f", and {found['left']} after these" if "left" in found else ""
    click.echo(f"These are to be forgotten: {_counts(found)}{beyond}.")


def _counts(answer: dict[str, Any]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in answer["kinds"].items()) or "nothing"


REASONS = ("near_duplicate", "superseded", "expired", "never_recalled")


@click.command()
@click.option("--only", multiple=True, type=click.Choice(REASONS), help="For this reason alone; repeat.")
@click.option(
    "--unused-days",
    default=90,
    show_default=True,
    type=click.IntRange(1, 36_500),
    help="How old what was never recalled must be.",
)
@click.option("--apply", is_flag=True, help="Forget what is shown; it can be undone for 30 days.")
@with_project
@with_database
@with_json
def tidy(
    only: tuple[str, ...], unused_days: int, apply: bool, as_json: bool, db: Any, project_id: str | None
) -> None:
    """Show memories that may go: older near-duplicates, superseded versions, what is over or was never recalled.

    Nothing is changed without --apply.
    """
    from ltmc.app import maintenance

    settings = settings_here(db=db, existing=True)
    found, notes = asyncio.run(maintenance.tidy(settings, unused_days=unused_days, project_id=project_id))
    show_notes(notes)
    found = {why: memories for why, memories in found.items() if not only or why in only}
    ids = [one.id for memories in found.values() for one in memories]
    undo = []
    for start in range(0, len(ids) if apply else 0, 100):
        chosen = {"kind": "memory", "ids": ids[start : start + 100]}
        where: dict[str, Any] = {"existing": True, "db": db, "project_id": project_id}
        token = call_tool("forget", chosen, **where)["confirm"]
        undo.append(call_tool("forget", chosen | {"confirm": token}, **where)["undo"])
    if as_json:
        shown = {why: [_named_by(one) for one in memories] for why, memories in found.items()}
        print_json({**shown, "undo": undo})
        return
    rows = Table("Why", "Id", "Name", "Version", "Stored")
    for why, memories in found.items():
        for one in memories:
            shown_why = why.replace("_", " ")
            if kept := getattr(one, "of", None):
                shown_why += f" of {kept.file_name} (id {kept.id})"
            rows.add_row(shown_why, str(one.id), one.file_name, str(one.version), local(one.created_at))
    rows.show()
    if undo:
        click.echo(f"Forgot {len(ids)}; `ltmc forget --undo` puts back: {' '.join(undo)}.")
    else:
        click.echo(f"{len(ids)} may go; --apply forgets them." if ids else "Nothing to tidy.")


def _named_by(one: Any) -> dict[str, Any]:
    """Return how a memory is named, and what it is a near-duplicate of."""
    named = {"resource_id": one.id, "file_name": one.file_name, "version": one.version}
    kept = getattr(one, "of", None)
    return named | ({} if kept is None else {"duplicate_of": _named_by(kept)})
