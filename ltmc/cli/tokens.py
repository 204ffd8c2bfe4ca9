"""The tokens of HTTP clients: the owner's, and those of users."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ltmc.cli.options import Group, Table, load_settings, local, print_json, with_database, with_json
from ltmc.errors import read_only

if TYPE_CHECKING:
    from ltmc.app.tokens import Token, TokenService

R = TypeVar("R")


@click.group(cls=Group)
def token() -> None:
    """Make, show and revoke the bearer tokens that clients of `ltmc serve --transport http` present.

    The owner's token, in a file beside the database, reaches everything: path, rotate. Users have tokens with a name,
    a role and projects, of which the database keeps digests: add, list, revoke.
    """


@token.command("path")
@with_database
def token_path(**flags: Any) -> None:
    """Print where the owner's token is."""
    from ltmc.server import bearer_token

    click.echo(bearer_token.path_of(load_settings(**flags).db))


@token.command("rotate")
@with_database
def token_rotate(**flags: Any) -> None:
    """Make a new token of the owner and print it; running servers refuse the old one at once."""
    from ltmc.server import bearer_token

    settings = load_settings(**flags)
    if settings.read_only:
        raise read_only()
    click.echo(bearer_token.rotate(bearer_token.path_of(settings.db)))


@token.command("add")
@click.argument("name")
@click.option(
    "--role",
    required=True,
    help="read; write: read and write; or admin: also the whole server and files of its host.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    help="A project that it is held to; repeat. The first is that of calls that name none; without any: all.",
)
@click.option("--expires", type=int, metavar="DAYS", help="After so many days it counts no more.")
@with_database
@with_json
def token_add(
    name: str, role: Any, projects: tuple[str, ...], expires: int | None, as_json: bool, **flags: Any
) -> None:
    """Make a token for NAME and print it, this once."""
    secret, made = _with_tokens(flags, lambda service: service.add(name, role, projects, expires))
    if as_json:
        print_json({**_shown(made), "token": secret})
        return
    click.echo(f"The token of {made.name} ({_about(made)}), shown this once:", err=True)
    click.echo(secret)


@token.command("list")
@with_database
@with_json
def token_list(as_json: bool, **flags: Any) -> None:
    """List the tokens of users, revoked ones too."""
    found = _with_tokens(flags, lambda service: service.everyone(), existing=True)
    if as_json:
        print_json({"tokens": [_shown(one) for one in found]})
        return
    table = Table("Name", "Role", "Projects", "Made", "Used last", "Counts")
    for one in found:
        table.add_row(
            one.name, one.role, _projects(one), local(one.created_at), _moment(one.last_used_at), _counts(one)
        )
    table.show()


@token.command("revoke")
@click.argument("name")
@with_database
@with_json
def token_revoke(name: str, as_json: bool, **flags: Any) -> None:
    """Have the token of NAME count no more; running servers refuse it within a second."""
    gone = _with_tokens(flags, lambda service: service.revoke(name), existing=True)
    if as_json:
        print_json(_shown(gone))
        return
    click.echo(f"The token of {gone.name} was revoked {_moment(gone.revoked_at)}.")


def _with_tokens(
    flags: dict[str, Any], work: Callable[["TokenService"], Awaitable[R]], *, existing: bool = False
) -> R:
    """Return what is done with the tokens of the database."""
    from ltmc.app.application import Application
    from ltmc.app.tokens import TokenService

    app = Application(load_settings(existing=existing, **flags))

    async def once() -> R:
        try:
            return await work(app.get(TokenService))
        finally:
            await app.close()

    return asyncio.run(once())


def _shown(one: "Token") -> dict[str, Any]:
    return {name: value for name, value in one._asdict().items() if name != "digest"}


def _about(one: "Token") -> str:
    until = f", until {local(one.expires_at)}" if one.expires_at else ""
    return f"role {one.role}, {_projects(one)}{until}"


def _projects(one: "Token") -> str:
    return ", ".join(one.projects) or "all projects"


def _moment(moment: str | None) -> str:
    return local(moment) if moment else "-"


def _counts(one: "Token") -> str:
    from ltmc.timestamps import now

    if one.revoked_at:
        return f"revoked {local(one.revoked_at)}"
    if one.expires_at:
        return f"{'expired' if one.expires_at <= now() else 'until'} {local(one.expires_at)}"
    return "yes"
