"""How complex a task is: a published formula over the words of its title and description.

score = 0.15 size + 0.20 breadth + 0.30 technical + 0.15 risk + 0.20 skills, each part capped at 1; without
skills the other weights are scaled up to sum to 1. It is the formula of LTMC's contract, not a learned model.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.code.traits import LABELS, label_of
from ltmc.features.blueprints.lexicon import (
    canonical,
    innermost,
    is_wide,
    meanings,
    named,
    terms,
    vocabulary,
    weights,
    words_of,
)

WEIGHTS = {"size": 0.15, "breadth": 0.20, "technical": 0.30, "risk": 0.15, "skills": 0.20}
MIDPOINTS = {"TRIVIAL": 0.1, "SIMPLE": 0.3, "MODERATE": 0.5, "COMPLEX": 0.7, "CRITICAL": 0.9}
"""The score that a label given by hand stands for."""

MINUTES = {"TRIVIAL": 30, "SIMPLE": 90, "MODERATE": 240, "COMPLEX": 480, "CRITICAL": 960}
"""The duration that is assumed for a label."""

_SKILL_WEIGHT = 0.5
"""The weight of a skill that the lexicon does not name."""

FULL = {"size": 60, "breadth": 5, "technical": 3.5, "risk": 5}
"""What makes a part 1: so many words; items, clauses and actions, which count half; weights of terms; risks."""

FULL_OF_TITLE = FULL | {"technical": 1, "risk": 1.5}
"""The same of a title alone, which names few terms; how broad a task is it does not tell."""

NAMES_TECHNOLOGY = 0.4
"""From this weight of its terms on a title alone counts so; "Fix a typo on the page" is no more than it says."""

_QUOTED = re.compile(
    r"(?<!\w)'[^'\n]{1,100}'(?!\w)|\"[^\"\n]{1,100}\"|“[^”\n]{1,100}”|„[^“”\n]{1,100}[“”]|«[^»\n]{1,100}»|「[^」\n]{1,100}」"
)
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+•・]|\d{1,3}[.)、])[ \t]*\S", re.MULTILINE)
_CLAUSE = re.compile(r"\b(?:and|then|also|plus|while|after|before|und|et|y)\b|[;,；，、。]", re.IGNORECASE)


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
    alone = {*words_of(description)} <= {*words_of(title)}
    text = (
        _QUOTED.sub(" ", title) if alone else f"{title}\n{description}"
    )  # what a title quotes is no technology
    known = vocabulary(text)
    lowered = text.lower()
    size = sum(len(word) / 2 if is_wide(word) else 1 for word in words_of(text))
    actions = sorted(innermost(named(terms("actions"), lowered, known)))
    many = len(actions) / 2 + len(_LIST_ITEM.findall(description)) + len(_CLAUSE.findall(text))
    meant = meanings(lowered, known)
    technical = _longest(meant & weights().keys())
    risks = _longest(meant & terms("risks"))
    hardness = sum(weights()[term] for term in technical)
    alone = alone and hardness >= NAMES_TECHNOLOGY
    full = FULL_OF_TITLE if alone else FULL
    values: dict[str, tuple[float, list[str]]] = {
        "size": (math.log1p(size) / math.log1p(full["size"]), []),
        "breadth": (many / full["breadth"], actions),
        "technical": (hardness / full["technical"], technical),
        "risk": (len(risks) / full["risk"], risks),
    }
    if alone:
        del values["breadth"]
    if skills:
        mean_weight = sum(weights().get(canonical(skill), _SKILL_WEIGHT) for skill in skills) / len(skills)
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
    markers = sorted(meant & terms("trivial"))
    if markers and hardness < 0.2 * FULL["technical"] and "tests" not in meant:
        total /= 2
        factors["trivial"] = markers
    total = round(total, 4)
    return Score(label_of(total), total, factors)


def _longest(found: Collection[str]) -> list[str]:
    """Return terms without those that are a part of another, the heaviest first."""
    parts = {part for term in found if not is_wide(term) for part in term.split("-") if part != term}
    return sorted(set(found) - parts, key=lambda term: (-weights().get(term, 0), term))


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
    return [term for term in terms if term not in given and (weights()[term] >= 0.4 or term in _LANGUAGES)][
        :8
    ]


_LANGUAGES = frozenset("python javascript typescript java go react vue angular django flask fastapi".split())


def label_rank(label: str) -> int:
    """Where a label stands, from 0 (TRIVIAL) to 4 (CRITICAL)."""
    return LABELS.index(label)
