"""The soaks in a short form; `python -m tests.soak.<name>` runs the long ones."""

import asyncio
from pathlib import Path

import pytest

from tests.artefacts import command
from tests.soak import many_clients, sudden_death


def test_many_clients_lose_nothing(db: Path) -> None:
    report = asyncio.run(many_clients.run(db, servers=4, lanes=4, writes=1200))
    many_clients.check(db, report)
    print(report)


@pytest.mark.parametrize("form", ["source", "pyz", "frozen"])
def test_sudden_death_loses_nothing(db: Path, form: str) -> None:
    print(sudden_death.run(db, 20, command(form)))
