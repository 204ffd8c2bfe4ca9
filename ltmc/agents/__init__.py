"""Installing LTMC into coding agents: a module a client in `clients`, and the editing of their files."""
