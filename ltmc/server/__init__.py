"""The MCP server and its transports: stdio and HTTP."""
