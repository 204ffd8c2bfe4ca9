"""The command line. Each command parses, calls and prints; heavy modules load when a command needs them."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ltmc import __version__
from ltmc.errors import LtmcError
from ltmc.tools import manifest

if TYPE_CHECKING:
    from rich.table import Table

    from ltmc.settings import Settings

EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING_FOUND = 1, 2, 3


class Group(click.Group):
    """A group whose commands print an LtmcError as one line and exit with 1, or 2 for a bad argument."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except LtmcError as error:
            _fail(error.message, error.code.value)


def _fail(message: str, code: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(EXIT_USAGE if code == "INVALID_ARGUMENT" else EXIT_FAILED)


def _with_database(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--db", type=click.Path(path_type=Path), help="The database file (else LTMC_DB, the settings file)."
    )(command)


_project = click.option("--project", "project_id", help="The project; else 'default'.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ltmc")
def main() -> None:
    """LTMC: long-term memory and context for coding agents, served over MCP.

    Agents use `ltmc serve`. The other commands are for people: `demo` shows what it does in ten
    seconds, `remember`, `recall` and `todo` reach the same memory from a terminal, `doctor` and `check`
    say what is in force and whether all is well.

    Settings come from flags, else the environment (LTMC_DB, LTMC_REDIS_URL, LTMC_PROFILE,
    LTMC_READ_ONLY, LTMC_DURABILITY, LTMC_LOG_LEVEL), else the TOML file that `ltmc doctor` names.
    """


@main.command()
@_with_database
@click.option(
    "--profile",
    help="Tools to offer: all, core, or categories by commas: " + ", ".join(manifest.categories()),
)
@click.option("--read-only", is_flag=True, default=None, help="Offer only tools that change nothing.")
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

    With --transport http the server answers at http://127.0.0.1:8765/mcp whoever presents the bearer token.
    Its first start makes the token and shows it once; `ltmc token` tells where it is and replaces it.
    """
    from ltmc.server.quick_imports import quick_imports

    with quick_imports():
        settings = _load(**flags, http_allowed_hosts=" ".join(http_allowed_hosts) or None)
        if settings.transport == "http":
            from ltmc.server.http_transport import HttpServer
        else:
            from ltmc.server.mcp_server import serve_stdio

    if settings.transport == "stdio":
        serve_stdio(settings)
        return
    server = HttpServer(settings)
    for notice in server.notices:
        click.echo(notice, err=True)
    server.run()


@main.command()
def demo() -> None:
    """Show the main job: a client stores and recalls over MCP, on a scratch database."""
    from rich.console import Console

    from ltmc.cli.demo import run

    if not asyncio.run(run(Console())):
        _fail("a call of the demo went wrong; its answer is above.", "INTERNAL")


@main.command()
@_json
def check(as_json: bool) -> None:
    """Prove that every module, tool, data file and package of LTMC is present and loads.

    Exits with 1 and names what is missing if anything is.
    """
    from ltmc.distribution.check import run
    from ltmc.distribution.form import form

    findings = run()
    broken = [finding for finding in findings if finding.error]
    if as_json:
        report = {
            "form": form(),
            "version": __version__,
            "ok": not broken,
            "entries": [finding.as_json() for finding in findings],
        }
        click.echo(json.dumps(report, indent=1))
    else:
        table = _table("Kind", "Entries", "Broken")
        for kind in dict.fromkeys(finding.kind for finding in findings):
            members = [finding for finding in findings if finding.kind == kind]
            table.add_row(kind, str(len(members)), str(sum(bool(one.error) for one in members)))
        _print(table)
        click.echo(f"LTMC {__version__} ({form()}): {len(findings) - len(broken)} of {len(findings)} load.")
    for finding in broken:
        click.echo(f"Missing {finding.kind} {finding.name}: {finding.error}", err=True)
    if broken:
        sys.exit(EXIT_FAILED)


@main.command()
@_with_database
@_json
def doctor(as_json: bool, **flags: Any) -> None:
    """Print the settings in force and where each came from, the database, its sizes, and health.

    Where ltmc.pyz has unpacked itself on this host, the versions are listed too.

    Exits with 1 if a part that LTMC needs is down.
    """
    from ltmc import settings as settings_module
    from ltmc.app.diagnosis import examine

    settings, origins = settings_module.load(**flags)
    report = asyncio.run(examine(settings, origins))
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        columns = {"settings": ["Value", "From"], "unpacked": ["Bytes", "State"]}
        for heading in ("settings", "database", "unpacked", "health"):
            if heading == "unpacked" and not report[heading]:
                continue
            table = _table(heading.capitalize(), *columns.get(heading, ["Value"]))
            for name, value in report[heading].items():
                shown = value if isinstance(value, list) else [value]
                table.add_row(name, *(str(part) for part in shown))
            _print(table)
    if report["status"] == "unhealthy":
        sys.exit(EXIT_FAILED)


@main.command()
@click.argument("text")
@click.option("--name", "file_name", help="The memory's name; else made from its first words.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@click.option(
    "--type", "resource_type", default="note", show_default=True, help="document, code, note or data."
)
@_project
@_with_database
@_json
def remember(text: str, file_name: str | None, tags: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Store TEXT as a memory; with - it is read from stdin."""
    if text == "-":
        text = sys.stdin.read()
    arguments = {
        "file_name": file_name or _name_for(text),
        "content": text,
        "tags": list(tags),
        "resource_type": options.pop("resource_type"),
    }
    answer = _call("store_memory", arguments, **options)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        state = "Already known" if answer["deduplicated"] else "Stored"
        click.echo(f"{state} as {answer['file_name']} (id {answer['resource_id']}).")


@main.command()
@click.argument("query")
@click.option("--top", "top_k", default=5, show_default=True, help="How many at most.")
@_project
@_with_database
@_json
def recall(query: str, top_k: int, as_json: bool, **options: Any) -> None:
    """Find the memories that match QUERY. Exits with 3 when there are none."""
    answer = _call("retrieve_memory", {"query": query, "top_k": top_k}, **options)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif answer["results"]:
        table = _table("Score", "Name", "Text", "Stored")
        for result in answer["results"]:
            table.add_row(
                f"{result['score']:.2f}",
                result["file_name"],
                result["content"].strip(),
                result["created_at"][:16],
            )
        _print(table)
    else:
        click.echo("Nothing matches.", err=True)
    if not answer["results"]:
        sys.exit(EXIT_NOTHING_FOUND)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@_with_database
@_json
def backup(file: Path, force: bool, as_json: bool, **flags: Any) -> None:
    """Copy the database to FILE while it is in use; the copy is read back and checked."""
    from ltmc.storage.sqlite.backup import backup as write

    report = write(_load(**flags).db, file, overwrite=force)
    click.echo(
        json.dumps(report) if as_json else f"Wrote {report['file']} ({report['bytes']} bytes), checked."
    )


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what the database holds; that is kept beside it.")
@_with_database
@_json
def restore(file: Path, force: bool, as_json: bool, **flags: Any) -> None:
    """Put the state of a backup FILE into the database, also while servers use it."""
    from ltmc.storage.sqlite.restore import restore as put

    report = put(file, _load(**flags).db, overwrite=force)
    kept = f" What it held is in {report['kept']}." if report["kept"] else ""
    click.echo(json.dumps(report) if as_json else f"Restored {report['db']} from {file}.{kept}")


@main.command()
@click.option("--all", "everything", is_flag=True, help="Index everything anew, also what is in step.")
@_with_database
@_json
def reindex(everything: bool, as_json: bool, **flags: Any) -> None:
    """Bring the search index in step with what is stored, also while servers use it.

    An index of another version of the search is made anew. It can be interrupted: the next run goes on.
    """
    from ltmc.app.application import Application
    from ltmc.search.reindexing import reindex as run

    async def once(progress: Callable[[int, int], None]) -> dict[str, Any]:
        app = Application(_load(**flags))
        try:
            return dict(await run(app.engine, everything=everything, progress=progress))
        finally:
            await app.close()

    with click.progressbar(
        length=1, label="Indexing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def show(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        report = asyncio.run(once(show))
    click.echo(
        json.dumps(report)
        if as_json
        else f"Indexed {report['indexed']}, removed {report['removed']}; "
        f"the index holds {sum(report['entries'].values())}."
    )


@main.group()
def todo() -> None:
    """Add, list and complete todos."""


@todo.command("add")
@click.argument("title")
@click.option("--description", default="", help="More about it.")
@click.option("--priority", default="medium", show_default=True, help="low, medium or high.")
@_project
@_with_database
@_json
def todo_add(title: str, description: str, priority: str, as_json: bool, **options: Any) -> None:
    """Add a todo."""
    arguments = {"title": title, "description": description, "priority": priority}
    answer = _call("add_todo", arguments, **options)
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"Added todo {answer['todo_id']}.")


@todo.command("list")
@click.option("--all", "everything", is_flag=True, help="Completed ones too.")
@click.option("--limit", default=20, show_default=True, help="How many at most.")
@_project
@_with_database
@_json
def todo_list(everything: bool, limit: int, as_json: bool, **options: Any) -> None:
    """List the pending todos, the most urgent first."""
    arguments = {"status": "all" if everything else "pending", "limit": limit}
    answer = _call("list_todos", arguments, **options)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    table = _table("Id", "Priority", "Title", "Status")
    for one in answer["todos"]:
        table.add_row(str(one["todo_id"]), one["priority"], one["title"], one["status"])
    _print(table)
    click.echo(f"{answer['count']} of {answer['total']}.")


@todo.command("done")
@click.argument("todo_id", type=int)
@_project
@_with_database
@_json
def todo_done(todo_id: int, as_json: bool, **options: Any) -> None:
    """Mark a todo as done."""
    answer = _call("complete_todo", {"todo_id": todo_id}, **options)
    state = "was already done" if answer["already_completed"] else "is done"
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"Todo {todo_id} {state}.")


@main.group()
def cache() -> None:
    """Look after what ltmc.pyz unpacked at its first start."""


@cache.command("prune")
@_json
def cache_prune(as_json: bool) -> None:
    """Remove the unpacked versions of ltmc.pyz that no running process uses.

    A version that is needed again unpacks itself again.
    """
    from ltmc.distribution import unpacking as unpacked

    removed, kept = unpacked.prune()
    if as_json:
        report = {
            name: [{"path": str(entry.path), "bytes": entry.size} for entry in group]
            for name, group in (("removed", removed), ("kept", kept))
        }
        click.echo(json.dumps(report, indent=1))
        return
    for entry in removed:
        click.echo(f"Removed {entry.path} ({entry.size / 1e6:.0f} MB).")
    for entry in kept:
        click.echo(f"Kept {entry.path}: a process uses it.")
    if not removed and not kept:
        click.echo("Nothing is unpacked.")


@main.group()
def token() -> None:
    """The bearer token that clients of `ltmc serve --transport http` present."""


@token.command("path")
@_with_database
def token_path(**flags: Any) -> None:
    """Print where the token is."""
    from ltmc.server import bearer_token as tokens

    click.echo(tokens.path_of(_load(**flags).db))


@token.command("rotate")
@_with_database
def token_rotate(**flags: Any) -> None:
    """Make a new token and print it; running servers refuse the old one at once."""
    from ltmc.server import bearer_token as tokens

    click.echo(tokens.rotate(tokens.path_of(_load(**flags).db)))


def _load(**flags: Any) -> "Settings":
    from ltmc.settings import load

    settings, _ = load(**flags)
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return settings


def _call(name: str, arguments: dict[str, Any], *, project_id: str | None, db: Path | None) -> dict[str, Any]:
    """Call a tool in this process; its error ends the command."""
    from ltmc.app.application import Application
    from ltmc.app.calls import call

    async def once() -> dict[str, Any]:
        app = Application(_load(db=db))
        tool = manifest.tool(name)
        try:
            return await call(app, tool, arguments | {"project_id": project_id})
        finally:
            await app.close()

    answer = asyncio.run(once())
    if not answer["success"]:
        _fail(answer["error"], answer["error_code"])
    return answer


def _name_for(text: str) -> str:
    import re

    words = re.findall(r"\w+", text.lower())[:6]
    return "-".join(words)[:60] + ".md" if words else ""


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: "Table") -> None:
    from rich.console import Console

    Console().print(table)
