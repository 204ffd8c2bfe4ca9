"""Builds ``ltmc.pyz``, one file for every supported CPython, and what is made from it."""
