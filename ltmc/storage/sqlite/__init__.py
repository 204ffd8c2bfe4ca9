"""The database on one SQLite file."""
