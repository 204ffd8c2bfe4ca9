"""Merging wheels: what is kept, what is dropped, what is refused."""

import zipfile
from pathlib import Path

import pytest

from bundles import wheels


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    path = folder / f"{name}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def test_extension_modules_of_all_pythons_lie_side_by_side(tmp_path: Path) -> None:
    pair = [
        wheel(tmp_path, f"a-1-cp{n}", {f"a/_c.cpython-{n}-x86_64-linux-gnu.so": n, "a/__init__.py": "same"})
        for n in ("311", "314")
    ]
    stable = wheel(
        tmp_path, "b-1-abi3", {"b/_rust.abi3.so": "stable", "b/libplain.so": "no extension module"}
    )
    wheels.merge([*pair, stable], tmp_path / "site")
    found = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")}
    assert found == {
        "a/__init__.py",
        "a/_c.cpython-311-x86_64-linux-gnu.so",
        "a/_c.cpython-314-x86_64-linux-gnu.so",
        "b/_rust.abi3.so",
        "b/libplain.so",
    }


def test_what_describes_one_wheel_is_dropped_and_data_goes_where_it_belongs(tmp_path: Path) -> None:
    one = wheel(
        tmp_path,
        "a-1-py3",
        {
            "a-1.dist-info/METADATA": "Name: a",
            "a-1.dist-info/RECORD": "",
            "a-1.dist-info/WHEEL": "",
            "a-1.dist-info/sboms/a.json": "{}",
            "a-1.dist-info/licenses/LICENSE": "MIT",
            "a-1.data/purelib/a/part.py": "",
            "a-1.data/scripts/a": "#!",
        },
    )
    wheels.merge([one], tmp_path / "site")
    found = {
        path.relative_to(tmp_path / "site").as_posix()
        for path in (tmp_path / "site").rglob("*")
        if path.is_file()
    }
    assert found == {"a-1.dist-info/METADATA", "a-1.dist-info/licenses/LICENSE", "a/part.py"}


def test_wheels_that_disagree_are_refused(tmp_path: Path) -> None:
    pair = [wheel(tmp_path, f"a-1-cp{n}", {"a/__init__.py": n}) for n in ("311", "312")]
    with pytest.raises(ValueError, match=r"a-1-cp312.whl: a/__init__.py differs"):
        wheels.merge(pair, tmp_path / "site")


def test_an_extension_module_without_a_tag_is_refused(tmp_path: Path) -> None:
    one = wheel(tmp_path, "a-1-cp311", {"a/_c.so": ""})
    with pytest.raises(ValueError, match=r"a/_c.so does not say which Pythons"):
        wheels.merge([one], tmp_path / "site")
