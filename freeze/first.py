"""What the frozen program does before PyInstaller's own preparations: run a hook, or greet an agent.

Those take longer than either.
"""

from ltmc.__main__ import begin

begin()
