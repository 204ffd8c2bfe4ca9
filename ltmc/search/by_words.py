"""Memories found, and messages indexed, by their words alone: for commands that run in an instant.

No model is loaded and nothing is kept in memory. A message gets its vector from the next server that searches.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ltmc.search import analysis
from ltmc.search.profiles import CHAT, K1, LEVELS, bm25, idf, impacts, marks, pack_impacts
from ltmc.storage import index_entries
from ltmc.storage.index_entries import NewEntry
from ltmc.storage.sqlite.hook_store import HookStore

QUERY_CHARACTERS, QUERY_TERMS = 2_000, 40
"""How much of a query is looked at."""

POSTINGS = 2_000
"""How many entries are read of one term, the newest."""

CANDIDATES = 40
"""How many of them are scored exactly."""

USUAL_SIZE = 100
"""Of a smaller store a word's weight is that in one of so many: in two memories no word is rare."""

LEAST_SHARE = {1: 2.0, 2: 0.3}
SHARE_OF_MORE, SHARE_OF_BEST = 0.2, 0.6
"""What a memory must have of the weight of a query's words to be sure to be meant, by how many words it has; never by
one. And what of the share of the best. Development notes: of 300 questions with an answer 117 are told something,
98 of them the answer, and 3 of 20 without one; by words and meaning, in a server, it is 107, 101 and 2."""


class Match(NamedTuple):
    """A part of a memory, the share that it has of the weight of a query's words, and of how many words."""

    chunk_id: int
    share: float
    terms: int

    @property
    def is_sure(self) -> bool:
        """Whether it is meant by the query."""
        return self.share >= LEAST_SHARE.get(self.terms, SHARE_OF_MORE)


def find(store: HookStore, project_id: str, query: str, limit: int) -> list[Match]:
    """Return the parts of memories that a query surely means, the best first; none where it is not sure."""
    stored = store.entries
    asked = analysis.query_terms(query[:QUERY_CHARACTERS])[:QUERY_TERMS]
    scope = index_entries.quote(index_entries.scope_term(index_entries.scope_name("chunk", project_id)))
    size = max(USUAL_SIZE, len(stored.postings(scope, POSTINGS)))
    weights: dict[str, float] = {}
    sums: dict[int, float] = {}
    for term in asked:
        found = stored.postings(f"{scope} AND {index_entries.quote(term)}", POSTINGS)
        weights[term] = idf(size, len(found))
        for seq in found:
            sums[seq] = sums.get(seq, 0.0) + weights[term]
    best = sorted(sums, key=lambda seq: (-sums[seq], -seq))[:CANDIDATES]
    whole = sum(weights.values()) * (K1 + 1)
    keys = [(f" {term}=", weight * (K1 + 1) / (LEVELS - 1)) for term, weight in weights.items()]
    matches = [
        Match(owner_id, bm25(text, keys) / whole, sum(f" {term}=" in text for term in asked))
        for _, owner_id, _, text in stored.impacts(best)
    ]
    sure = sorted([match for match in matches if match.is_sure], key=lambda match: -match.share)
    return [match for match in sure if match.share >= SHARE_OF_BEST * sure[0].share][:limit]


def message_fields(content: str, speaker: str | None, metadata: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of a message by which it can be found: who spoke, and the texts of the metadata, too."""
    said = [speaker or "", *(value for value in metadata.values() if isinstance(value, str))]
    return {"text": content, "context": " ".join(said)}


def add_message(
    store: HookStore, message_id: int, project_id: str, group: str, fields: Mapping[str, str]
) -> None:
    """Index a message by its words, unless the index is one of another analysis: then it is left to a server."""
    stored = store.entries
    if stored.state().aim.partition(":")[0] != str(analysis.ANALYSIS_VERSION):
        stored.leave_out()
        return
    found = impacts(CHAT, fields) | marks(fields["text"])
    key = index_entries.group_key(index_entries.scope_name("message", project_id), group)
    entry = NewEntry(message_id, project_id, key, list(found), pack_impacts(found), b"", b"")
    stored.insert("message", [entry])


def remove_messages(store: HookStore, message_ids: Sequence[int]) -> None:
    """Take messages out of the index."""
    store.entries.delete("message", message_ids)
