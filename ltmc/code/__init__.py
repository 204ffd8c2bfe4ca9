"""Reading source code without running it: symbols, signatures, docstrings, changes."""
