"""The tokens of users: their names, roles, projects and digests."""

from collections.abc import Sequence
from typing import NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import among


class Token(NamedTuple):
    """A token.

    Attributes:
        projects: those that it is held to; none: all.
        digest: the SHA-256 of the token, which is not kept.
    """

    name: str
    role: str
    projects: list[str]
    digest: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


async def everyone(tx: Transaction) -> list[Token]:
    """Return every token, revoked ones too, by name."""
    return await tx.all(Token, f"SELECT {columns(Token)} FROM tokens ORDER BY name")


async def of_digests(tx: Transaction, digests: Sequence[str]) -> list[Token]:
    """Return the tokens of digests, revoked ones too."""
    wanted = among("digest")(digests)
    return await tx.all(Token, f"SELECT {columns(Token)} FROM tokens WHERE {wanted.sql}", wanted.parameters)


async def get(tx: Transaction, name: str) -> Token | None:
    """Return the token of a name."""
    return await tx.one(Token, f"SELECT {columns(Token)} FROM tokens WHERE name = ?", (name,))


async def insert(tx: Transaction, token: Token) -> None:
    """Store a new token."""
    marks = ", ".join("?" * len(token))
    await tx.run(f"INSERT INTO tokens ({columns(Token)}) VALUES ({marks})", [*token])


async def revoke(tx: Transaction, name: str, moment: str) -> None:
    """Have a token count no more."""
    await tx.run("UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (moment, name))


async def note_use(tx: Transaction, name: str, moment: str) -> None:
    """Note when a token was used last."""
    await tx.run("UPDATE tokens SET last_used_at = ? WHERE name = ?", (moment, name))
