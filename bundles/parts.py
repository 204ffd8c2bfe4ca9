"""What a form holds beside distributions, written into it where `ltmc.distribution.licences` looks."""

import json
import shutil
from importlib import metadata
from pathlib import Path

from ltmc.distribution.licences import PARTS_FILE, TEXTS, Part


def add(site: Path, parts: list[Part]) -> None:
    """Write `parts` into the metadata of LTMC in `site`, with their texts."""
    (own,) = site.glob("ltmc-*.dist-info")
    for part in parts:
        for text in part.texts:
            target = own / TEXTS / part.name / text.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(text, target)
            target.chmod(0o644)
    entries = [(part.name, part.version, part.licence, part.kind) for part in parts]
    (own / PARTS_FILE).write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
    (own / PARTS_FILE).chmod(0o644)


def of_tool(name: str, licence: str, *texts: str, kind: str = "tool", of: str | None = None) -> Part:
    """Return a part that the build tool `of`, else of the same name, puts in, with files of its metadata as texts."""
    distribution = metadata.distribution(of or name)
    ends = tuple(f".dist-info/{text}" for text in texts)
    found = [Path(str(path.locate())) for path in distribution.files or () if str(path).endswith(ends)]
    if len(found) != len(texts):
        raise FileNotFoundError(f"{name}: not all of {', '.join(texts)} are in the metadata of it")
    return Part(name, distribution.version, licence, kind, tuple(found))  # type: ignore[arg-type]


def of_archive() -> list[Part]:
    """Return what shiv puts into ltmc.pyz."""
    return [of_tool("shiv", "BSD-2-Clause", "LICENSE")]
