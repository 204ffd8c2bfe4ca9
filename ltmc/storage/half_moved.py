"""The mark of a database into which another one is being copied: until that is finished nobody else may use it."""

from ltmc.errors import ErrorCode, LtmcError

HALF_MOVED = 1_000_000
"""The version that its schema has meanwhile: every transaction looks at that, and an older LTMC refuses it too."""


class HalfMovedError(LtmcError):
    """Another database is being copied into this one."""

    def __init__(self, shown: str) -> None:
        super().__init__(
            ErrorCode.UNSUPPORTED,
            f"The database {shown} is half migrated: another one is being copied into it. Run `ltmc migrate-to` again "
            "as before to finish that; or remove it: it holds copies alone.",
            details={"database": shown},
        )
