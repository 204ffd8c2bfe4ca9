"""Where the frozen program starts."""

from ltmc.cli import main

main()
