"""Which project a folder belongs to: its repository, read from git's own files without running git.

It stands in ``app`` so that commands, the server and hooks can all use it. It needs no database, and nothing raises.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ltmc.app.redaction import masked
from ltmc.features.projects.roots import why_refused
from ltmc.files.repositories import Repository, first_line, real, repository_of, text
from ltmc.tools.project_scope import DEFAULT_PROJECT

CONFIG_BYTES, PACKED_BYTES = 262_144, 8_388_608
"""How much is read of a repository's settings and of its packed references."""

LONGEST_NAME, LONGEST_BRANCH, LONGEST_URL = 60, 200, 2_048

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REMOTE_SECTION = re.compile(r'\[remote "([^"\n]{1,200})"\]', re.IGNORECASE)
_IGNORE_CASE = (
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "dev.azure.com",
    "ssh.dev.azure.com",
    "codeberg.org",
)
"""Hosts where a path means the same however its letters are written, and whoever asks."""

_USUAL_PORTS = {"ssh": "22", "http": "80", "https": "443", "git": "9418"}


def project_of(cwd: Path) -> str:
    """Return the project id of a folder: the name of its repository, or its own, and a hash.

    Clones of one remote are one project, as are the worktrees of a repository without a remote; a submodule
    is its own. A folder without repository is its own project too, unless it can be none, such as the home
    folder: that is the project ``default``.
    """
    return next(iter(names_of(cwd)), DEFAULT_PROJECT)


def names_of(cwd: Path) -> list[str]:
    """Return the ids under which things of a folder's project are stored, the present one first.

    The second is that of a repository from the time before it had a remote. There is none for what can be no project.
    """
    folder = real(cwd)
    repository = repository_of(folder) if folder else None
    if repository:
        keys = [_remote(repository.common), _without_git(repository.common)]
        return [_id(key.rpartition("/")[2].removesuffix(".git"), key) for key in dict.fromkeys(keys) if key]
    return [] if folder is None or why_refused(folder, ()) else [_id(folder.name, _key(folder))]


def clone_of(cwd: Path) -> str | None:
    """Return what tells the repository of a folder from all others on this machine, also from a later one there.

    That is its path and when it was made: the time of a file that git writes then and never again.
    """
    repository = _repository(cwd)
    try:
        made = os.stat(repository.common / "description").st_mtime_ns if repository else None  # noqa: PTH116
    except OSError:
        return None
    return f"{_id('', _without_git(repository.common))}-{made:x}" if repository and made else None


def main_folder(cwd: Path) -> Path | None:
    """Return the main working tree of the repository of a folder, whichever worktree that lies in."""
    repository = _repository(cwd)
    return repository.common.parent if repository and repository.common.name == ".git" else None


def branch_and_commit(cwd: Path) -> tuple[str | None, str | None]:
    """Return the branch that is checked out in a folder and its commit; None for what there is not."""
    repository = _repository(cwd)
    head = first_line(repository.git / "HEAD") if repository else ""
    if repository is None or not head.startswith("ref:"):
        return None, _commit(head)
    reference = head.removeprefix("ref:").strip()
    branch = reference.removeprefix("refs/heads/")
    if branch in (reference, ".invalid") or not _is_branch(branch):  # .invalid: kept in another format
        return None, None
    commit = _commit(first_line(repository.common / reference))
    return branch, commit or _packed(repository.common, reference)


def _repository(cwd: Path) -> Repository | None:
    folder = real(cwd)
    return repository_of(folder) if folder else None


def _remote(common: Path) -> str | None:
    """Return the remote that a repository was cloned from, else its first one, in its one form."""
    first = None
    for remote, url in _remotes(text(common / "config", CONFIG_BYTES)):
        found = _normalised(url, common)
        if found and remote == "origin":
            return found
        first = first or found
    return first


def _remotes(config: str) -> Iterator[tuple[str, str]]:
    """Return the remotes in a repository's settings, each with its URL."""
    remote = None
    for line in config.splitlines():
        text = line.strip()
        if text.startswith("["):
            section = _REMOTE_SECTION.match(text)
            remote = section[1] if section else None
            text = text[section.end() :].strip() if section else ""
        name, _, value = text.partition("=")
        if remote and name.strip().lower() == "url":
            yield remote, value.strip().strip('"').replace("\\\\", "\\")


def _normalised(url: str, common: Path) -> str | None:
    """Return ``host/path`` of a URL, whatever its scheme and credentials; of a local one the repository's path."""
    if not url or len(url) > LONGEST_URL or not url.isprintable():
        return None
    scheme, is_url, rest = url.partition("://")
    by_ssh = False
    if not is_url:
        host, colon, _ = url.partition(":")
        by_ssh = bool(colon) and "/" not in host and len(host) > 1  # one letter is a drive of Windows
        scheme, rest = ("ssh", url.replace(":", "/", 1)) if by_ssh else ("file", url)
    if scheme.lower() == "file":
        found = real((common.parent if common.name == ".git" else common) / rest)
        return _without_git(found) if found else None
    address, _, path = rest.partition("/")
    user, _, address = address.rpartition("@")
    host, _, port = address.lower().partition(":")
    if port and port != _USUAL_PORTS.get(scheme.lower().removeprefix("git+")):
        host = f"{host}:{port}"
    of_user = (
        by_ssh and user not in ("", "git") and not path.startswith("/")
    )  # it is looked for in the user's home
    if host in _IGNORE_CASE:
        path, of_user = path.lower(), False
    path = path.strip("/").removesuffix(".git")
    whose = f"{user}@" if of_user else ""
    return f"{whose}{host}/{path}" if host and path else None


def _without_git(common: Path) -> str:
    """Return the path of a repository: that of its working tree, if it has one around it."""
    return _key(common.parent if common.name == ".git" else common)


def _key(folder: Path) -> str:
    return Path(os.path.normcase(folder)).as_posix()


def _id(name: str, key: str) -> str:
    if masked(name) != name:  # a secret; cut, it would not be known as one
        name = ""
    plain = unicodedata.normalize("NFKD", name[:LONGEST_NAME]).encode("ascii", "ignore").decode()
    readable = _NOT_IN_AN_ID.sub("-", plain)[:LONGEST_NAME].strip("-") or "project"
    return f"{readable}-{hashlib.sha256(os.fsencode(key)).hexdigest()[:8]}"


def _is_branch(name: str) -> bool:
    return len(name) <= LONGEST_BRANCH and name.isprintable() and not {"", ".", ".."} & set(name.split("/"))


def _commit(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def _packed(common: Path, reference: str) -> str | None:
    packed = text(common / "packed-refs", PACKED_BYTES)
    at = packed.find(f" {reference}\n")
    return _commit(packed[packed.rfind("\n", 0, at) + 1 : at]) if at >= 0 else None
