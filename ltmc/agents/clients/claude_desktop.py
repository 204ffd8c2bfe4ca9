"""Claude Desktop: it has no hooks and no file of instructions."""

from ltmc.agents import hooks
from ltmc.agents.model import Client
from ltmc.agents.pieces import SERVER, JsonServer

CLIENT = Client(
    "claude-desktop",
    "Claude Desktop",
    lambda places: [places.application / "Claude"],
    lambda places: [
        JsonServer(
            places.application / "Claude" / "claude_desktop_config.json",
            ("mcpServers", SERVER),
            hooks.server_entry(),
        )
    ],
    afterwards="Restart it.",
)
