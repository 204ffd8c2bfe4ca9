"""What LTMC does: a folder a subject, each with its tools, its service and what only it needs."""
