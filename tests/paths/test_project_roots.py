"""Which folders a project may have, when it is registered and whenever it is used."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import SOURCE_COMMAND, Session

FOLDERS = ("work", "work/.git", ".ssh/keys", ".local/share", "home-twin")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with hidden folders and links in it."""
    home = tmp_path_factory.mktemp("people") / "me"
    for folder in FOLDERS:
        (home / folder).mkdir(parents=True)
    (home / "etc").symlink_to("/etc")
    (home / "keys").symlink_to(".ssh/keys")
    return home


@pytest.fixture(scope="module")
def at_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A server of the user whose home that is."""
    with Session(tmp_path_factory.mktemp("db") / "ltmc.db", env={"HOME": str(home)}) as client:
        yield client


def register(client: Session, folder: Path | str, **more: object) -> dict:
    return client.any("register_project", project_id="p", root_path=str(folder), **more)


SYSTEM = (
    "/ /bin /boot /dev /etc /lib /proc /proc/self /root /run /sbin /sys /usr /usr/bin /var /var/lib".split()
)


@pytest.mark.parametrize("path", [*SYSTEM, "~", "~/..", "~/.ssh", "~/.ssh/keys", "~/work/.git"])
def test_what_is_not_a_projects_is_refused(at_home: Session, home: Path, path: str) -> None:
    path = path.replace("~", str(home))
    if not Path(path).is_dir():
        pytest.skip("this system has no such folder")
    for error in (register(at_home, path), register(at_home, home / "work", allowed_paths=[path])):
        assert error["error_code"] == "PATH_NOT_ALLOWED"
        assert error["field"] in ("root_path", "allowed_paths[0]")
        assert path[:80] in error["error"], "what was typed"
        assert "LTMC_ROOTS" in error["error"], "what is allowed"
    assert at_home.ok("list_projects")["total"] == 0


@pytest.mark.parametrize(("path", "why"), [("etc", "/etc belongs to the system"), ("keys", "'.ssh'")])
def test_a_link_is_judged_by_where_it_leads(at_home: Session, home: Path, path: str, why: str) -> None:
    assert why in register(at_home, home / path)["error"]


@pytest.mark.parametrize("path", ["~/work", "~/home-twin", "/var/tmp"])
def test_other_folders_are_fine(db: Path, home: Path, path: str) -> None:
    with Session(db, env={"HOME": str(home)}) as client:
        assert register(client, path.replace("~", str(home)))["success"]


@pytest.mark.parametrize(
    ("named", "path", "fine"),
    [
        (["~/.local"], "~/.local/share", True),
        (["~/.local"], "~/.local", True),
        (["~"], "~", True),
        (["~"], "~/.ssh", False),
        (["/usr/lib"], "/usr/lib", True),
        (["/usr"], "/usr/lib", True),
        (["/"], "/usr/lib", False),
        (["/"], "~", False),
        (["~/work"], "~/home-twin", False),
    ],
)
def test_the_setting_roots_allows_what_it_names(
    db: Path, home: Path, named: list[str], path: str, fine: bool
) -> None:
    env = {"HOME": str(home), "LTMC_ROOTS": json.dumps(named)}
    with Session(db, env=env) as client:
        found = register(client, path.replace("~", str(home)))
        assert found.get("error_code") == (None if fine else "PATH_NOT_ALLOWED"), found


@pytest.mark.parametrize("place", ["work/root", "work", "further"])
def test_a_registered_folder_that_became_a_link_is_refused(tmp_path: Path, db: Path, place: str) -> None:
    for folder in ("work/root", "further", "outside/root"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "m.py").write_text("def count(): ...\n")
    with Session(db) as client:
        root, further = tmp_path / "work" / "root", tmp_path / "further"
        assert register(client, root, allowed_paths=[str(further)])["success"]
        client.ok("sync_documentation_with_code", file_path="m.py", project_id="p")
        (tmp_path / place).rename(tmp_path / "moved")
        (tmp_path / place).symlink_to("../outside" if place == "work/root" else "outside")
        for tool in ("sync_documentation_with_code", "validate_documentation_consistency"):
            error = client.bad(tool, "PATH_NOT_ALLOWED", "project_id", file_path="m.py", project_id="p")
            assert "outside" in error["error"]
            assert "register_project" in error["error"]


@pytest.mark.parametrize("folder", ["/etc", "~", "~/.ssh"])
def test_what_an_older_version_registered_is_refused_when_used(db: Path, home: Path, folder: str) -> None:
    folder = folder.replace("~", str(home))
    with Session(db, env={"HOME": str(home)}) as client:
        assert register(client, home / "work")["success"]
        with sqlite3.connect(db) as connection:
            connection.execute("UPDATE projects SET root_path = ?", (folder,))
        connection.close()
        error = client.bad(
            "create_blueprint_from_code", "PATH_NOT_ALLOWED", "project_id", file_path="m.py", project_id="p"
        )
        assert folder in error["error"]


@pytest.mark.parametrize("folder", ["/etc", "~", "~/.ssh"])
def test_the_folder_of_the_server_is_judged_too(db: Path, home: Path, folder: str) -> None:
    command = ["sh", "-c", f'cd "{folder.replace("~", str(home))}" && exec "$0" "$@"', *SOURCE_COMMAND]
    with Session(db, command=command, env={"HOME": str(home)}) as client:
        error = client.bad("create_blueprint_from_code", "PATH_NOT_ALLOWED", file_path="m.py")
        assert "register_project" in error["error"]
