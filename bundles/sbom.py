"""A list of the parts of a form in the format of CycloneDX, which scanners read."""

import json
import uuid
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import parse_wheel_filename

from ltmc import __version__
from ltmc.distribution import contents, licences
from ltmc.distribution.licences import Part
from ltmc.search import kernel

VERSION = SchemaVersion.V1_6
MODEL = Path("ltmc", "search", "minilm.ltms")
_PURL = {"python": "pypi", "tool": "pypi", "javascript": "npm"}
_TYPE = {"model": ComponentType.MACHINE_LEARNING_MODEL}


def write(
    artefact: str, site: Path, wheels: Iterable[Path], target: Path, epoch: int, *, one_file: bool = False
) -> None:
    """Write the list of what `artefact` holds.

    Args:
        artefact: its file name.
        site: the folder of its packages.
        wheels: what they were unpacked from; their hashes are those of the lock file.
        epoch: the time that it carries, in seconds since 1970.
        one_file: with what the launcher of the program in one file holds.
    """
    fetched: dict[str, list[Path]] = {}
    for _, wheel in sorted({path.name: path for path in wheels}.items()):
        fetched.setdefault(parse_wheel_filename(wheel.name)[0], []).append(wheel)
    own, *others = licences.parts_in(site, one_file=one_file)
    root = Component(
        name=own.name,
        version=own.version,
        type=ComponentType.APPLICATION,
        bom_ref="ltmc",
        licenses=[_licence(own.licence)],
        description=artefact,
        components=[_kernel(site)],
    )
    bom = Bom()
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.components = [_component(part, fetched.get(part.name, []), site) for part in others]
    bom.register_dependency(root, bom.components)
    made_of = json.dumps([[*part[:4]] for part in (own, *others)])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{artefact} {epoch} {made_of}")
    text = make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=1)
    target.write_text(text + "\n", "utf-8")


def _component(part: Part, wheels: list[Path], site: Path) -> Component:
    kind = _PURL.get(part.kind, "generic")
    component = Component(
        name=part.name,
        version=part.version,
        type=_TYPE.get(part.kind, ComponentType.LIBRARY),
        bom_ref=f"{part.kind}/{part.name}",
        purl=PackageURL(kind, name=part.name, version=part.version),
        licenses=[_licence(part.licence)] if part.licence else [],
        external_references=[_wheel(part, wheel) for wheel in wheels],
        components=_inside(part, wheels),
    )
    if part.kind == "model":
        component.hashes = [_hash((site / MODEL).read_bytes())]
    if part.kind == "javascript":
        files = [file.sha256 for file in contents.VENDORED.values() if file.package == part.name]
        component.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in files]
    return component


def _licence(expression: str) -> Any:
    return LicenseFactory().make_from_string(expression)


def _hash(content: bytes) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256(content).hexdigest())


def _wheel(part: Part, wheel: Path) -> ExternalReference:
    """Return where the wheel is from: a package URL names its file."""
    url = PackageURL("pypi", name=part.name, version=part.version, qualifiers={"file_name": wheel.name})
    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(url.to_string()),
        hashes=[_hash(wheel.read_bytes())],
    )


def _inside(part: Part, wheels: list[Path]) -> list[Component]:
    """Return what the wheels themselves say to be compiled into them."""
    found = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if ".dist-info/sboms/" in name and name.endswith(".json"):
                    for about in json.loads(archive.read(name)).get("components", ()):
                        key = (about["name"], about.get("version", ""))
                        found[key] = _stated(part, *key, about.get("licenses") or ())
    return list(found.values())


def _stated(part: Part, name: str, version: str, stated: Iterable[dict[str, Any]]) -> Component:
    said = [entry.get("expression") or entry.get("license", {}).get("id") for entry in stated]
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{part.kind}/{part.name}/{name}@{version}",
        licenses=[_licence(text) for text in said if text][:1],
    )


def _kernel(site: Path) -> Component:
    (library,) = (site / Path(*kernel.__name__.split("."))).glob("*ltmc-kernel.*")
    return Component(
        name="ltmc-kernel",
        version=__version__,
        type=ComponentType.LIBRARY,
        bom_ref="ltmc-kernel",
        licenses=[_licence("MIT")],
        hashes=[_hash(library.read_bytes())],
    )
