"""Cutting prose into sentences, clauses and arrows, and telling what they say: an action, an order."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from ltmc.features.blueprints.lexicon import is_wide, languages, named, terms, words_of
from ltmc.features.blueprints.sealed import sealed

_SENTENCE = re.compile(r"[.!?](?=\s)\s*|[。！？؟।；;](?:\s*)|\n+")
_WIDE_CLAUSE = (
    r"[，،]|(?<=[しててりみきえべ])、"
    r"|(?<=[\u3040-\u9fff\uac00-\ud7af])(?=然后|接着|随后|最后(?![一的个])|それから|그다음)"
)
DONE = "Done already: "
"""What is put before a step that is ticked."""

_ENDINGS = ("", "n", "r")
"""What an imperative lacks of the action as the lexicon has it: "teste" of "testen", "migra" of "migrar"."""

_INFINITIVE = re.compile(r"\w\w(?:[aei]r|re|ть|ти|чь|ć)(?:l[aeo]s?|se|ся)?\Z")
_GERMAN_INFINITIVE = re.compile(r"[a-zäöüß]{3}en\Z")

_NUMBER = re.compile(r"\(?\b\d{1,2}[.)]\s+")
"""A number alone in front of what it counts, as in "test it and 4) deploy it"."""

_LABEL = re.compile(r"(?!Done already: )[^\s:]+(?: [^\s:]+){0,2}: (?=\S)")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|z\.B|bzw|d\.h|approx|no|fig)\.$", re.IGNORECASE)
_COUNT = re.compile(r"(?:^|[\s(])v?\d{1,6}\.$", re.IGNORECASE)
_ARROW = re.compile(r"(?<!<)(?:-{1,2}>|={1,2}>|[→⇒⟶➔➜])")
_ARROW_BEFORE = re.compile(rf"{_ARROW.pattern}\s*\Z")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; a text in one piece comes back as it is."""
    return [piece for piece in _split(text, _SENTENCE) if piece.strip()]


def tells(text: str) -> bool:
    """Tell whether a heading or a line leads to what is no step."""
    return bool(named(terms("context_headings") | terms("criteria"), text.lower()))


def is_action(text: str) -> bool:
    """Tell whether a clause says what to do: it, or what its label is of, begins (in German: ends) with an action."""
    if is_wide(text):
        return any(term in text for term in wide("actions"))
    if (label := _LABEL.match(text)) and not tells(label[0]):
        text = text[label.end() :]
    text = without_number(text)
    words = words_of(text)
    asked = next((place for place, word in enumerate(words[:4]) if word in terms("demands")), None)
    if asked is not None and terms("states").isdisjoint(words[asked + 1 : asked + 2] or terms("states")):
        return True
    plain = words_of(text.partition(" (")[0])
    if any(one.acts(_without_lead(plain)) for one in languages()):
        return True
    ending = any(word.endswith("en") and word in terms("actions") for word in plain[-1:])
    return _begins_with_action(words) or (ending and len(_without_lead(words)) > 1)


def _begins_with_action(words: Sequence[str]) -> bool:
    begin = _without_lead(words)
    single = any(not terms("actions").isdisjoint(word + end for end in _ENDINGS) for word in begin[:1])
    return single or "-".join(begin[:2]) in terms("actions")


def without_number(text: str) -> str:
    """Return a text without a number in front of it, and without the words of order in front of that."""
    found = _NUMBER.search(text[:40])
    if found is None or _without_lead(words_of(text[: found.start()])):
        return text
    return text[found.end() :]


def without_conjunction(text: str) -> str:
    """Return a text without the "and" that it ends with; a letter such as "i" is one in its own language only."""
    if any(one.verb_last and one.acts(_without_lead(words_of(text))) for one in languages()):
        return text  # Turkish "et" is a verb
    head, _, last = text.rstrip(" ,;").rpartition(" ")
    letter = last.isascii() and len(last) == 1
    spoken = any(last in one.conjunctions and one.acts(_without_lead(words_of(head))) for one in languages())
    return head if head and (spoken or (last in terms("conjunctions") and not letter)) else text


def _without_lead(words: Sequence[str]) -> list[str]:
    """Return words without those that lead to others, and without what only asks, such as "could you"."""
    kept = words[_leading(words) :]
    done = [
        word for word in kept[-1:] if word == "et" and len(kept) > 1
    ]  # in Turkish a verb, at the end alone
    return [word for word in kept[: len(kept) - len(done)] if word not in _leads()] + done


def _leading(words: Sequence[str]) -> int:
    """Return how many words at the beginning only lead to others or only ask."""
    place = 0
    while place < min(len(words), 16):
        if behind := request(words, "requests", place) or request(words, "obligations", place):
            place += behind
        elif words[place] in _leads():
            place += 1
        else:
            break
    return place


def request(words: Sequence[str], name: str, place: int = 0) -> int:
    """Return how many words from a place on only ask for what is behind them, as in "Don't forget to test it".

    Args:
        name: the list of the lexicon that they are looked for in.
    """
    known, longest = _requests(name)
    for most in range(min(longest, len(words) - place - 1), 0, -1):
        if "-".join(words_of(" ".join(words[place : place + most]).replace("'", " "))) in known:
            return most
    return 0


@cache
def _requests(name: str) -> tuple[frozenset[str], int]:
    """Return a list of requests, their words joined by hyphens alone, and how many words the longest of them has."""
    known = frozenset(term.replace("'", "-") for term in terms(name))
    return known, max(term.count("-") + 1 for term in known)


@cache
def _leads() -> frozenset[str]:
    return terms("openers") | terms("order")


def orders(clause: str) -> bool:
    """Tell whether a clause begins with a word such as "then" or "finally"; in German it may come second."""
    words = [word for word in words_of(clause)[:3] if word not in terms("openers")]
    if is_wide(clause):
        return clause.strip().startswith(wide("order"))
    if words and words[0] in terms("ordinals"):
        rest = re.split(re.escape(words[0]), clause, maxsplit=1, flags=re.IGNORECASE)[-1]
        return leads(words[0] + rest[:1].strip(), rest)
    return bool(words) and (
        words[0] in terms("order")
        or "-".join(words[:2]) in terms("order")
        or not terms("inverted").isdisjoint(words[1:2])
    )


def follows(clause: str) -> bool:
    """Tell whether a clause begins with a word of order that means something before it, not with "first"."""
    first = next(iter(words_of(clause)), "")
    begins = first in terms("beginnings") or clause.strip().startswith(wide("beginnings"))
    return orders(clause) and not begins


def in_order(text: str) -> bool:
    """Tell whether the clauses of a text follow one another: a word behind its first clause says so."""
    return any(orders(clause) for clause, _ in clauses_of(text)[1:])


def clauses_of(text: str) -> list[tuple[str, bool]]:
    """Return the clauses of a paragraph, each with whether it says what to do; others stay in their sentence."""
    found: list[tuple[str, bool]] = []
    goes_on = False
    for sentence in sentences(text):
        pieces, acts = _spoken(_split(sentence, _clause_end()))
        listed = sum(acts(piece) for piece in pieces[1:]) >= 2
        clauses = [pieces[0]]
        for piece in pieces[1:]:
            whole = is_wide(piece) or len(clauses[-1].split()) > 1
            told = acts(piece) and (listed or acts(clauses[0]))
            chained = orders(piece) and not _goes_on(piece) and (whole or is_action(clauses[-1]))
            if chained or (whole and told):
                clauses.append(piece)
            else:
                clauses[-1] += piece
        shaped = acts in (_is_gerund, _begins_with_infinitive)
        told = goes_on or len(clauses) > 2 or shaped or _is_chain(clauses)
        found += [(clause, told or is_action(clause)) for clause in clauses]
        goes_on = sentence.rstrip().endswith((";", "；")) and found[-1][1]
    plain = [(clause.strip().strip(",，、،").strip(), step) for clause, step in found]
    return [(clause, step) for clause, step in plain if clause]


@cache
def _clause_end() -> re.Pattern[str]:
    """Return what a clause may end at: a comma, or a conjunction; Czech "a" by what follows."""
    known = terms("conjunctions")
    cuts = [rf",\s|\s(?=(?:{'|'.join(sorted(known))})\s)", _WIDE_CLAUSE]
    for one in languages():
        if one.prefix:
            begins = "|".join(sorted({action.partition("-")[0] for action in one.actions}, reverse=True))
            cuts.append(rf"\s(?={one.prefix}(?:{begins})\s)")
        if not one.conjunctions <= known:
            words = "|".join(
                [*sorted(one.actions | one.order), *(rf"\w{{1,20}}{end}" for end in one.endings)]
            )
            cuts.append(rf"\s(?=(?:{'|'.join(sorted(one.conjunctions))})\s(?:{words})\b)")
    return re.compile("|".join(cuts))


def _spoken(pieces: list[str]) -> tuple[list[str], Callable[[str], bool]]:
    """Return the pieces of a sentence, and how to tell which of them say what to do.

    A sentence in a language that has its actions apart goes by these, and by imperatives such as the Spanish "migra",
    alone: "e test" is no action in Italian. Where the verb comes last, what stands before it is of one piece with it.
    """

    def words(piece: str) -> list[str]:
        return _without_lead(words_of(sealed(without_number(piece))))

    def acts(piece: str) -> bool:
        found = words(piece)
        return any(one.acts(found) for one in spoken) or any(
            one + "r" in terms("actions") for one in found[:1]
        )

    spoken = [one for one in languages() if one.verb_last and one.acts(words(pieces[-1]))]
    if spoken:
        whole = [""]
        for piece in pieces:
            whole[-1] += piece
            if acts(whole[-1]):
                whole.append("")
        return [piece for piece in whole if piece], acts
    if request(words_of(pieces[0]), "gerund_requests") and _is_gerund(pieces[0]):
        return pieces, _is_gerund
    first, said = words(pieces[0]), words_of(pieces[0])
    obliged = any(request(said, "obligations", place) for place in range(min(_leading(said), 8)))
    if obliged and _INFINITIVE.search("".join(first[:1])) and not is_action(pieces[0]):
        return pieces, _begins_with_infinitive
    spoken = [one for one in languages() if one.acts(first)]
    return pieces, acts if spoken and terms("actions").isdisjoint(first[:1]) else is_action


def _is_chain(clauses: Sequence[str]) -> bool:
    """Tell whether two clauses are steps: "then" joins them, one says what to do, and the first has no subject."""
    if len(clauses) != 2 or not follows(clauses[1]):
        return False
    first = words_of(clauses[0])[:1]
    if not terms("conditions").isdisjoint(first):
        return False
    if is_action(clauses[0]):
        return True
    named_first = terms("subjects") | terms("openers")
    return all(map(_is_infinitive, clauses)) or (is_action(clauses[1]) and named_first.isdisjoint(first))


def _is_infinitive(clause: str) -> bool:
    """Tell whether a clause is shaped like "récolter les pommes", "y luego prensarlas" or "Äpfel pflücken"."""
    words = words_of(clause.partition(" (")[0])
    words = _without_lead(words) or [""]
    return bool(_INFINITIVE.search(words[0]) or (len(words) > 1 and _GERMAN_INFINITIVE.search(words[-1])))


def _begins_with_infinitive(clause: str) -> bool:
    """Tell whether a clause begins with an action, or is shaped like "et prévenir l'équipe"."""
    words = _without_lead(words_of(clause))
    return is_action(clause) or bool(_INFINITIVE.search("".join(words[:1])))


def _is_gerund(clause: str) -> bool:
    """Tell whether a clause is shaped like "involves upgrading it" or "and fixing the tests"."""
    words = words_of(clause)
    words = _without_lead(words[request(words, "gerund_requests") :])
    stem = words[0].removesuffix("ing") if words and words[0].endswith("ing") else ""
    return not terms("actions").isdisjoint(
        (stem, f"{stem}e", stem[:-1] if stem[-2:-1] == stem[-1:] else stem)
    )


def _goes_on(piece: str) -> bool:
    """Tell whether a piece has no action of its own, as in "deploy to staging, then to production"."""
    words = words_of(piece)
    while words and words[0] in terms("openers") | terms("order") and words[0] not in terms("prepositions"):
        words = words[1:]
    return bool(words) and words[0] in terms("prepositions") and not is_action(" ".join(words[1:]))


def arrows_in(text: str) -> Iterator[tuple[str, list[str]]]:
    """Return the sentences that go along arrows, each with its pieces, and the text between them."""
    between: list[str] = []
    for sentence in _split(text, _SENTENCE):
        if pieces := _along_arrows(sentence):
            if between and between[-1].rstrip().endswith((":", "：")):
                pieces[0] = between.pop() + pieces[0]
            yield "".join(between), []
            yield sentence, pieces
            between = []
        else:
            between.append(sentence)
    yield "".join(between), []


def _along_arrows(sentence: str) -> list[str]:
    """Return the pieces of "Order: back up -> migrate -> verify", what leads to them first; half say what to do."""
    cuts = [found.span() for found in _ARROW.finditer(sealed(sentence))]
    begins, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(sentence)]
    pieces = [sentence[begin:end].strip() for begin, end in zip(begins, ends, strict=True)]
    lead, colon, first = _led(pieces[0])
    pieces[0] = first
    if len(pieces) < 3 or not all(pieces) or sum(map(is_action, pieces)) * 2 < len(pieces):
        return []
    return [lead + colon, *pieces]


def _led(text: str) -> tuple[str, str, str]:
    """Return what a text says before its last colon, the colon, and what is behind."""
    covered = sealed(text)
    begin = max(covered.rfind(": "), covered.rfind("："))
    return (text[:begin], text[begin], text[begin + 1 :].strip()) if begin >= 0 else ("", "", text)


def leads(word: str, rest: str) -> bool:
    """Tell whether a word only leads to what follows; "first" and "next" may be what a thing is called."""
    plain = word.lower().strip(",:")
    if any(plain in one.conjunctions and one.acts(words_of(rest)) for one in languages()):
        return True
    if plain in terms("ordinals"):
        return word.endswith((",", ":")) or is_action(rest)
    return plain in terms("openers") | terms("order")


@cache
def wide(name: str) -> tuple[str, ...]:
    """Return the terms of a list in scripts without blanks, the longest first."""
    return tuple(sorted((term for term in terms(name) if is_wide(term)), key=len, reverse=True))


def _split(text: str, boundary: re.Pattern[str]) -> list[str]:
    """Cut a text behind each boundary that is not inside code, an address, quoted text or brackets."""
    pieces, begin = [], 0
    for found in boundary.finditer(sealed(text)):
        if found[0] == "\n" and not _breaks(text, found):
            continue
        if found[0].startswith("."):
            end = text[max(0, found.start() - 8) : found.start() + 1]
            if _ABBREVIATION.search(end) or (_COUNT.search(end) and _counts(text, begin, found)):
                continue
        pieces.append(text[begin : found.end()])
        begin = found.end()
    pieces.append(text[begin:])
    return pieces


def _counts(text: str, begin: int, found: re.Match[str]) -> bool:
    """Tell whether a number with a dot counts, as in "am 3. Mai", and does not end a sentence that says what to do."""
    words = words_of(text[max(begin, found.start() - 80) : found.start()])
    following = text[found.end() : found.end() + 80]
    ends = len(words) > 2 and words[-2] not in terms("counted") and following[:1].isupper()
    return not (ends and (is_action(following) or orders(following)))


def _breaks(text: str, found: re.Match[str]) -> bool:
    """Tell whether the end of a line is the end of a sentence: an action or another script follows."""
    following = text[found.end() : found.end() + 80]
    if _ARROW.match(following.lstrip()) or _ARROW_BEFORE.search(
        text[max(0, found.start() - 8) : found.start()]
    ):
        return False
    return is_wide(following[:2]) or is_action(following.split("\n")[0]) or orders(following)
