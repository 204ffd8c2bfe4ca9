# What the __main__.py of ltmc.pyz calls. Every Python since 2.7 must be able to compile it, so that an
# unsupported one prints a sentence and not a SyntaxError: no annotations, no f-strings. `archive` fills
# in what is empty here.
import os
import sys

PYTHONS = ()
PLATFORM = ()
GLIBC = ()


def unsupported():
    """Return what of this host the file does not support; None when it supports it all."""
    if sys.version_info[:2] not in PYTHONS:
        return "Python %d.%d" % sys.version_info[:2]
    if sys.implementation.name != "cpython":
        return sys.implementation.name
    if "t" in getattr(sys, "abiflags", "") or "free-threading" in sys.version:
        return "a free-threaded Python"
    system, processor, _ = PLATFORM
    if (sys.platform, machine()) != (system, processor) or sys.maxsize < 2**32:
        return "%s on %s" % (sys.platform, machine())
    if system != "linux":
        return None
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION").split()[1]
        if tuple(int(part) for part in libc.split(".")[:2]) < GLIBC:
            return "glibc " + libc
    except (AttributeError, IndexError, ValueError, OSError):  # musl knows no such name
        return "a C library other than glibc"
    return None


def machine():
    """Return the processor that this Python is made for."""
    if hasattr(os, "uname"):
        return os.uname().machine
    return next((name for name in ("amd64", "arm64") if name in sys.version.lower()), "x86")


def main():
    found = unsupported()
    if found:
        sys.exit(
            "%s needs CPython %s on %s, and this is %s; start it with such a Python, or take the form of LTMC "
            "that is made for this host."
            % (
                os.path.basename(sys.argv[0]),
                ", ".join("%d.%d" % version for version in PYTHONS),
                PLATFORM[2],
                found,
            )
        )
    try:
        command = unpacked()
    except KeyboardInterrupt:
        sys.exit(130)
    command()


def unpacked():
    """Return what the unpacked program starts with."""
    import importlib
    from pathlib import Path

    import _unpacking

    archive = Path(__loader__.archive).absolute()
    greeting = []

    def greet():
        # An agent is greeted from inside the archive: to unpack it takes longer than agents wait.
        packed = str(archive / "site-packages")
        sys.path[0] = packed
        from ltmc.server.greeting import begin

        begin(sys.argv[2:])
        greeting[:] = forget(packed)

    site = _unpacking.locate(archive, greet if sys.argv[1:2] == ["serve"] else None)
    # In place of the archive: nothing is imported from it any more, and no PYTHONPATH goes before it.
    sys.path[0] = str(site)
    of_one_python = site / ("cp%d%d" % sys.version_info[:2])  # where names do not tell Pythons apart: pywin32
    if of_one_python.is_dir():
        from site import addsitedir

        addsitedir(str(of_one_python))
    # The folder is ours and without compiled code each start takes twice as long, so
    # PYTHONDONTWRITEBYTECODE, common in container images, is not for it.
    sys.dont_write_bytecode = False
    try:
        from ltmc.__main__ import entry

        return entry(*greeting)
    except Exception:
        try:
            mended = _unpacking.mend(archive, site)
        except OSError as error:
            sys.exit("ltmc: what is unpacked in %s is damaged and cannot be mended (%s)." % (site, error))
        if not mended:
            raise
        sys.stderr.write(
            "ltmc: in %s %s differed from %s; unpacked anew.\n" % (site, ", ".join(mended[:5]), archive.name)
        )
    greeting = forget(str(site)) or greeting
    importlib.invalidate_caches()
    from ltmc.__main__ import entry

    return entry(*greeting)


def forget(place):
    """Forget what was imported from a place; return the greeting that was begun by it, in a list, if one was."""
    begun = getattr(sys.modules.get("ltmc.server.greeting"), "current", None)
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(place):
            del sys.modules[name]
    return [begun] if begun else []
