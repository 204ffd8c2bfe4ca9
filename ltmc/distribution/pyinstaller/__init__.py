"""PyInstaller finds the hooks of this folder through the entry point ``pyinstaller40``."""

from pathlib import Path


def hook_folders() -> list[str]:
    """Return the folders with hooks."""
    return [str(Path(__file__).parent)]
