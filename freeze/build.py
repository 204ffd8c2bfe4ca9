"""``python -m freeze.build``: the program ``dist/ltmc/ltmc`` for hosts without Python, and one file of it.

PyInstaller freezes what the lock file names, not what happens to be installed: the wheels are merged
into a folder as for ltmc.pyz, for the Python that runs the build. What imports alone do not show comes
from the hook in `ltmc.distribution.pyinstaller`, which reads `ltmc.tools.manifest`.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from bundles import archive, lock, publish, sbom, wheels
from bundles import build as bundle
from freeze import onefile, parts

EXCLUDED = (
    "mcp.cli",  # development commands; without typer its mere import ends the process
    "fastmcp.cli",  # the fastmcp command, with cyclopts; LTMC has its own
    "cyclopts",  # the same
    "tkinter",  # pyperclip asks for it; a server has no window
    "readline",  # history at Python's prompt, which a frozen program does not have
    "pydantic.v1",  # the interface of pydantic before version 2
    "pydoc_data",  # the texts of help() at Python's prompt
    "websockets",  # uvicorn has it for WebSocket; MCP over HTTP uses none
    "authlib",  # fastmcp's OAuth proxies; LTMC's server has a token
    "griffe",  # reads docstrings of functions given to fastmcp as tools; LTMC's tools bring their schemas
    "openapi_pydantic",  # fastmcp's servers made from OpenAPI descriptions
    "dns",  # email_validator looks up domains with it; no address is validated here
)
LEXERS = {"_mapping", "python", "special"}
"""The parts of pygments.lexers that rich's tracebacks use; the other 250 are for other languages."""

ARCHIVE = "ltmc-linux-x86_64.tar.gz"
ONE_FILE = "ltmc-onefile"


def freeze(scratch: Path, found: list[Path]) -> Path:
    """Freeze LTMC and the wheels that were `found` below `scratch`; the folder with the program in it.

    Raises:
        subprocess.CalledProcessError: PyInstaller failed; its output is on stderr.
    """
    site = scratch / "site-packages"
    wheels.merge([*found, wheels.build_ltmc(bundle.ROOT, scratch / "own")], site)
    command = [
        sys.executable,
        "-m",
        "PyInstaller",
        "--noconfirm",
        "--clean",
        "--log-level=WARN",
        "--name=ltmc",
    ]
    command += ["--onedir", "--strip"]  # symbols are three quarters of a libpython built with them
    command += [f"--runtime-hook={Path(__file__).with_name('first.py')}"]
    command += [f"--exclude-module={name}" for name in sorted(excluded(site))]
    command += [f"--{name}path={scratch / name}" for name in ("dist", "work", "spec")]
    command += [str(Path(__file__).with_name("program.py"))]
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONHASHSEED": "0"}
    wheels.run(command, cwd=scratch, env=environment)
    folder = scratch / "dist" / "ltmc"
    parts.add(folder / "ltmc", site, found)
    return folder


def excluded(site: Path) -> set[str]:
    """Return the modules to leave out of what is found with `site` first on the path.

    `EXCLUDED`; the lexers of pygments except `LEXERS`; and whatever is installed for the Python that runs
    the build and is not in `site`, for plugins and optional parts ask for much of it.
    """
    lexers = names_in(site / "pygments" / "lexers") - LEXERS
    installed = {
        name for folder in sys.path if folder.endswith("-packages") for name in names_in(Path(folder))
    }
    return {*EXCLUDED, *(f"pygments.lexers.{name}" for name in lexers), *(installed - names_in(site))}


def names_in(folder: Path) -> set[str]:
    """Return the names of the modules and packages in a folder."""
    return {path.name.split(".")[0] for path in folder.iterdir() if path.name.split(".")[0].isidentifier()}


@click.command()
@click.option("--dist", type=click.Path(path_type=Path), default=bundle.ROOT / "dist", help="Where to write.")
def main(dist: Path) -> None:
    """Freeze LTMC with the Python that runs this."""
    if sys.version_info[:2] not in lock.PYTHONS:
        raise click.ClickException(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not in the lock file"
        )
    if lock.host() != lock.LINUX_X86_64:
        raise click.ClickException("the program is made on 64-bit x86 Linux with glibc alone, for such hosts")
    dist.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        os.environ["SOURCE_DATE_EPOCH"] = str(bundle.source_date())
        bundle.step("fetching the wheels of the lock file, freezing the program")
        found = wheels.download(sys.version_info[:2], bundle.ROOT / "build" / "wheels")
        built = freeze(scratch, found)
        bundle.check([str(built / "ltmc")], scratch)
        bundle.step("packing it, and into one file")
        archive.pack(built, dist / ARCHIVE, bundle.source_date())
        onefile.write(dist / ARCHIVE, scratch / ONE_FILE)
        bundle.check([str(scratch / ONE_FILE)], scratch)
        for artefact in (ARCHIVE, ONE_FILE):
            target = dist / f"{artefact.removesuffix('.tar.gz')}.cdx.json"
            site, one_file = built / "_internal", artefact == ONE_FILE
            sbom.write(artefact, site, found, target, bundle.source_date(), one_file=one_file)
        shutil.rmtree(dist / "ltmc", ignore_errors=True)
        for made in (built, scratch / ONE_FILE):
            shutil.move(made, dist / made.name)
    publish.write_sums(dist)
    bundle.made(dist)


if __name__ == "__main__":
    main()
