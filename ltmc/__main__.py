"""``python -m ltmc``."""

from ltmc.cli.main import main

if __name__ == "__main__":
    main()
