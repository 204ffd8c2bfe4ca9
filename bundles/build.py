"""``python -m bundles.build``: ltmc.pyz, its parts, the desktop extension, server.json, SHA256SUMS in ``dist``."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bundles import archive, lock, parts, publish, sbom, wheels

ROOT = Path(__file__).parents[1]
_OLDEST = 315532800  # 1980-01-01, the first moment that a zip file can hold


def source_date() -> int:
    """Return the time that the artefacts carry, in seconds since 1970: SOURCE_DATE_EPOCH, else the commit's."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(given), _OLDEST)
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return max(int(asked.stdout or 0), _OLDEST)


def check(command: list[str], scratch: Path) -> None:
    """Run ``ltmc check`` in the finished artefact that `command` starts, away from the user's own files.

    Raises:
        click.ClickException: something is missing; the check has said what.
    """
    environment = os.environ | {"LTMC_ROOT": str(scratch / "root"), "LTMC_DB": str(scratch / "check.db")}
    if subprocess.run([*command, "check"], env=environment, stdout=sys.stderr, check=False).returncode:
        raise click.ClickException(f"{command[-1]}: the check failed")


def build(target: Path, pythons: tuple[tuple[int, int], ...] = lock.PYTHONS) -> None:
    """Build the .pyz for `pythons` at `target`; nothing is left there when the check of it fails."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        os.environ["SOURCE_DATE_EPOCH"] = str(source_date())
        found = [wheel for python in pythons for wheel in wheels.download(python, ROOT / "build" / "wheels")]
        own = wheels.build_ltmc(ROOT, scratch / "own")
        site = scratch / "site-packages"
        wheels.merge([*found, own], site)
        parts.add(site, parts.of_archive())
        built = scratch / target.name
        archive.write(site, built, source_date(), pythons)
        if sys.version_info[:2] in pythons:
            check([sys.executable, str(built)], scratch)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(built.read_bytes())
        target.chmod(0o755)
        sbom.write(target.name, site, found, target.with_name(f"{target.name}.cdx.json"), source_date())


@click.command()
@click.option("--dist", type=click.Path(path_type=Path), default=ROOT / "dist", help="Where to write.")
@click.option("--python", "chosen", multiple=True, help="Only for these, for example 3.11.  [default: all]")
def main(dist: Path, chosen: tuple[str, ...]) -> None:
    """Build ltmc.pyz and what is made from it."""
    pythons = tuple(python for python in lock.PYTHONS if not chosen or f"{python[0]}.{python[1]}" in chosen)
    if len(pythons) != len(chosen or lock.PYTHONS):
        raise click.BadParameter(f"--python: got {', '.join(chosen)}; allowed: 3.11 to 3.14")
    pyz = dist / "ltmc.pyz"
    build(pyz, pythons)
    publish.write_mcpb(pyz, dist / "ltmc.mcpb", time.gmtime(source_date())[:6])
    publish.write_server_json(dist / "ltmc.mcpb", dist / "server.json")
    publish.write_sums(dist)
    click.echo(f"{pyz}: {pyz.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
