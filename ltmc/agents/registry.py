"""The agents that LTMC knows."""

from ltmc.agents.clients import (
    claude_code,
    claude_desktop,
    cline,
    codex,
    copilot,
    cursor_ide,
    devin,
    gemini,
    goose,
    jetbrains,
    opencode,
    vscode,
    zed,
)
from ltmc.agents.model import Client

CLIENTS: dict[str, Client] = {
    module.CLIENT.name: module.CLIENT
    for module in (
        claude_code,
        claude_desktop,
        codex,
        gemini,
        cursor_ide,
        vscode,
        copilot,
        devin,
        zed,
        cline,
        opencode,
        goose,
        jetbrains,
    )
}
