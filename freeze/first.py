"""Runs hooks and greets agents before PyInstaller's own preparations, which take longer than either."""

from ltmc.__main__ import begin

begin()
