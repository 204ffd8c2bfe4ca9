"""``python -m ltmc``."""

from ltmc.cli import main

if __name__ == "__main__":
    main()
