"""How complex a task is: a published formula over the words of its title and description.

score = 0.15 size + 0.20 breadth + 0.30 technical + 0.15 risk + 0.20 skills, each part capped at 1; without
skills the other weights are scaled up to sum to 1. It is the formula of LTMC's contract, not a learned model.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ltmc.code.traits import LABELS, label_of

WEIGHTS = {"size": 0.15, "breadth": 0.20, "technical": 0.30, "risk": 0.15, "skills": 0.20}
MIDPOINTS = {"TRIVIAL": 0.1, "SIMPLE": 0.3, "MODERATE": 0.5, "COMPLEX": 0.7, "CRITICAL": 0.9}
"""The score that a label given by hand stands for."""

MINUTES = {"TRIVIAL": 30, "SIMPLE": 90, "MODERATE": 240, "COMPLEX": 480, "CRITICAL": 960}
"""The duration that is assumed for a label."""

TRIVIAL = frozenset("typo typos rename lint comment comments bump".split())
_ACTIONS = frozenset(
    "add analyse analyze audit automate benchmark build change clean configure connect convert create "
    "debug define delete deploy deployment design develop document enable evaluate export extend "
    "extract fix handle implement import improve install integrate integration introduce investigate "
    "measure merge migrate migration monitor move optimise optimize parse plan port prepare publish "
    "refactor refactoring release remove rename replace research review rewrite scale secure set setup "
    "split support switch test train translate tune update upgrade validate verify write".split()
)
_RISKS = frozenset(
    "production irreversible security breaking downtime outage incident rollback compliance gdpr pci hipaa "
    "credentials secrets payment payments data-loss vulnerability exploit encryption live".split()
)
_LEXICON = {
    1.0: "kubernetes cqrs microservices microservice distributed consensus sharding cryptography compiler "
    "kernel raft paxos event-sourcing multi-tenant real-time zero-downtime concurrency deadlock",
    0.7: "kafka migration terraform replication machine-learning neural gpu cuda oauth saml oidc grpc "
    "webassembly elasticsearch cassandra spark rabbitmq websocket websockets async asynchronous threading "
    "parallel streaming pipeline architecture orchestration scalability failover optimizer",
    0.4: "database postgresql mysql mongodb redis sql docker api rest graphql authentication authorization "
    "cache caching queue schema index performance backend frontend aws azure gcp cloud linux network tls "
    "ssl regex parser protocol embedding embeddings vector rust c++ integration ci cd webhook webhooks",
    0.2: "python javascript typescript java go react vue angular django flask fastapi node html css json xml "
    "yaml csv form page script endpoint function class module component test tests unit library package",
}
LEXICON = {term: weight for weight, words in _LEXICON.items() for term in words.split()}
"""Technical terms and their weights."""

_SKILL_WEIGHT = 0.5
"""The weight of a skill that the lexicon does not name."""

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*\+*")
LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+(.*\S)", re.MULTILINE)
_CONJUNCTION = re.compile(r"\b(?:and|then|also|plus|while|after|before|as well as)\b|;", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """Return the whole words of a text, lower-cased; a compound with hyphens is one word."""
    return _WORD.findall(text.lower())


def _vocabulary(words: Sequence[str]) -> set[str]:
    """Return the words, the parts of compounds, and each two neighbours as a compound."""
    parts = {part for word in words for part in word.split("-")}
    pairs = {f"{left}-{right}" for left, right in pairwise(words)}
    return {*words, *parts, *pairs}


@dataclass(frozen=True, slots=True)
class Score:
    """The complexity of a task.

    Attributes:
        complexity: a label.
        complexity_score: 0 to 1.
        factors: for each of size, breadth, technical, risk and skills its value, weight, contribution and
            matched terms; beside them ``trivial`` with the markers that halved the score.
    """

    complexity: str
    complexity_score: float
    factors: dict[str, Any]


def score(title: str, description: str, skills: Sequence[str]) -> Score:
    """Score how complex a task is."""
    text = f"{title}\n{description}"
    words = words_of(text)
    vocabulary = _vocabulary(words)
    items = LIST_ITEM.findall(description)
    actions = sorted(vocabulary & _ACTIONS)
    clauses = _CONJUNCTION.findall(text)
    technical = sorted(vocabulary & LEXICON.keys(), key=lambda term: (-LEXICON[term], term))
    risks = sorted(vocabulary & _RISKS)
    values: dict[str, tuple[float, list[str]]] = {
        "size": (math.log1p(len(words)) / math.log(301), []),
        "breadth": ((len(actions) + len(items) + len(clauses)) / 8, actions),
        "technical": (sum(LEXICON[term] for term in technical) / 3, technical),
        "risk": (len(risks) / 3, risks),
    }
    if skills:
        mean_weight = sum(LEXICON.get(skill, _SKILL_WEIGHT) for skill in skills) / len(skills)
        values["skills"] = (0.6 * min(1, len(skills) / 6) + 0.4 * mean_weight, list(skills))
    whole = sum(WEIGHTS[name] for name in values)
    total = 0.0
    factors: dict[str, Any] = {}
    for name, part in WEIGHTS.items():
        value, matched = values.get(name, (0.0, []))
        weight = part / whole if name in values else 0.0
        value = min(1.0, value)
        total += value * weight
        factors[name] = {
            "value": round(value, 4),
            "weight": round(weight, 4),
            "contribution": round(value * weight, 4),
            "matched_terms": matched,
        }
    markers = sorted(vocabulary & TRIVIAL)
    if markers and factors["technical"]["value"] < 0.2:
        total /= 2
        factors["trivial"] = markers
    total = round(total, 4)
    return Score(label_of(total), total, factors)


def reasoning(scored: Score) -> str:
    """In a sentence what made the score."""
    factors = scored.factors
    ordered = sorted(WEIGHTS, key=lambda name: -factors[name]["contribution"])
    parts = [
        f"{name} {factors[name]['contribution']:g}"
        + (f" ({', '.join(factors[name]['matched_terms'][:5])})" if factors[name]["matched_terms"] else "")
        for name in ordered
        if factors[name]["contribution"]
    ]
    halved = f"; halved for {', '.join(factors['trivial'])}" if "trivial" in factors else ""
    return f"{scored.complexity} at {scored.complexity_score:g}: {', '.join(parts) or 'no signs'}{halved}."


def suggested_skills(scored: Score, given: Sequence[str]) -> list[str]:
    """Return the technical terms of the text that name a skill not yet required."""
    terms = scored.factors["technical"]["matched_terms"]
    return [term for term in terms if term not in given and (LEXICON[term] >= 0.4 or term in _LANGUAGES)][:8]


_LANGUAGES = frozenset("python javascript typescript java go react vue angular django flask fastapi".split())


def label_rank(label: str) -> int:
    """Where a label stands, from 0 (TRIVIAL) to 4 (CRITICAL)."""
    return LABELS.index(label)
