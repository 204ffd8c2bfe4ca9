"""``python -m ltmc``, and the script ``ltmc``."""

import sys
from collections.abc import Callable


def is_hook() -> bool:
    """Whether a client runs a hook, which must start in an instant."""
    return sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv)


def entry() -> Callable[[], None]:
    """Return what runs the command line. A hook must start in an instant, without the other commands."""
    if is_hook():
        from ltmc.app.hooks import main as hook

        return hook
    from ltmc.cli.main import main as command

    return command


def main() -> None:
    """Run the command line."""
    entry()()


if __name__ == "__main__":
    main()
