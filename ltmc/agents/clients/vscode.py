"""VS Code with Copilot. It takes 128 tools of all servers together."""

from pathlib import Path

from ltmc.agents import guidance, hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, JsonServer, OwnFile, Piece
from ltmc.agents.places import Places

RULE = guidance.rule('applyTo: "**"\ndescription: Long-term memory with LTMC')


def _folder(places: Places) -> Path:
    return places.application / "Code" / "User"


def _server(file: Path) -> Piece:
    return JsonServer(file, ("servers", SERVER), {"type": "stdio", **hooks.server_entry(profile="core")})


def _user(places: Places) -> list[Piece]:
    return [
        _server(_folder(places) / "mcp.json"),
        OwnFile(_folder(places) / "prompts" / "ltmc.instructions.md", RULE),
    ]


def _project(root: Path) -> list[Piece]:
    return [
        _server(root / ".vscode" / "mcp.json"),
        OwnFile(root / ".github" / "instructions" / "ltmc.instructions.md", RULE),
    ]


CLIENT = Client("vscode", "VS Code", lambda places: [_folder(places)], _user, _project)
