"""Which database this process works on; `ltmc.search.index.model` is the model that its index is made with."""

from pathlib import Path

database: Path | None = None
"""Set when an application makes its engine; None in a process without one, which goes by the shipped model."""
