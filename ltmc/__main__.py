"""``python -m ltmc``, and the script ``ltmc``."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltmc.server.greeting import Greeting


def entry(begun: "Greeting | None" = None) -> Callable[[], None]:
    """Return what runs the command line. Hooks start and agents are greeted before the commands are imported.

    Args:
        begun: a greeting that has begun already.
    """
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv):
        from ltmc.app.hooks import main as hook

        return hook
    if sys.argv[1:2] == ["serve"]:
        from ltmc.server import greeting

        greeting.current = begun or greeting.begin(sys.argv[2:])
    from ltmc.cli.main import main as command

    return command


def main() -> None:
    """Run the command line."""
    entry()()


if __name__ == "__main__":
    main()
