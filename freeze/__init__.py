"""Builds the ``ltmc`` program for hosts without Python, with PyInstaller."""
