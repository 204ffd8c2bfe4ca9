"""How the parts of a form are found, and what is said of their licences."""

from pathlib import Path

import pytest

from ltmc.distribution import licences


def distribution(folder: Path, name: str, *lines: str, **texts: str) -> None:
    own = folder / f"{name}-1.dist-info"
    own.mkdir(parents=True)
    (own / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1", *lines]))
    (own / "licenses").mkdir()
    for file, text in texts.items():
        (own / "licenses" / file).write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    distribution(tmp_path, "ltmc", "License-Expression: MIT", LICENSE="mit", NOTICE="notice")
    shared = tmp_path / "ltmc-1.dist-info" / "licenses" / "LICENSES"
    shared.mkdir()
    for name in ("MIT", "Apache-2.0", "ISC", "0BSD"):
        (shared / f"{name}.txt").write_text(f"the text of {name}")
    return tmp_path


def found(site: Path) -> dict[str, licences.Part]:
    return {part.name: part for part in licences.parts_in(site)}


def test_the_licence_is_what_the_metadata_says_in_whichever_field(site: Path) -> None:
    distribution(site, "a", "License-Expression: BSD-3-Clause", "License: other")
    distribution(site, "b", "License: ISC")
    distribution(site, "c", "Classifier: License :: OSI Approved :: MIT License")
    distribution(site, "d", "Classifier: License :: OSI Approved :: BSD License")
    distribution(site, "jinja2", "Classifier: License :: OSI Approved :: BSD License")
    told = {name: part.licence for name, part in found(site).items()}
    assert [told[name] for name in "abcd"] == ["BSD-3-Clause", "ISC", "MIT", ""], "BSD License names several"
    assert told["jinja2"] == "BSD-3-Clause", "typed in contents"


def test_a_text_that_a_part_does_not_bring_is_that_of_its_licences(site: Path) -> None:
    distribution(site, "brings", "License-Expression: MIT", COPYING="its own")
    distribution(site, "lacks", "License-Expression: MIT OR Apache-2.0")
    parts = found(site)
    assert [path.read_text() for path in parts["brings"].texts] == ["its own"]
    assert [path.read_text() for path in parts["lacks"].texts] == [
        "the text of MIT",
        "the text of Apache-2.0",
    ]
    assert [path.name for path in parts["ltmc"].texts] == ["LICENSE", "NOTICE"]


def test_what_lies_in_a_folder_for_one_python_is_found(site: Path) -> None:
    for python in ("cp311", "cp312"):
        distribution(site / python, "pywin32", "License: PSF", License="psf")
    assert [part[:3] for part in licences.parts_in(site) if part.name == "pywin32"] == [
        ("pywin32", "1", "PSF-2.0")
    ]


def test_without_its_metadata_nothing_is_guessed(tmp_path: Path) -> None:
    distribution(tmp_path, "click", "License-Expression: BSD-3-Clause")
    with pytest.raises(FileNotFoundError, match="metadata of ltmc"):
        licences.parts_in(tmp_path)
