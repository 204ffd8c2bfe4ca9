"""Exporting: all that is remembered, for another LTMC or for people."""
