"""Importing: what other programs kept of talks and notes comes into the memory."""
