"""What an agent is to the installer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ltmc.agents.pieces import Piece
from ltmc.agents.places import Places, is_here


@dataclass(frozen=True, slots=True)
class Client:
    """An agent.

    Attributes:
        name: on the command line.
        title: its own name.
        folders: the agent is here if one of these exists.
        user: what LTMC puts into the files of the user; of these folders only those that exist are used.
        project: what it puts into the files of a project.
        afterwards: what is left to do for a person.
        remark: what else is to be said of an installation that is there.
    """

    name: str
    title: str
    folders: Callable[[Places], list[Path]]
    user: Callable[[Places], list[Piece]]
    project: Callable[[Path], list[Piece]] | None = None
    afterwards: str = ""
    remark: Callable[[Places], str] = lambda _: ""

    def present(self, places: Places) -> bool:
        """Whether the agent is on this machine."""
        return any(is_here(folder) for folder in self.folders(places))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose files are edited: the user's or a project's.

    Attributes:
        project: the folder of the project.
    """

    places: Places
    project: Path | None = None

    def pieces(self, client: Client) -> list[Piece]:
        """Return what LTMC puts into the files of an agent here; nothing where the agent has none such."""
        if self.project is None:
            return client.user(self.places)
        return client.project(self.project) if client.project else []

    def owner(self, client: Client) -> str:
        """Return the name under which it is noted what was done for an agent here."""
        return client.name if self.project is None else f"{client.name} in {self.project}"
