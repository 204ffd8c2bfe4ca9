"""Which project a call means."""

DEFAULT_PROJECT = "default"
ALL_PROJECTS = "*"


def project_of(project_id: str | None) -> str:
    """Return the project that a call means."""
    return DEFAULT_PROJECT if project_id is None else project_id


def scope_of(project_id: str | None) -> str | None:
    """Return the project of a call that reads aggregates; None for all of them."""
    return None if project_id == ALL_PROJECTS else project_of(project_id)
