"""When a version of a memory holds, in SQL; the resource is ``r``."""

from collections.abc import Sequence

BOUNDED = (
    "(r.valid_from IS NOT NULL OR r.valid_until IS NOT NULL OR r.superseded_at IS NOT NULL "
    "OR r.expires_at IS NOT NULL)"
)
"""Of what is not archived: what `CURRENT` may leave out."""

VALID = (
    "(r.valid_from IS NULL OR r.valid_from <= ?) AND (r.valid_until IS NULL OR r.valid_until >= ?) "
    "AND (r.superseded_at IS NULL OR r.superseded_at > ?)"
)
UNEXPIRED = "r.expires_at IS NULL OR r.expires_at > ?"
CURRENT = f"r.archived = 0 AND {VALID} AND ({UNEXPIRED})"
"""What holds at a moment, given for each place: the one condition for all that asks what is current."""

SHADOWED = (
    "(r.file_name IN (SELECT o.file_name FROM json_each(?) p JOIN resources o ON o.project_id = p.value) AND "
    "EXISTS (SELECT 1 FROM json_each(?) p JOIN resources o ON o.project_id = p.value AND o.file_name = r.file_name "
    "WHERE CAST(p.key AS BIGINT) < (SELECT CAST(key AS BIGINT) FROM json_each(?) WHERE value = r.project_id) AND "
    + CURRENT.replace("r.archived", "+r.archived").replace("r.", "o.")  # the name finds it, not this
    + "))"
)
"""What has the name of a memory that holds in a project further ahead; `shadowing` has the parameters."""


def shadowing(projects: Sequence[str], moment: str) -> list[Sequence[str]]:
    """Return the parameters of `SHADOWED` for projects that are looked in together, what goes before first."""
    return [projects[:-1], projects, projects, *[moment] * 4]
