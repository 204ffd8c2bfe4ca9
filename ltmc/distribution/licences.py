"""What LTMC is made of, in whichever form is running, and the licence of each part with its text.

Distributions are found by their metadata. What else a form holds is typed in `contents` where every form has it,
and written by its build (`bundles.parts`) into the metadata of LTMC where that form alone has it.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ltmc.distribution import contents
from ltmc.distribution.form import ONE_FILE, form
from ltmc.tools import manifest

PARTS_FILE = "parts.json"
"""In the metadata of LTMC: what a build added."""

TEXTS = Path("licenses", "parts")
"""There too: the texts of these, in a folder by name."""

Kind = Literal["python", "javascript", "model", "library", "launcher"]
"""What a part is; `launcher`: a library that is in the launcher of the program in one file, and nowhere else."""

_TEXT = re.compile(r"^(licenses/|licen[cs]e|copying|copyright|notice|authors)", re.IGNORECASE)
_CLASSIFIED = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
"""SPDX identifiers of classifiers that name one licence."""


class Part(NamedTuple):
    """A part.

    Attributes:
        licence: an SPDX expression; empty where nothing tells.
        texts: files with the text of the licence, and with what it asks to be said.
    """

    name: str
    version: str
    licence: str
    kind: Kind
    texts: tuple[Path, ...]


def parts() -> list[Part]:
    """Return the parts of the LTMC that is running, itself first.

    Raises:
        FileNotFoundError: it is not installed, so nothing tells what it is made of.
    """
    if form() != "source":
        return parts_in(Path(manifest.FILE).parents[2], one_file=bool(ONE_FILE))
    found = _folders([Path(folder or ".") for folder in reversed(sys.path)])
    return _listed({name: found[name] for name in _required(found)}, one_file=False)


def parts_in(site: Path, *, one_file: bool = False) -> list[Part]:
    """Return the parts of a form whose packages lie in a folder."""
    return _listed(_folders([site]), one_file=one_file)


def _folders(sites: Iterable[Path]) -> dict[str, Path]:
    """Return where the metadata of each distribution lies; of several the last. Some lie in a folder for one Python."""
    return {
        canonicalize_name(folder.name.split("-")[0]): folder
        for site in sites
        for folder in (*site.glob("cp3*/*.dist-info"), *site.glob("*.dist-info"))
    }


def _required(found: dict[str, Path]) -> list[str]:
    """Return the distributions that LTMC needs, of those that are installed."""
    extras = [name for name in contents.EXTRAS if canonicalize_name(contents.EXTRAS[name]) in found]
    ahead = [Requirement(f"ltmc[{','.join(extras)}]")]
    seen: dict[tuple[str, str], None] = {}
    while ahead:
        wanted = ahead.pop()
        name = canonicalize_name(wanted.name)
        new = [extra for extra in ("", *wanted.extras) if (name, extra) not in seen]
        if name not in found or not new:
            continue
        seen |= dict.fromkeys((name, extra) for extra in new)
        ahead += [
            needed
            for needed in map(Requirement, Distribution.at(found[name]).requires or ())
            if any(needed.marker is None or needed.marker.evaluate({"extra": extra}) for extra in new)
        ]
    return sorted({name for name, _ in seen})


def _listed(folders: dict[str, Path], *, one_file: bool) -> list[Part]:
    if "ltmc" not in folders:
        raise FileNotFoundError("the metadata of ltmc is not here; install it with pip")
    own = folders["ltmc"]
    found = [_distribution(folders[name], own) for name in sorted(folders)]
    found.sort(key=lambda part: part.name != "ltmc")
    return [*found, *_everywhere(own), *_added(own, one_file=one_file)]


def _distribution(folder: Path, own: Path) -> Part:
    distribution = Distribution.at(folder)
    name = canonicalize_name(distribution.metadata["Name"])
    licence = contents.LICENCES.get(name) or _stated(distribution)
    texts = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and _TEXT.match(path.relative_to(folder).as_posix())
    )
    if folder == own:
        texts = [path for path in texts if path.name in contents.NOTICES]
    return Part(name, distribution.version, licence, "python", tuple(texts) or _shared(own, licence))


def _stated(distribution: Distribution) -> str:
    metadata = distribution.metadata.json
    if said := metadata.get("license_expression") or metadata.get("license"):
        return str(said)
    classified = (str(line).rpartition(" :: ")[2] for line in metadata.get("classifier", ()))
    return next((_CLASSIFIED[name] for name in classified if name in _CLASSIFIED), "")


def _shared(own: Path, licence: str) -> tuple[Path, ...]:
    """Return the texts of the licences of an expression, of those that LTMC brings."""
    named = (own / "licenses" / "LICENSES" / f"{name}.txt" for name in re.findall(r"[\w.+-]+", licence))
    return tuple(path for path in named if path.is_file())


def _everywhere(own: Path) -> Iterator[Part]:
    notice = own / "licenses" / "NOTICE"
    name, version, licence = contents.MODEL
    yield Part(name, version, licence, "model", (notice, *_shared(own, licence)))
    files = {vendored.package: vendored for vendored in contents.VENDORED.values()}
    for vendored in files.values():
        texts = (notice, *_shared(own, vendored.licence))
        yield Part(vendored.package, vendored.version, vendored.licence, "javascript", texts)


def _added(own: Path, *, one_file: bool) -> Iterator[Part]:
    if not (own / PARTS_FILE).is_file():
        return
    for name, version, licence, kind in json.loads((own / PARTS_FILE).read_text("utf-8")):
        if kind != "launcher" or one_file:
            texts = tuple(sorted(path for path in (own / TEXTS / name).glob("*") if path.is_file()))
            notice = own / "licenses" / "NOTICE"
            yield Part(name, version, licence, kind, texts or (notice, *_shared(own, licence)))
