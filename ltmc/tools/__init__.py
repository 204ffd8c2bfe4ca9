"""The tools: each module is a category, each public coroutine function a tool.

A tool checks its arguments (by their types), calls one service and returns a JSON object. Its docstring
is what agents read. ``python -m ltmc.tools`` writes `schemas.json` from the functions.
"""
