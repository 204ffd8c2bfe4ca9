"""Where the frozen program starts."""

import atexit
import os
import select
import shutil
import sys
import threading
from pathlib import Path

from ltmc.cli.main import main


def leave_nothing() -> None:
    """In the one-file program: remove what it unpacked, and end when the launching process is killed.

    That process unpacks the program to a folder, runs it as a child and removes the folder afterwards. It
    passes signals on, but not SIGKILL, with which some clients stop their servers. Then the child would live
    on, and the folder for ever. So the child empties the folder, and removes it when nobody else will.
    """
    folder, launcher_id = Path(sys._MEIPASS), os.getppid()
    removing = threading.Lock()

    def remove() -> None:
        with removing:
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            if os.getppid() != launcher_id:
                folder.rmdir()

    def watch(launcher: int) -> None:
        select.select([launcher], [], [])
        remove()
        os._exit(1)

    atexit.register(remove)
    try:
        launcher = os.pidfd_open(launcher_id)
    except OSError:  # a kernel before 5.3
        return
    threading.Thread(target=watch, args=[launcher], daemon=True).start()


if not Path(sys._MEIPASS).is_relative_to(Path(sys.executable).parent):  # one file
    leave_nothing()
main()
