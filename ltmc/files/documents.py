"""Which files are documents that LTMC may write: never what a program, a tool or version control reads."""

import re
from collections.abc import Sequence

SUFFIXES = (".md", ".markdown", ".mdx", ".rst", ".txt")
"""How the names of documents end."""

NOT_ONES_OWN = frozenset(
    ".git .hg .svn .bzr .jj __pycache__ node_modules .venv venv .tox .nox .mypy_cache .pytest_cache .ruff_cache "
    ".hypothesis .cache .eggs .idea .vscode site-packages".split()
)
"""Folders that hold what tools put there."""

_BUILT = frozenset(
    "__pypackages__ _book _build _site bower_components build carthage coverage deriveddata dist dist-packages "
    "elm-stuff htmlcov jspm_packages obj out pods target third_party vendor".split()
)
_OF_DOCUMENTS = frozenset("doc docs documentation guide guides handbook manual wiki".split())
_SUBJECTS = frozenset("build coverage out target".split())
"""Words of `_BUILT` that are chapters below a folder of documents."""

_BUILT_BEGIN = ("bazel-", "cmake-build-")
_METADATA = (".dist-info", ".egg-info")
_READ_BY_TOOLS = frozenset(
    "ads apt cmakelists conanfile conda constraint constraints dependencies dependency deps entry environment freeze "
    "lock lockfile manifest meson modules packages pip pylock reqs requirement requirements requires robots runtime "
    "sources tox version".split()
)
"""Words in the names of text files, or of their folders, that tools, builds and crawlers read."""

_FOR_PEOPLE = frozenset(
    "authors changelog changes contributing history index license notes notice readme todo".split()
)
"""Names, without their ends, that tell nothing to tools, whatever the folder."""

_READ_BY_AGENTS = frozenset(
    "agent agents claude conventions copilot-instructions crush gemini qwen replit skill warp".split()
)
"""Names, without their ends, of documents that agents obey."""

_WORD = re.compile(r"[a-z]+")
_SHORT_NAME = re.compile(r"~\d")
"""How Windows writes a second name of a file: ``git~1`` is ``.git`` there."""


def why_not_written(parts: Sequence[str]) -> str | None:
    """Return why the file at a path below a project's folder is not written; None when it may be."""
    *folders, name = [part.casefold().rstrip(". ") for part in parts]  # Windows leaves these out
    for shown, part in zip(parts, (*folders, name), strict=True):
        if shown.startswith("."):
            return f"{shown!r} begins with a dot"
        if (
            not part.isprintable()
        ):  # some file systems leave such characters out: "\u200c.git" is ".git" there
            return f"{shown!r} holds a character that cannot be seen"
        if _SHORT_NAME.search(part):
            return f"{shown!r} may be the short name of another file"
    if parts[0].startswith(("~", "$", "file:")):
        return f"{parts[0]!r} is written as another place, and would be a folder of this name"
    for place, folder in enumerate(folders):
        if folder in _SUBJECTS and not _OF_DOCUMENTS.isdisjoint(folders[:place]):
            continue
        if folder in NOT_ONES_OWN | _BUILT or folder.endswith(_METADATA) or folder.startswith(_BUILT_BEGIN):
            return f"{folder!r} is a folder for what tools make"
    if not name.endswith(SUFFIXES):
        return "it is no document"
    stem = name.partition(".")[0]
    told = [name] if stem in _FOR_PEOPLE else [*folders[-1:], name]
    if name.endswith(".txt") and _READ_BY_TOOLS & {*_WORD.findall(" ".join(told))}:
        return "it is read by tools"
    if stem in _READ_BY_AGENTS:
        return "agents obey what it says"
    return None
