"""Todos."""
