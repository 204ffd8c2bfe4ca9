"""``python -m ltmc``, and the script ``ltmc``."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltmc.server.greeting import Greeting


def begin(begun: "Greeting | None" = None) -> None:
    """Do what cannot wait until the commands are imported: run a hook, which ends the process, or greet an agent.

    Args:
        begun: a greeting that has begun already.
    """
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv):
        from ltmc.app.hooks import main as run_hook

        run_hook()
    if sys.argv[1:2] == ["serve"]:
        from ltmc.server import greeting

        if begun is not None:
            greeting.current = begun
        elif greeting.current is None:
            greeting.begin(sys.argv[2:])


def entry(begun: "Greeting | None" = None) -> Callable[[], None]:
    """Begin, and return what runs the command line; see `begin`."""
    begin(begun)
    from ltmc.cli.main import main as command

    return command


def main() -> None:
    """Run the command line."""
    entry()()


if __name__ == "__main__":
    main()
