"""Which agents are here, whether they know LTMC, and whether what they start is still there: for ``ltmc doctor``."""

from pathlib import Path

from ltmc.agents import files
from ltmc.agents.model import Client
from ltmc.agents.pieces import Piece
from ltmc.agents.places import Places, places
from ltmc.agents.registry import CLIENTS
from ltmc.agents.text import EditError


def report() -> dict[str, list[str]]:
    """Return for each agent that is here how it stands with LTMC, and the command that it starts."""
    found = places()
    return {
        name: [_state(client, found), " ".join(_command(client, found) or ())]
        for name, client in CLIENTS.items()
        if client.present(found)
    }


def _state(client: Client, found: Places) -> str:
    for piece in client.user(found):
        try:
            command = _read(piece)
        except (EditError, OSError) as error:
            return f"{piece.path} cannot be read: {error}"
        if missing := [part for part in command or () if _is_path(part) and not Path(part).exists()]:
            return f"installed, but {missing[0]} is missing: run ltmc install {client.name}"
    if _command(client, found) is None:
        return f"not installed: ltmc install {client.name}"
    return "; ".join(filter(None, ["installed", client.remark(found)]))


def _command(client: Client, found: Places) -> list[str] | None:
    for piece in client.user(found):
        try:
            if command := _read(piece):
                return command
        except (EditError, OSError):
            continue
    return None


def _read(piece: Piece) -> list[str] | None:
    return piece.command(files.decode(files.read(piece.path)))


def _is_path(part: str) -> bool:
    return Path(part).is_absolute()
