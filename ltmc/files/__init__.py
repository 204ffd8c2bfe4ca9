"""Files of projects: the guard that every path goes through, and which files are a person's own."""
