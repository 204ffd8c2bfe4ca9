"""Merging wheels: what is kept, what is dropped, what is refused."""

import zipfile
from pathlib import Path, PurePosixPath

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
        tmp_path,
        "b-1-cp310-abi3-linux",
        {"b/_rust.abi3.so": "stable", "b/libplain.so": "no extension module"},
    )
    wheels.merge([*pair, stable], tmp_path / "site")
    assert files(tmp_path / "site") == {
        "a/__init__.py",
        "a/_c.cpython-311-x86_64-linux-gnu.so",
        "a/_c.cpython-314-x86_64-linux-gnu.so",
        "b/_rust.abi3.so",
        "b/libplain.so",
    }


def test_what_describes_one_wheel_is_dropped_and_data_goes_where_it_belongs(tmp_path: Path) -> None:
    one = wheel(
        tmp_path,
        "a-1-py3-none-any",
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
    assert files(tmp_path / "site") == {
        "a-1.dist-info/METADATA",
        "a-1.dist-info/licenses/LICENSE",
        "a/part.py",
    }


def test_wheels_that_disagree_are_refused(tmp_path: Path) -> None:
    pair = [wheel(tmp_path, f"a-1-cp{n}-cp{n}-linux", {"a/__init__.py": n}) for n in ("311", "312")]
    with pytest.raises(ValueError, match=r"a-1-cp312-cp312-linux.whl: a/__init__.py differs"):
        wheels.merge(pair, tmp_path / "site")


@pytest.mark.parametrize("name", ["_c.so", "_c.pyd"])
def test_an_extension_module_of_no_known_python_is_refused(name: str, tmp_path: Path) -> None:
    one = wheel(tmp_path, "a-1-py3-none-linux", {f"a/{name}": ""})
    with pytest.raises(ValueError, match=rf"a/{name} does not say which Pythons"):
        wheels.merge([one], tmp_path / "site")


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("a/_c.cpython-312-x86_64-linux-gnu.so", False),
        ("a/_c.cpython-312-darwin.so", False),
        ("a/_c.cp312-win_amd64.pyd", False),
        ("a/_c.abi3.so", False),
        ("a/_c.so", True),
        ("a/_c.pyd", True),
        ("a/libc.pyd", True),
        ("a/libc.so", False),
        ("a/libc.dylib", False),
        ("a/c.dll", False),
        ("a/c.py", False),
    ],
)
def test_which_names_of_extension_modules_say_their_python(name: str, unknown: bool) -> None:
    assert wheels._is_extension_of_unknown_python(PurePosixPath(name)) == unknown


def test_bare_names_of_one_python_go_to_its_folder_and_those_of_the_stable_abi_do_not(tmp_path: Path) -> None:
    # As Windows has them.
    pair = [
        wheel(
            tmp_path,
            f"a-1-cp{n}-cp{n}-win_amd64",
            {"a/_c.pyd": n, "a.pth": "a", "isapi/_c.pyd": n, "a-1.dist-info/METADATA": ""},
        )
        for n in ("311", "312")
    ]
    stable = wheel(tmp_path, "b-1-cp310-abi3-win_amd64", {"b/_rust.pyd": "stable"})
    named = wheel(tmp_path, "c-1-cp311-cp311-win_amd64", {"c/_c.cp311-win_amd64.pyd": "named"})
    wheels.merge([*pair, stable, named], tmp_path / "site")
    assert files(tmp_path / "site") == {
        "a-1.dist-info/METADATA",
        "cp311/a.pth",
        "cp311/a/_c.pyd",
        "cp312/a.pth",
        "cp312/a/_c.pyd",
        "b/_rust.pyd",
        "c/_c.cp311-win_amd64.pyd",
    }


def test_a_pure_wheel_for_one_python_stands_for_all(tmp_path: Path) -> None:
    compiled = wheel(tmp_path, "a-1-cp311-cp311-macos", {"a.py": "one\n", "a/_c.cpython-311-darwin.so": ""})
    pure = wheel(tmp_path, "a-1-py3-none-any", {"a.py": "one\r\n"})
    wheels.merge([compiled, pure], tmp_path / "site")
    assert files(tmp_path / "site") == {"a.py"}
    assert (tmp_path / "site" / "a.py").read_bytes() == b"one\r\n"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
