"""The path guard, attacked."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltmc.errors import ErrorCode, LtmcError
from ltmc.files.guard import MAX_FILE_BYTES, PathGuard
from tests.client import Session

REFUSALS = (
    ErrorCode.NOT_FOUND,
    ErrorCode.PATH_NOT_ALLOWED,
    ErrorCode.INVALID_ARGUMENT,
    ErrorCode.UNSUPPORTED,
)
INSIDE, OUTSIDE = b"inside", b"a secret"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with files and links, beside files that must not be read."""
    top = tmp_path_factory.mktemp("house")
    root = top / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "file.py").write_bytes(INSIDE)
    (root / "sub" / "file.py").write_bytes(INSIDE)
    (top / "secret.py").write_bytes(OUTSIDE)
    (top / "root-twin").mkdir()
    (top / "root-twin" / "file.py").write_bytes(OUTSIDE)
    (root / "inner").symlink_to("file.py")
    (root / "outer").symlink_to("../secret.py")
    (root / "up").symlink_to("..")
    (root / "sub" / "home").symlink_to("/")
    (root / "loop").symlink_to("loop")
    return top


@pytest.fixture(scope="module")
def guard(house: Path) -> PathGuard:
    return PathGuard.of(house / "root")


PARTS = st.sampled_from(
    [
        "..",
        ".",
        "",
        "sub",
        "deep",
        "file.py",
        "up",
        "outer",
        "inner",
        "home",
        "root",
        "root-twin",
        "secret.py",
        "loop",
    ]
    + [
        "~",
        "%2e%2e",
        "..%2f",
        "C:",
        "\\..\\",
        "file.py/",
        "é",
        " ",
        "tmp",
        "etc",
        "passwd",
        "dev",
        "null",
        "…",
    ]
)
PATHS = st.one_of(
    st.lists(PARTS, min_size=1, max_size=8).map("/".join),
    st.lists(PARTS, min_size=1, max_size=8).map(lambda parts: "/" + "/".join(parts)),
    st.text(max_size=60),
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
def test_no_path_reads_outside(guard: PathGuard, house: Path, path: str) -> None:
    for candidate in (path, f"{house}/root/{path}"):
        refused: LtmcError | None = None
        try:
            resolved, data, state = guard.read(candidate)
        except LtmcError as error:
            refused = error
        if refused is None:
            assert data == INSIDE
            assert resolved.is_relative_to(house / "root")
            assert state.size == len(INSIDE)
        else:
            assert refused.code in REFUSALS
            assert refused.field == "file_path"
            refused.message.encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
def test_no_path_writes_outside(guard: PathGuard, house: Path, path: str) -> None:
    before = (
        (house / "secret.py").read_bytes(),
        (house / "root-twin" / "file.py").read_bytes(),
        set(house.iterdir()),
    )
    try:
        written = guard.replace(path + "/new.md" if path else "new.md", b"text")
    except LtmcError:
        pass
    else:
        assert written.is_relative_to(house / "root")
        assert written.read_bytes() == b"text"
        written.unlink()
    after = (
        (house / "secret.py").read_bytes(),
        (house / "root-twin" / "file.py").read_bytes(),
        set(house.iterdir()),
    )
    assert after == before
    assert not list((house / "root").rglob("*.tmp"))


def test_what_a_killed_writer_left_is_removed_by_the_next_one_in_the_folder(
    guard: PathGuard, house: Path
) -> None:
    docs = house / "root" / "docs"
    docs.mkdir()
    left = [docs / ".ltmc-0123456789abcdef.tmp", docs / ".0123456789abcdef.tmp"]
    living = docs / ".ltmc-1123456789abcdef.tmp"
    others = [
        docs / "0123456789abcdef.tmp",
        docs / ".0123456789abcde.tmp",
        docs.parent / ".0123456789abcdef.tmp",
    ]
    for path in (*left, living, *others):
        path.touch()
        os.utime(path, (0, 0) if path != living else None)
    guard.replace("docs/a.md", b"text")
    assert {*docs.iterdir()} == {docs / "a.md", living, *others[:2]}
    assert others[2].exists()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("outer", ErrorCode.PATH_NOT_ALLOWED),
        ("up/secret.py", ErrorCode.PATH_NOT_ALLOWED),
        ("../root-twin/file.py", ErrorCode.PATH_NOT_ALLOWED),
        ("sub/home/etc/passwd", ErrorCode.PATH_NOT_ALLOWED),
        ("/etc/passwd", ErrorCode.PATH_NOT_ALLOWED),
        ("/dev/zero", ErrorCode.PATH_NOT_ALLOWED),
        ("missing.py", ErrorCode.NOT_FOUND),
        ("sub", ErrorCode.INVALID_ARGUMENT),
        ("loop", ErrorCode.PATH_NOT_ALLOWED),
        ("file.py/x", ErrorCode.PATH_NOT_ALLOWED),
        ("a\0b", ErrorCode.INVALID_ARGUMENT),
        ("x" * 5000, ErrorCode.INVALID_ARGUMENT),
        ("x" * 300, ErrorCode.INVALID_ARGUMENT),
    ],
)
def test_refusals(guard: PathGuard, path: str, code: ErrorCode) -> None:
    with pytest.raises(LtmcError) as caught:
        guard.read(path)
    assert caught.value.code == code, caught.value.message


def test_links_inside_and_ways_around_are_fine(guard: PathGuard, house: Path) -> None:
    for path in ("inner", "sub/../file.py", "up/root/file.py", f"{house}/root/file.py"):
        assert guard.read(path)[1] == INSIDE
    assert guard.name(guard.resolve("inner")) == "file.py"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with socket.socket(socket.AF_UNIX) as listener:
        old = Path.cwd()
        os.chdir(tmp_path)
        listener.bind("sock.py")
        os.chdir(old)
        guard = PathGuard.of(tmp_path)
        for name in ("pipe.py", "sock.py"):
            for attempt in (lambda name=name: guard.read(name), lambda name=name: guard.replace(name, b"")):
                with pytest.raises(LtmcError) as caught:
                    attempt()
                assert caught.value.code == ErrorCode.PATH_NOT_ALLOWED


def test_the_size_is_capped(tmp_path: Path) -> None:
    guard = PathGuard.of(tmp_path)
    (tmp_path / "most.py").write_bytes(b" " * MAX_FILE_BYTES)
    assert len(guard.read("most.py")[1]) == MAX_FILE_BYTES
    (tmp_path / "more.py").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(LtmcError) as caught:
        guard.read("more.py")
    assert caught.value.code == ErrorCode.UNSUPPORTED


def test_a_link_put_in_the_way_after_the_check_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "f.py").write_bytes(OUTSIDE)
    (root / "a" / "f.py").write_bytes(INSIDE)
    guard = PathGuard.of(root)

    class Racing(PathGuard):
        def resolve(self, path: str, field: str = "file_path") -> Path:
            resolved = super().resolve(path, field)
            (root / "a").rename(root / "b")
            (root / "a").symlink_to(outside)
            return resolved

    racing = Racing(guard.root, guard.allowed)
    with pytest.raises(LtmcError) as caught:
        racing.read("a/f.py")
    assert caught.value.code == ErrorCode.PATH_NOT_ALLOWED
    (root / "a").unlink()
    (root / "b").rename(root / "a")
    with pytest.raises(LtmcError):
        racing.replace("a/f.py", b"overwritten")
    assert (outside / "f.py").read_bytes() == OUTSIDE


def test_replacing_keeps_permissions_and_leaves_nothing_behind(tmp_path: Path) -> None:
    guard = PathGuard.of(tmp_path)
    target = tmp_path / "doc.md"
    target.write_text("old")
    target.chmod(0o640)
    guard.replace("doc.md", b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_text_that_someone_wrote_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    guard = PathGuard.of(tmp_path)
    target = tmp_path / "doc.md"
    guard.replace("doc.md", b"one", known=None)
    target.write_bytes(b"mine")
    for known in (None, b"one"):
        with pytest.raises(LtmcError) as caught:
            guard.replace("doc.md", b"two", known=known)
        assert caught.value.code == ErrorCode.CONFLICT
    assert target.read_bytes() == b"mine"
    guard.replace("doc.md", b"two", known=b"mine")
    assert target.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [target]


def test_every_tool_that_takes_a_file_is_guarded(shared: Session, project: str, house: Path) -> None:
    shared.ok("register_project", project_id=project, root_path=str(house / "root"))
    for path in ("../secret.py", "outer", "/etc/passwd", "up/root-twin/file.py"):
        for tool in (
            "create_blueprint_from_code",
            "sync_documentation_with_code",
            "validate_documentation_consistency",
            "detect_documentation_drift",
            "get_documentation_consistency_score",
        ):
            shared.bad(tool, "PATH_NOT_ALLOWED", "file_path", file_path=path, project_id=project)
        shared.bad("start_real_time_sync", "PATH_NOT_ALLOWED", file_paths=[path], project_id=project)
        (found,) = shared.ok("detect_code_changes", file_paths=[path], project_id=project)["files"]
        assert found["error_code"] == "PATH_NOT_ALLOWED"
    task = shared.ok("create_task_blueprint", title="a", description="b", project_id=project)["blueprint_id"]
    for tool in ("update_blueprint_structure", "validate_blueprint_consistency"):
        shared.bad(tool, "PATH_NOT_ALLOWED", blueprint_id=task, file_path="outer")
    for path in ("../doc.md", "/tmp/doc.md", "up/doc.md"):
        shared.bad(
            "sync_documentation_with_code",
            "PATH_NOT_ALLOWED",
            "doc_path",
            file_path="file.py",
            doc_path=path,
            project_id=project,
        )
        shared.bad(
            "update_documentation_from_blueprint",
            "PATH_NOT_ALLOWED",
            "doc_path",
            blueprint_id=task,
            doc_path=path,
        )
    assert not (house / "doc.md").exists()
