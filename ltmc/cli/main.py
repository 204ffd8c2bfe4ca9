"""The command line. Each command parses, calls and prints; heavy modules load when a command needs them."""

import os

import click

from ltmc import __version__
from ltmc.cli import (
    agents,
    database,
    hooks,
    keeping,
    licences,
    memories,
    models,
    moving,
    reports,
    serving,
    tokens,
    top,
    transfer,
    unpacked,
)
from ltmc.cli.options import Program
from ltmc.distribution import form


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Say which LTMC this is, and end."""
    if wanted:
        click.echo(
            f"ltmc, version {__version__} ({form.known_as()}, commit {form.commit()}, {form.platform()})"
        )
        context.exit()


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version, form, commit and platform.",
)
def main() -> None:
    """LTMC: long-term memory and context for coding agents, served over MCP.

    Agents use `ltmc serve`. The other commands are for people: `demo` shows what it does in ten
    seconds, `dashboard` shows the memory in a browser, `remember`, `recall`, `list`, `show`, `edit`, `history`,
    `forget` and `todo` reach it from a terminal, `doctor` and `check` say what is in force and whether all is well,
    `licenses` what LTMC is made of.

    Settings come from flags, else the environment (LTMC_DB, LTMC_DURABILITY, LTMC_REDIS_URL,
    LTMC_PROFILE, LTMC_PROJECT, LTMC_READ_ONLY, LTMC_TRANSPORT, LTMC_HTTP_HOST, LTMC_HTTP_PORT, LTMC_HTTP_PUBLIC,
    LTMC_HTTP_ALLOWED_HOSTS, LTMC_HTTP_MAX_CALLS, LTMC_HTTP_CALL_SECONDS, LTMC_HTTP_DRAIN_SECONDS,
    LTMC_HTTP_CALLS_PER_MINUTE, LTMC_OAUTH_ISSUER, LTMC_OAUTH_RESOURCE, LTMC_OAUTH_AUDIENCE, LTMC_OAUTH_JWKS_URL,
    LTMC_OAUTH_ALGORITHM, LTMC_ROOTS, LTMC_TARGETS_MS, LTMC_SEARCH_MODE, LTMC_SECRETS, LTMC_CAPTURE, LTMC_INJECT,
    LTMC_CAPTURE_IGNORE, LTMC_LOG_DAYS, LTMC_LOG_ROWS, LTMC_LOG_LEVEL),
    else the TOML file that `ltmc doctor` names.
    """
    # Else FastMCP reads its settings from a file .env in the folder that the agent works in.
    os.environ["FASTMCP_ENV_FILE"] = os.devnull
    os.environ["FASTMCP_ENABLE_RICH_LOGGING"] = "false"  # the log is for files, and rich for people


for command in (
    serving.serve,
    serving.show_dashboard,
    serving.demo,
    tokens.token,
    agents.install,
    agents.uninstall,
    reports.check,
    reports.doctor,
    top.top,
    reports.usage,
    reports.routing,
    memories.remember,
    memories.recall,
    memories.todo,
    keeping.list_memories,
    keeping.show_memory,
    keeping.edit,
    keeping.history,
    keeping.forget,
    keeping.tidy,
    database.backup,
    database.restore,
    database.reindex,
    transfer.import_,
    transfer.export,
    moving.migrate_to,
    models.model,
    hooks.hook,
    hooks.brief,
    unpacked.cache,
    licences.licenses,
):
    main.add_command(command)
