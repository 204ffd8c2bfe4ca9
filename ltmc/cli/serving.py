"""Serving agents and browsers, and the demo."""

import asyncio
from pathlib import Path
from typing import Any

import click

from ltmc.cli.options import fail, load_with_origins, terminal, with_database, with_project
from ltmc.errors import ErrorCode, LtmcError
from ltmc.settings import AUTO
from ltmc.tools import manifest


@click.command()
@with_database
@click.option(
    "--profile",
    help="Tools to offer: all, core, lean, or categories by commas: " + ", ".join(manifest.categories()),
)
@click.option(
    "--read-only", is_flag=True, default=None, help="Write nothing, and offer only the tools that read."
)
@click.option(
    "--project",
    help="The project of calls that name none; auto: that of the repository worked in.",
)
@click.option("--durability", type=click.Choice(["full", "normal"]), help="What a committed write survives.")
@click.option("--log-level", help="DEBUG, INFO, WARNING or ERROR; logs go to stderr.")
@click.option("--transport", type=click.Choice(["stdio", "http"]), help="How clients reach the server.")
@click.option("--host", "http_host", help="HTTP: the address to listen on; 127.0.0.1 by default.")
@click.option("--port", "http_port", type=int, help="HTTP: the port; 8765 by default, 0 for any free one.")
@click.option(
    "--public",
    "http_public",
    is_flag=True,
    default=None,
    help="HTTP: allow an address that other machines reach. Then the token is all that keeps them from "
    "every memory, and whoever sees the traffic, which is not encrypted, reads both. Use a TLS proxy.",
)
@click.option(
    "--allow-host", "http_allowed_hosts", multiple=True, help="HTTP: a further name of this server; repeat."
)
def serve(http_allowed_hosts: tuple[str, ...], **flags: Any) -> None:
    """Serve MCP: one client on stdin and stdout until its input ends, or many over HTTP.

    With --transport http the server answers at http://127.0.0.1:8765/mcp whoever presents the bearer token, and
    shows a browser the dashboard at http://127.0.0.1:8765/ (`ltmc dashboard --link`).
    Its first start makes the token and shows it once; `ltmc token` tells where it is and replaces it.
    """
    from ltmc.cli.unpacked import prune_later
    from ltmc.server.quick_imports import NOT_FOR_STDIO, ONE_FOR_A_CLIENT, quick_imports

    flags["http_allowed_hosts"] = " ".join(http_allowed_hosts) or None
    settings, origins = load_with_origins(**flags)
    if settings.transport == "stdio":
        for name, value in flags.items():
            if name.startswith("http_") and value is not None:
                raise LtmcError(ErrorCode.INVALID_ARGUMENT, f"{name}: needs --transport http.", field=name)
        try:
            with quick_imports([*NOT_FOR_STDIO, *ONE_FOR_A_CLIENT]):
                from ltmc.server.mcp_server import serve_stdio
        except Exception:  # noqa: BLE001 - another FastMCP than those tested may need more at its start
            with quick_imports():
                from ltmc.server.mcp_server import serve_stdio
        prune_later()
        serve_stdio(settings)
        return
    with quick_imports():
        from ltmc.dashboard.application import dashboard
        from ltmc.server.http_transport import HttpServer
    server = HttpServer(settings, origins, dashboard)
    for notice in server.notices:
        click.echo(notice, err=True)
    prune_later()
    server.run()


@click.command(name="dashboard")
@with_database
@with_project
@click.option("--port", "http_port", type=int, help="The port; any free one by default.")
@click.option("--read-only", is_flag=True, default=None, help="Look only: no page changes anything.")
@click.option(
    "--link", is_flag=True, help="Print a link to a server that runs (`ltmc serve --transport http`)."
)
@click.option("--no-browser", is_flag=True, help="Print the link, and open no browser.")
def show_dashboard(project_id: str | None, *, link: bool, no_browser: bool, **flags: Any) -> None:
    """Look into the memory in a browser, and put it right.

    Serves the page on this machine until Ctrl-C, and prints and opens a link that lets one browser in, once.
    """
    import threading
    import webbrowser

    from ltmc.server.bearer_token import path_of, read

    if not link:
        flags |= {"http_port": flags["http_port"] or 0, "http_host": "127.0.0.1"}
    settings, origins = load_with_origins(transport="http", **flags)
    project = project_id or _project_here(settings.project)
    if link:
        host = settings.http_host if settings.http_host not in ANY_ADDRESS else "127.0.0.1"
        origin = f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"
        click.echo(_link(origin, read(path_of(settings.db)), project))
        return
    from ltmc.dashboard.application import dashboard
    from ltmc.server.http_transport import HttpServer

    server = HttpServer(settings, origins, dashboard)
    address = _link(server.origin, read(path_of(settings.db)), project)
    click.echo(f"{address}\n\nThe link works once, within five minutes. Ctrl-C ends the page.")
    if not no_browser:
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    server.run()


ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with
"""What a server listens on that all addresses of this machine reach."""


def _link(origin: str, token: str, project: str | None) -> str:
    from ltmc.dashboard.rendering import address
    from ltmc.dashboard.session import link_code

    return origin + address("/enter", code=link_code(token), project=project)


def _project_here(named: str) -> str | None:
    """Return the project of the repository that this folder is in; None where one is set or there is none."""
    from ltmc.app.project_identity import names_of

    return None if named != AUTO else next(iter(names_of(Path.cwd())), None)


@click.command()
@click.option("--whole", is_flag=True, help="Show the JSON of each call and answer.")
def demo(*, whole: bool) -> None:
    """Show the main job: two agents, one after the other, on a scratch database, over MCP."""
    from ltmc.cli.demo import run
    from ltmc.distribution.form import typed_command

    if not asyncio.run(run(terminal(), whole=whole, started_as=typed_command())):
        fail("a call of the demo went wrong; its answer is above.", "INTERNAL")
