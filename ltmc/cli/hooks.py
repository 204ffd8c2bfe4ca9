"""The commands about sessions of agents: what hooks run, and the brief."""

from pathlib import Path

import click

from ltmc.cli.options import load_settings, print_json, with_database, with_json


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, metavar="EVENT [--agent NAME]")
def hook(arguments: tuple[str, ...]) -> None:
    """Keep what happens in a session, and recall: what the hooks of agents run.

    EVENT is start, prompt, tool, before-compact, after-compact or end. The client's JSON comes on stdin, and the
    answer is in its own form. Whatever fails is a line in hooks.log beside the database; it always ends with 0.
    """
    from ltmc.app.hooks import main

    main(arguments)


@click.command()
@click.option("--project", "project_id", help="The project; else that of this folder.")
@with_json
@with_database
def brief(project_id: str | None, *, as_json: bool, db: str | None) -> None:
    """Print what a new session is told of those before it; nothing where nothing is stored."""
    from ltmc.app.hook_rules import projects_of
    from ltmc.app.hooks import brief_of
    from ltmc.app.project_identity import clone_of

    settings = load_settings(db=db, existing=db is not None)
    projects = [project_id] if project_id else projects_of(Path.cwd(), settings.project)
    clone = clone_of(Path.cwd()) if len(projects) > 1 else None
    found = brief_of(settings, projects, clone=clone)
    if as_json:
        print_json(found)
    elif found["text"]:
        click.echo(found["text"])
