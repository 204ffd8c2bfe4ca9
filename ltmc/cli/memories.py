"""Memories and todos from a terminal."""

import re
import sys
from typing import Any

import click

from ltmc.cli.options import (
    EXIT_NOTHING_FOUND,
    Group,
    call_tool,
    local,
    print_json,
    show_found,
    with_database,
    with_json,
    with_project,
    with_times,
)
from ltmc.errors import invalid


@click.command()
@click.argument("text")
@click.option("--name", "file_name", help="The memory's name; else made from its first words.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@click.option(
    "--type", "resource_type", default="note", show_default=True, help="document, code, note or data."
)
@with_times
@with_project
@with_database
@with_json
def remember(
    text: str,
    file_name: str | None,
    tags: tuple[str, ...],
    times: dict[str, Any],
    as_json: bool,
    **options: Any,
) -> None:
    """Store TEXT as a memory; with - it is read from stdin."""
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise invalid("text", text, "text that is not blank")
    arguments = {
        "file_name": file_name or _name_for(text),
        "content": text,
        "tags": list(tags),
        "resource_type": options.pop("resource_type"),
        **times,
    }
    answer = call_tool("store_memory", arguments, adds=True, **options)
    if as_json:
        print_json(answer)
    else:
        state = "Already known" if answer["deduplicated"] else "Stored"
        where = f"{answer['file_name']} (id {answer['resource_id']})"
        click.echo(f"{state} as {where} in the project {answer['project_id']}.")
        for one in answer.get("similar", []):
            contradicted = f"May contradict ({one['contradicts']})" if "contradicts" in one else "Similar"
            click.echo(f"{contradicted}: {one['file_name']} (id {one['resource_id']}): {one['line']}")


@click.command()
@click.argument("query")
@click.option("--top", "top_k", default=5, show_default=True, help="How many at most.")
@click.option("--as-of", help="What held at this day or moment, such as 2026-01-31.")
@with_project
@with_database
@with_json
def recall(query: str, top_k: int, as_of: str | None, as_json: bool, **options: Any) -> None:
    """Find the memories that match QUERY, and where none does, what was said in conversations.

    Exits with 3 when there is neither.
    """
    asked = {"query": query, "top_k": top_k, "as_of": as_of}
    answer = call_tool("retrieve_memory", asked, existing=True, **options)
    memories, weak = answer["results"], answer.get("weak")
    if not memories or weak:
        until = {} if as_of is None else {"date_to": as_of}
        chats = {"query": query, "filters": {"sources": "chat"} | until, "top_k": top_k}
        found = call_tool("advanced_context_search", chats, existing=True, **options)
        answer["conversations"] = [] if memories and found.get("weak") else found["results"]
    said = answer.get("conversations", [])
    if as_json:
        print_json(answer)
    elif memories and not said:
        _show_memories(memories)
        if weak:
            click.echo("These are the nearest there are, perhaps not what you asked for.", err=True)
    elif said:
        click.echo("No memory matches; this was said in conversations.", err=True)
        show_found(
            said,
            ("Score", "Conversation", "Role", "Text", "Said"),
            lambda one: (
                f"{one['score']:.2f}",
                one["conversation_id"],
                one["role"],
                one["content"].strip(),
                local(one["created_at"]),
            ),
        )
    else:
        click.echo("Nothing matches.", err=True)
    if not (memories or said):
        sys.exit(EXIT_NOTHING_FOUND)


def _show_memories(found: list[dict[str, Any]]) -> None:
    show_found(
        found,
        ("Score", "Name", "Text", "Stored"),
        lambda one: (
            f"{one['score']:.2f}",
            one["file_name"],
            one["content"].strip(),
            local(one["created_at"]),
        ),
    )
    for one in found:
        if "superseded_at" in one:
            heir = f"; then {by['file_name']}" if (by := one.get("superseded_by")) else ""
            click.echo(f"{one['file_name']} held until {local(one['superseded_at'])}{heir}.")
        if "stale" in one:
            click.echo(f"{one['file_name']} may be out of date; changed since: {', '.join(one['stale'])}.")


@click.group(cls=Group)
def todo() -> None:
    """Add, list and complete todos."""


@todo.command("add")
@click.argument("title")
@click.option("--description", default="", help="More about it.")
@click.option("--priority", default="medium", show_default=True, help="low, medium or high.")
@click.option("--due", help="Such as 2026-12-31, 2026-12-31T17:00+02:00, tomorrow, friday or 'in 3 days'.")
@with_project
@with_database
@with_json
def todo_add(
    title: str, description: str, priority: str, due: str | None, as_json: bool, **options: Any
) -> None:
    """Add a todo."""
    arguments = {"title": title, "description": description, "priority": priority, "due": due}
    answer = call_tool("add_todo", arguments, adds=True, **options)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"Added todo {answer['todo_id']} in the project {answer['project_id']}.")


@todo.command("list")
@click.option("--all", "everything", is_flag=True, help="Completed ones too.")
@click.option("--limit", default=20, show_default=True, help="How many at most.")
@with_project
@with_database
@with_json
def todo_list(everything: bool, limit: int, as_json: bool, **options: Any) -> None:
    """List the pending todos: overdue, then due within a week, then by priority."""
    arguments = {"status": "all" if everything else "pending", "limit": limit}
    answer = call_tool("list_todos", arguments, existing=True, **options)
    if as_json:
        print_json(answer)
        return

    def cells(one: dict[str, Any]) -> tuple[str, ...]:
        due = one.get("due_at", "")[:10] + (" overdue" if one.get("overdue") else "")
        return str(one["todo_id"]), one["priority"], due, one["title"], one["status"]

    show_found(answer["todos"], ("Id", "Priority", "Due", "Title", "Status"), cells)
    click.echo(f"{answer['count']} of {answer['total']}.")


@todo.command("done")
@click.argument("todo_id", type=int)
@with_project
@with_database
@with_json
def todo_done(todo_id: int, as_json: bool, **options: Any) -> None:
    """Mark a todo as done."""
    answer = call_tool("complete_todo", {"todo_id": todo_id}, existing=True, **options)
    if as_json:
        print_json(answer)
        return
    state = "was already done" if answer["already_completed"] else "is done"
    click.echo(f"Todo {todo_id} {state}.")


def _name_for(text: str) -> str:
    words = re.findall(r"\w+", text.lower())[:6]
    return "-".join(words)[:60] + ".md" if words else ""
