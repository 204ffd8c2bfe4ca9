"""When a version of a memory holds, in SQL; the resource is ``r``."""

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
