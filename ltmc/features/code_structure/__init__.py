"""Blueprints of code."""
