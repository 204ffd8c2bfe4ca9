"""Where the frozen program starts."""

import os
import sys
from pathlib import Path

from ltmc.cli import main


def end_with_launcher() -> None:
    """In the one-file program: end, and leave no files, when the launching process is killed.

    That process unpacks the program to a folder, runs it as a child and removes the folder afterwards. It
    passes signals on, but not SIGKILL, with which some clients stop their servers. Then the child would live
    on, and the folder for ever.
    """
    import atexit
    import select
    import shutil
    import threading

    folder, launcher = Path(sys._MEIPASS), os.getppid()
    try:
        handle = os.pidfd_open(launcher)
    except OSError:  # a kernel before 5.3, or the launcher is gone already
        return

    def remove_if_orphaned() -> None:
        if os.getppid() != launcher:
            shutil.rmtree(folder, ignore_errors=True)

    def wait() -> None:
        select.select([handle], [], [])
        remove_if_orphaned()
        os._exit(1)

    atexit.register(remove_if_orphaned)
    threading.Thread(target=wait, daemon=True).start()


if not Path(sys._MEIPASS).is_relative_to(Path(sys.executable).parent):  # one file
    end_with_launcher()
main()
