"""``python -m bundles.build``: ltmc.pyz, its parts, wheels, the extension, server.json, SHA256SUMS in ``dist``."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bundles import archive, inspection, lock, parts, publish, sbom, wheels
from ltmc.distribution import form

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


def build(dist: Path, platform: lock.Platform, pythons: tuple[tuple[int, int], ...] = lock.PYTHONS) -> Path:
    """Build the wheel and the .pyz for `platform` and `pythons` into `dist`; the path of the .pyz.

    Raises:
        click.ClickException: the check of the .pyz failed, and nothing of it is in `dist`.
    """
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        cache = ROOT / "build" / "wheels"
        step(f"{platform.name}: fetching the wheels of the lock file")
        found = [wheel for python in pythons for wheel in wheels.download(python, cache, platform)]
        step(f"{platform.name}: compiling the kernel, building LTMC's wheel")
        own = wheels.build_ltmc(ROOT, scratch / "own", platform)
        site = scratch / "site-packages"
        step(f"{platform.name}: packing {platform.stem}.pyz")
        wheels.merge([*found, own], site)
        parts.add(site, parts.of_archive())
        built = scratch / f"{platform.stem}.pyz"
        archive.write(site, built, source_date(), platform, pythons)
        if faults := inspection.faults(built, platform, pythons):
            raise click.ClickException(f"{built.name}: {'; '.join(faults)}")
        if platform == lock.host() and sys.version_info[:2] in pythons:
            check([sys.executable, str(built)], scratch)
        dist.mkdir(parents=True, exist_ok=True)
        for one in (own, built):
            shutil.copyfile(one, dist / one.name)
        sbom.write(built.name, site, found, dist / f"{built.name}.cdx.json", source_date())
    (dist / built.name).chmod(0o755)
    return dist / built.name


def step(text: str) -> None:
    """Say what is being done."""
    click.echo(text, err=True)


def made(dist: Path) -> None:
    """Say which files of a release there are, and how large they are."""
    for name in publish.ARTEFACTS:
        if (dist / name).is_file():
            click.echo(f"{(dist / name).stat().st_size / 1e6:8.1f} MB  {dist / name}")


def build_sdist(dist: Path) -> None:
    """Build the source distribution into `dist`, the same bytes each time."""
    with tempfile.TemporaryDirectory() as name:
        built = wheels.build_sdist(ROOT, Path(name))
        shutil.unpack_archive(built, name, filter="data")
        archive.pack(Path(name, built.name.removesuffix(".tar.gz")), dist / built.name, source_date())


NAMES = [platform.name for platform in lock.PLATFORMS]


@click.command()
@click.option("--dist", type=click.Path(path_type=Path), default=ROOT / "dist", help="Where to write.")
@click.option("--python", "chosen", multiple=True, help="Only for these, for example 3.11.  [default: all]")
@click.option(
    "--platform",
    "named",
    multiple=True,
    type=click.Choice([*NAMES, "all"]),
    help="For these.  [default: that of this host]",
)
def main(dist: Path, chosen: tuple[str, ...], named: tuple[str, ...]) -> None:
    """Build ltmc.pyz, or that of other platforms, and what is made from it."""
    pythons = tuple(python for python in lock.PYTHONS if not chosen or f"{python[0]}.{python[1]}" in chosen)
    if len(pythons) != len(chosen or lock.PYTHONS):
        raise click.BadParameter(f"--python: got {', '.join(chosen)}; allowed: 3.11 to 3.14")
    host = lock.host()
    if not named and host is None:
        raise click.UsageError("nothing is made for this host; name a --platform")
    os.environ |= {
        "SOURCE_DATE_EPOCH": str(source_date()),
        "LTMC_COMMIT": os.environ.get("LTMC_COMMIT") or form.commit(),
    }
    for platform in lock.PLATFORMS:
        if platform.name in named or "all" in named or (not named and platform == host):
            pyz = build(dist, platform, pythons)
            mcpb = pyz.with_suffix(".mcpb")
            publish.write_mcpb(pyz, mcpb, platform, time.gmtime(source_date())[:6])
            if platform == host:
                publish.write_server_json(mcpb, dist / "server.json")
    step("building the source distribution")
    build_sdist(dist)
    publish.write_sums(dist)
    made(dist)


if __name__ == "__main__":
    main()
