"""The shipped sentence model, loaded once."""

from pathlib import Path

import pytest

from ltmc.search import sentence_model
from ltmc.search.sentence_model import SentenceModel

FILE = Path(sentence_model.__file__).with_name("minilm.ltms")


@pytest.fixture(scope="session")
def model() -> SentenceModel:
    """Return the model with the best instructions that are here."""
    return SentenceModel(FILE)
