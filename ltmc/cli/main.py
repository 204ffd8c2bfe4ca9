"""The command line. Each command parses, calls and prints; heavy modules load when a command needs them."""

import click

from ltmc import __version__
from ltmc.cli import database, memories, reports, serving, unpacked
from ltmc.cli.options import Group


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


for command in (
    serving.serve,
    serving.demo,
    serving.token,
    reports.check,
    reports.doctor,
    reports.usage,
    reports.routing,
    memories.remember,
    memories.recall,
    memories.todo,
    database.backup,
    database.restore,
    database.reindex,
    unpacked.cache,
):
    main.add_command(command)
