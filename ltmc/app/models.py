"""The models that a database can be searched with: adding, choosing, listing and removing them."""

import asyncio
import re
from pathlib import Path
from typing import TypedDict

from ltmc.app.application import Application
from ltmc.errors import ErrorCode, LtmcError, bound_to_file, read_only
from ltmc.search import index, kernel, model_making, model_store
from ltmc.search.model_making import Checked, Progress
from ltmc.search.published_model import Pooling, PublishedModel
from ltmc.search.reindexing import begin_with
from ltmc.search.sentence_model import ModelError, SentenceModel
from ltmc.settings import Settings
from ltmc.storage import search_index
from ltmc.tools import manifest


class Listed(TypedDict):
    """A model as it is listed."""

    name: str
    dims: int
    bytes: int
    shipped: bool
    in_use: bool


class Added(Listed):
    """A model that was added, with its cosines to its float run."""

    mean_cosine: float
    least_cosine: float


class Chosen(TypedDict):
    """What choosing a model did; `entries`: how many are to be embedded."""

    name: str
    changed: bool
    entries: int


def listing(settings: Settings) -> list[Listed]:
    """Return all models, the shipped one first."""
    _require_file(settings)
    used = index.model_file(settings.db)
    return [_listed(name, file, used) for name, file in model_store.by_name(settings.db).items()]


def _listed(name: str, file: Path, used: Path | None) -> Listed:
    return {
        "name": name,
        "dims": model_store.described(file)[1],
        "bytes": file.stat().st_size,
        "shipped": name == model_store.SHIPPED,
        "in_use": file == used,
    }


def add(
    settings: Settings,
    folder: Path,
    name: str | None,
    *,
    pooling: Pooling | None,
    query_prefix: str | None,
    document_prefix: str | None,
    progress: Progress,
) -> Added:
    """Make a model file of a published sentence transformer and keep it, whole and checked, or not at all.

    Args:
        name: else made of the folder's.

    Raises:
        LtmcError: it cannot be run, or loses too much in 8 bits, or the name is taken.
    """
    _require_file(settings)
    if settings.read_only:
        raise read_only()
    _require_kernel()
    if name is None:
        name = re.sub(r"[^a-z0-9._-]+", "-", folder.absolute().name.lower()).strip("._-")[:64]
    model_store.require_free(settings.db, name)
    published = PublishedModel(folder, pooling, query_prefix, document_prefix)
    try:
        made = model_making.make(published, _texts(), progress)
    finally:
        published.close()
    checked: list[Checked] = []
    file = model_store.add(
        settings.db, name, made.content, lambda draft: checked.append(model_making.check(draft, made))
    )
    return {
        **_listed(name, file, None),
        "mean_cosine": round(checked[0].mean, 5),
        "least_cosine": round(checked[0].least, 5),
    }


def use(settings: Settings, name: str) -> Chosen:
    """Have the index of the database made with a model; servers that start from now on embed with it.

    Raises:
        LtmcError: there is no such model, or its file is damaged.
    """
    _require_file(settings)
    if settings.read_only:
        raise read_only()
    _require_kernel()
    file = model_store.file_of(settings.db, name)
    try:
        checksum = SentenceModel(file).checksum
    except ModelError as error:
        raise LtmcError(ErrorCode.UNSUPPORTED, f"name: {error}.", field="name") from error

    async def choose() -> Chosen:
        app = Application(settings)
        try:
            changed = await begin_with(app.engine, checksum)
            async with app.engine.read() as tx:
                counts = await search_index.counts(tx)
        finally:
            await app.close()
        return {"name": name, "changed": changed, "entries": sum(rows for rows, _ in counts.values())}

    return asyncio.run(choose())


def remove(settings: Settings, name: str) -> None:
    """Remove a model.

    Raises:
        LtmcError: there is none, it is in use, or it is the shipped one.
    """
    _require_file(settings)
    if settings.read_only:
        raise read_only()
    file = model_store.file_of(settings.db, name)
    if name == model_store.SHIPPED:
        raise LtmcError(ErrorCode.CONFLICT, f"name: {name} comes with LTMC and stays.", field="name")
    if file == index.model_file(settings.db):
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"name: {name} is in use; `ltmc model use {model_store.SHIPPED}` chooses the shipped one.",
            field="name",
        )
    model_store.remove(file)


def _require_file(settings: Settings) -> None:
    if settings.postgres_url is not None:
        raise bound_to_file("model", "There the index is made with the model that comes with LTMC.")


def _require_kernel() -> None:
    if (reason := kernel.reason()) is not None:
        raise LtmcError(ErrorCode.UNSUPPORTED, f"No model can run here: {reason}")


def _texts() -> list[str]:
    """Return what models are fitted to and checked on: what LTMC's tools and their arguments are for."""
    said = []
    for tool in manifest.tools():
        said.append(tool.description)
        said += [one.get("description", "") for one in tool.parameters.get("properties", {}).values()]
    return list(dict.fromkeys(" ".join(text.split()) for text in said if text))
