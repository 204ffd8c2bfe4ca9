"""The search interface: everything that finds text goes through here.

A row is a thing that search can find; an entry is what the index holds of it; a hit is a row found.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict, get_args

from typing_extensions import Unpack

from ltmc.search import analysis, current, fusion, kernel, model_store, ranking
from ltmc.search.chunking import chunk
from ltmc.search.kinds import Content, Entry, Kind
from ltmc.search.notes import BEHIND, NEWER, PENDING, WORDS_ALONE, note
from ltmc.search.passages import WHOLE, passage
from ltmc.search.profiles import impacts, marks, pack_impacts
from ltmc.search.requests import Asked, Found, Hit, Mode, Request
from ltmc.search.resident_index import CurrentIndex
from ltmc.search.sentence_model import BIAS, ModelError, SentenceModel
from ltmc.search.vectors import mean_unit, sign_code
from ltmc.storage import index_entries
from ltmc.storage.engine import Transaction
from ltmc.storage.index_entries import NewEntry
from ltmc.storage.search_index import SearchIndex
from ltmc.storage.sources import R, Where, by_id, counts, newest
from ltmc.storage.sqlite.read_only import aim_of
from ltmc.timestamps import now

MODES = get_args(Mode)

WINDOW_TOKENS, WINDOWS, WINDOWS_CHARACTERS = 240, 4, 8_000
"""A text of more tokens is embedded in windows of so many, the first few of them."""

AT_ONCE_CHARACTERS = WINDOWS_CHARACTERS
"""Texts of up to so many characters are embedded before they are stored: about 2,000 tokens, 0.1 s with AVX-512 and
0.3 with AVX2. What is longer is found by words at once, and by meaning when a worker in the background is done."""

DOCUMENT_SHARE = 0.3
"""Of the mean of a document's chunks in the vector of each: what a part is about. Development notes, recall@1 and @5:
0 .543 .759, 0.3 .553 .779, 0.5 .537 .769."""


class SearchMarks(TypedDict):
    """What every page of a search says of how it was found; the last two only where they are so.

    `total_is_exact`: false where there are too many to count; `weak`: even the best hit is perhaps not what was
    asked for.
    """

    search_mode: str
    total_is_exact: NotRequired[bool]
    weak: NotRequired[bool]


class Ranking(NamedTuple):
    """A page of hits, best first.

    Attributes:
        total: how many match in all.
        exact: whether the total is; of very many it is not.
        weak: even the best is perhaps not what was asked for.
        mode: how they were found: ``hybrid``, ``lexical``, ``semantic``, or ``listing`` when there was no
            query.
        entries: how many entries the project has of the kind, about; 0 for a listing.
        rows: how many rows the filters leave, where they were counted.
    """

    hits: list[Hit]
    total: int
    mode: str
    entries: int = 0
    exact: bool = True
    weak: bool = False
    rows: int | None = None


def marks_of(shown: Sized, *rankings: Ranking) -> SearchMarks:
    """Return what a page of one ranking, or of several together, says of how it was found."""
    found: SearchMarks = {
        "search_mode": "+".join(sorted({ranking.mode for ranking in rankings})) or "lexical"
    }
    if not all(ranking.exact for ranking in rankings):
        found["total_is_exact"] = False
    if shown and all(ranking.weak or not ranking.hits for ranking in rankings):
        found["weak"] = True
    return found


class WordsAlone:
    """Stands for the model where none can be loaded, for a reason that is a sentence: no text has a meaning."""

    checksum, dims = "words", 384

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[bytes]:  # noqa: ARG002 - as the model's
        """Return a vector without direction for each text."""
        return [bytes([BIAS]) * self.dims] * len(texts)


def model() -> SentenceModel | WordsAlone:
    """Return the embedding model: that which the index of this process's database is made with.

    It is looked up once: when `ltmc model use` chooses another one, servers that run leave the index alone.
    """
    return _model_of(current.database)


@cache
def _model_of(database: Path | None) -> SentenceModel | WordsAlone:
    if (reason := kernel.reason()) is not None:
        return WordsAlone(reason)
    file = model_file(database) if database else model_store.SHIPPED_FILE
    if file is None:
        return WordsAlone(
            "the model that this database is made with is not in its folder ltmc-models. `ltmc model add` puts it "
            "there, `ltmc model use` chooses another one."
        )
    try:
        return _loaded(file)
    except ModelError as error:
        if file == model_store.SHIPPED_FILE:
            raise
        return WordsAlone(f"{error}. `ltmc model use` chooses another model.")


def model_file(database: Path) -> Path | None:
    """Return the file of the model that the index of a database is made with, None where it is not here.

    It is the shipped one for a new database, and for one of another version with a model that is not here.
    """
    number, _, name = aim_of(database).partition(":")
    if name in ("", WordsAlone.checksum):
        return model_store.SHIPPED_FILE
    for file in model_store.by_name(database).values():
        if model_store.described(file)[0].startswith(name):
            return file
    return None if number == str(analysis.ANALYSIS_VERSION) else model_store.SHIPPED_FILE


@cache
def _loaded(file: Path) -> SentenceModel:
    return SentenceModel(file)


def identity() -> str:
    """Return what an index must have been made with to be searched by this program.

    Its number grows with every change of the analysis or the shipped model, so that of two programs on one database
    the newer one makes the index and the older one leaves it alone.
    """
    return identity_with(model().checksum)


def identity_with(checksum: str) -> str:
    """Return the identity of an index that this program makes with a model."""
    return f"{analysis.ANALYSIS_VERSION}:{checksum[:16]}"


def is_vector(vector: bytes) -> bool:
    """Return whether it is a vector of the model's size; that of what is not embedded yet is empty."""
    return len(vector) == model().dims


def by_meaning(made_with: str) -> bool:
    """Return whether an index of this identity can be searched by meaning: the model that made it is in use."""
    return made_with == identity() and not isinstance(model(), WordsAlone)


def is_newer(other: str) -> bool:
    """Return whether an identity is not this program's and none before it: a newer one's, or of another model that
    was chosen since this process began."""
    number, _, name = other.partition(":")
    if other == identity():
        return False
    same = number == str(analysis.ANALYSIS_VERSION)
    return is_of_newer_program(other) or (same and name != WordsAlone.checksum)


def is_of_newer_program(other: str) -> bool:
    """Return whether an identity is that of a newer version of the analysis."""
    number = other.partition(":")[0]
    return number.isdecimal() and int(number) > analysis.ANALYSIS_VERSION


Prepared = Mapping[Content, NewEntry]
"""What the index stores of texts, made before the transaction that stores them takes its lock."""


async def prepare(kind: Kind[R], rows: Sequence[R]) -> Prepared:
    """Analyse and embed rows in a thread, before the transaction that stores them takes its lock; see `add`.

    The chunks of a document come together. Of much text the vectors are left to the background.
    """
    return await asyncio.to_thread(prepared, kind, rows, AT_ONCE_CHARACTERS)


def prepared(kind: Kind[R], rows: Sequence[R], most: float = math.inf) -> Prepared:
    """Return what the index stores of rows.

    Args:
        most: without the vectors when the texts to embed have more characters.
    """
    entries = [kind.entry(row) for row in rows]
    if sum(min(len(entry.meaning), WINDOWS_CHARACTERS) for entry in entries) > most:
        return {entry.content: new_entry(kind, entry) for entry in entries}
    vectors = in_documents(kind, entries, embedded_together([entry.meaning for entry in entries]))
    return {
        entry.content: new_entry(kind, entry, vector) for entry, vector in zip(entries, vectors, strict=True)
    }


def new_entry(kind: Kind[Any], entry: Entry, vector: bytes = b"") -> NewEntry:
    """Return an entry as the index stores it; without a vector it is found by its words alone."""
    found = impacts(kind.profile, entry.fields)
    if kind.profile.neighbours:
        found |= marks(entry.fields["text"])
    return NewEntry(
        entry.id,
        entry.project_id,
        _group_key(kind, entry),
        list(found),
        pack_impacts(found),
        vector,
        sign_code(vector),
    )


def in_documents(kind: Kind[Any], entries: Sequence[Entry], vectors: list[bytes]) -> list[bytes]:
    """Return the vectors of entries, those of a document's chunks each with a share of the mean of all that are
    given."""
    if kind.profile.neighbours:
        return vectors
    together: dict[str, list[bytes]] = {}
    for vector, entry in zip(vectors, entries, strict=True):
        if entry.group is not None:
            together.setdefault(entry.group, []).append(vector)
    means = {group: mean_unit(inside) for group, inside in together.items() if len(inside) > 1}
    return [
        mean_unit([vector, means[entry.group]], [1.0, DOCUMENT_SHARE]) if entry.group in means else vector
        for vector, entry in zip(vectors, entries, strict=True)
    ]


def embedded(text: str) -> bytes:
    """Return the vector of a text: of a long one the mean of those of its first parts."""
    return embedded_together([text])[0]


def query_vector(query: str) -> bytes:
    """Return the vector of a query; one answer may search several kinds for the same."""
    return _query_vector(model(), query)


@lru_cache(maxsize=64)
def _query_vector(of: SentenceModel | WordsAlone, query: str) -> bytes:
    return of.embed([query], query=True)[0]


def embedded_together(texts: Iterable[str]) -> list[bytes]:
    """Return the vector of each text; short ones share a pass through the model."""
    parted = [_windows(text) for text in texts]
    found = iter(model().embed([window for windows in parted for window in windows]))
    return [mean_unit([next(found) for _ in windows]) for windows in parted]


def _windows(text: str) -> list[str]:
    if len(text) <= WINDOW_TOKENS:  # a token has a character at least
        return [text]
    return [window.text for window in chunk(text[:WINDOWS_CHARACTERS], WINDOW_TOKENS, 0)][:WINDOWS]


def _group_key(kind: Kind[Any], entry: Entry) -> int | None:
    if entry.group is None:
        return None
    return index_entries.group_key(index_entries.scope_name(kind.name, entry.project_id), entry.group)


async def add(tx: Transaction, kind: Kind[R], rows: Sequence[R], ready: Prepared | None = None) -> None:
    """Index rows in the transaction that stores them; entries that were there are replaced.

    Args:
        ready: what `prepare` made of the same texts. What it lacks is analysed here, and embedded in the background.
    """
    made = ready or {}

    def write(stored: SearchIndex) -> bool:
        stored.delete(kind.name, [row.id for row in rows])
        if not rows or not _claim(stored):
            return False
        entries = [
            (made.get(entry.content) or new_entry(kind, entry))._replace(
                owner_id=entry.id, group_key=_group_key(kind, entry)
            )
            for entry in map(kind.entry, rows)
        ]
        stored.insert(kind.name, entries)
        return not all(entry.vector for entry in entries)

    if await tx.call(write):
        note(PENDING)


def _claim(stored: SearchIndex) -> bool:
    """Return whether this program may make entries; an older one's index it takes over.

    If not, it is recorded that a row was left out; the newer program makes its entry.
    """
    state, own = stored.state(), identity()
    if state.aim == own:
        return True
    if is_newer(state.aim):
        stored.leave_out()
        return False
    if state.target is None and not stored.last_seq():  # the first entry
        stored.set_identity(own)
    else:
        stored.begin_reindexing(own, stored.last_seq())
    return True


async def remove(tx: Transaction, kind: Kind[Any], owner_ids: Iterable[int]) -> None:
    """Remove owners from the index; unknown ones are ignored."""
    ids = list(owner_ids)
    await tx.call(lambda stored: stored.delete(kind.name, ids))


async def move(tx: Transaction, old: Kind[Any], new: Kind[Any], owner_ids: Sequence[int]) -> None:
    """Have entries be of another kind, as they are; those of an index in the making are made anew."""

    def write(stored: SearchIndex) -> bool:
        state = stored.state()
        if state.identity == identity() and state.target is None:
            stored.move(old.name, new.name, owner_ids)
            return False
        stored.delete(old.name, owner_ids)
        stored.leave_out()
        return True

    if await tx.call(write):
        note(BEHIND)


async def document_vectors(tx: Transaction, resource_ids: Iterable[int | None]) -> dict[int, bytes]:
    """Return the mean vector of the chunks of each memory, by its id.

    None of those that are not embedded wholly, or that another version indexed.
    """
    wanted = [resource_id for resource_id in resource_ids if resource_id is not None]

    def read(stored: SearchIndex) -> list[tuple[int, bytes]]:
        return stored.chunk_vectors(wanted) if stored.state().identity == identity() else []

    chunks: dict[int, list[bytes]] = {}
    for resource_id, vector in await tx.call(read):
        chunks.setdefault(resource_id, []).append(vector)
    return {
        resource_id: mean_unit(vectors)
        for resource_id, vectors in chunks.items()
        if all(map(is_vector, vectors))
    }


async def load_rows(tx: Transaction, kind: Kind[R], hits: Sequence[Hit]) -> list[tuple[R, Hit]]:
    """Return the rows of hits, in their order; those that are gone are left out."""
    rows = await by_id(tx, kind.source, [hit.id for hit in hits], visible=True)
    return [(rows[hit.id], hit) for hit in hits if hit.id in rows]


def shown(kind: Kind[R], row: R, query: str) -> Any:
    """Return a row as search results show it: of a long text the passage that answers the query."""
    view = kind.view(row)
    if query.strip() and kind.prose is not None and len(text := kind.prose(row)) > WHOLE:
        part: dict[str, Any] = {**passage(text, query)}
        if "content" not in view:
            part["description"] = part.pop("content")
        return {**view, **part}
    return view


def result(kind: Kind[R], row: R, hit: Hit, query: str, *, explain: bool = False) -> dict[str, Any]:
    """Return a hit as search results show it.

    Args:
        explain: with the parts of the score, which add up to it.
    """
    return {
        **shown(kind, row, query),
        "score": hit.score,
        **({"score_parts": hit.parts} if explain else {}),
    }


async def search(
    tx: Transaction, kind: Kind[Any], query: str, *, projects: Sequence[str], **asked: Unpack[Asked]
) -> Ranking:
    """Find what matches `query` inside projects, each searched by itself; a blank query lists the newest.

    Of memories of the same name that are current, only the one of the first of the projects is found.
    """
    if len(projects) == 1:
        return await _search(tx, kind, query, projects, **asked)
    first, last = asked.get("offset", 0), asked.get("offset", 0) + asked["limit"]
    part: Asked = {**asked, "limit": last, "offset": 0}
    each = [await _search(tx, kind, query, projects[:end], **part) for end in range(1, len(projects) + 1)]
    hits = sorted((hit for one in each for hit in one.hits), key=lambda hit: (-hit.score, -hit.id))
    return Ranking(
        hits[first:last],
        sum(one.total for one in each),
        "+".join(sorted({one.mode for one in each})),
        sum(one.entries for one in each),
        all(one.exact for one in each),
        all(one.weak or not one.hits for one in each),
    )


async def _search(
    tx: Transaction,
    kind: Kind[Any],
    query: str,
    projects: Sequence[str],
    *,
    where: Where | None = None,
    mode: Mode = "hybrid",
    every_term: bool = False,
    min_score: float = 0.0,
    per_group: int = 0,
    limit: int,
    offset: int = 0,
    any_time: bool = False,
) -> Ranking:
    """Search the last of the projects."""
    project_id, where, moment = projects[-1], where or {}, None if any_time else now()
    inside = {"project": [project_id], **where, **kind.source.present(moment, projects)}
    if not query.strip():
        per_group = per_group or 1
        # One more tells whether there is another page, where not all are counted.
        ids = await newest(tx, kind.source, inside, per_group=per_group, limit=limit + 1, offset=offset)
        counted = await counts(tx, kind.source, inside, per_group=per_group)
        least = counted.shown if counted.exact else max(counted.shown, offset + len(ids))
        hits = [Hit(row_id, 0.0) for row_id in ids[:limit]]
        return Ranking(hits, least, "listing", exact=counted.exact, rows=counted.rows)

    notes: list[str] = []

    def find(stored: SearchIndex) -> tuple[Found, Mode, int]:
        name = index_entries.scope_name(kind.name, project_id)
        resident = tx.resident(CurrentIndex).refreshed(stored, tx.began, identity(), model().dims, name)
        size = resident.size(name)
        by: Mode = mode if by_meaning(resident.aim) and not every_term else "lexical"
        if isinstance(found_model := model(), WordsAlone):
            notes.append(f"{WORDS_ALONE} {found_model.reason}")
        vector = b"" if by == "lexical" else query_vector(query)
        last, present = offset + limit, datetime.now(UTC)
        rest = (min_score, per_group, offset, last, present, moment, projects)
        request = Request(kind, query, vector, project_id, where, by, *rest)
        if is_newer(resident.aim):
            notes.append(NEWER)
        elif resident.behind or resident.aim not in ("", identity()):
            notes.append(BEHIND)
        elif by != "lexical" and stored.is_pending(kind.name, project_id):
            notes.append(PENDING)
        if every_term:
            return ranking.every_term(stored, resident, request), by, size
        return ranking.search(stored, resident, request), by, size

    found, by, size = await tx.call(find)
    note(*notes)
    total, exact = found.total, found.exact
    rows = None
    if total is None and (exact or where):  # nothing is left out for its meaning
        counted = await counts(tx, kind.source, inside, per_group=per_group)
        total, rows, exact = counted.shown, counted.rows, exact and counted.exact
    elif total is None:
        total = size
    if len(found.hits) < limit:
        total = min(total, offset + len(found.hits))
    weak = found.confidence < fusion.CONFIDENT
    return Ranking(found.hits, total, by, size, exact, weak, rows)


def matching(query: str) -> str:
    """Return the value of the filter ``matching`` that leaves what holds every term of `query`."""
    return ranking.expression_of(analysis.query_words(query))
