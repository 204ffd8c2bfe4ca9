"""LTMC: long-term memory and context for coding agents, served over MCP."""

__version__ = "1.0.0"
