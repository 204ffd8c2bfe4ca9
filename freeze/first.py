"""What the frozen program does before PyInstaller's own preparations: run a hook, or greet an agent.

Those take longer than either. The program of one file first sees to it that nothing of it is left behind.
"""

import sys
from pathlib import Path

from ltmc.__main__ import begin


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


def remove_left_over() -> None:
    """Remove what was left in the temporary folder by one-file programs that were ended while they unpacked.

    The process that unpacks is PyInstaller's and ends at a signal without tidying up. Gone is what is this
    user's, holds nothing that this program does not, has not changed for a minute, and is loaded by no process.
    """
    own = Path(sys._MEIPASS)
    for folder in own.parent.glob("_MEI*"):
        with contextlib.suppress(OSError):
            if folder != own and left_over(folder, own):
                shutil.rmtree(folder, ignore_errors=True)


def left_over(folder: Path, own: Path) -> bool:
    """Whether `folder` may go; `own` is that of this process."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or time.time() - about.st_mtime < 60:
        return False
    names = {path.name for path in own.iterdir()}
    return names >= {path.name for path in folder.iterdir()} and not any(
        loads(process, folder) for process in Path("/proc").glob("[0-9]*")
    )


def loads(process: Path, folder: Path) -> bool:
    """Whether a process of this user has a file of `folder` in its memory, as everything that runs from it has."""
    try:
        return f" {folder}/" in (process / "maps").read_text()
    except OSError:  # it has ended, or it is another user's
        return False


one_file = not Path(sys._MEIPASS).is_relative_to(Path(sys.executable).parent)
if one_file and sys.argv[1:2] != ["hook"]:
    import atexit
    import contextlib
    import os
    import select
    import shutil
    import stat
    import threading
    import time

    from ltmc.code import apart

    one_file = sys.argv[1:2] != [apart.FROZEN_ARGUMENT]  # a child that parses removes nothing of its parent's
    if one_file:
        leave_nothing()
begin()
if one_file:
    remove_left_over()
