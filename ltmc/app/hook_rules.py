"""Where a session is and what hooks may do there: the settings, made narrower by the project's own file."""

from collections.abc import Sequence
from pathlib import Path

from ltmc.app.project_identity import branch_and_commit, clone_of, main_folder, names_of
from ltmc.app.redaction import masked
from ltmc.features.hooks.handling import Place, Rules
from ltmc.features.hooks.payloads import Event, root_of
from ltmc.features.hooks.project_file import allowed_in
from ltmc.settings import AUTO, Settings
from ltmc.tools.project_scope import DEFAULT_PROJECT


def place_of(event: Event, settings: Settings) -> Place:
    """Return where the session of an event is.

    Raises:
        LtmcError: INVALID_ARGUMENT for a file of the project that cannot be understood.
    """
    root = Path(root_of(event.cwd))
    folders = dict.fromkeys(
        (root, main_folder(Path(event.cwd)) or root)
    )  # a file that is not tracked is in one alone
    allowed = [allowed_in(folder) for folder in folders]
    rules = Rules(
        masked,
        settings.capture and all(one.capture for one in allowed),
        settings.inject and all(one.inject for one in allowed),
        (*settings.capture_ignore, *(pattern for one in allowed for pattern in one.ignore)),
    )
    branch, commit = branch_and_commit(Path(event.cwd))
    found = (("branch", branch and masked(branch)), ("commit", commit))
    marks = {name: value for name, value in found if value is not None}
    projects = projects_of(Path(event.cwd), settings.project)
    clone = clone_of(Path(event.cwd)) if len(projects) > 1 else None
    return Place(projects, root, rules, marks, clone)


def projects_of(cwd: Path, setting: str) -> Sequence[str]:
    """Return the projects of a folder, its own first: those of its repository, unless the setting names one.

    What was stored without naming a project is in the default one, which is read too.
    """
    if setting != AUTO:
        return (setting,)
    return (*names_of(cwd), DEFAULT_PROJECT)
