"""SQL and connections. Nothing above this package writes SQL; nothing here knows of tools."""
