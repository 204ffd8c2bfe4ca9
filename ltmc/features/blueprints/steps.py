"""Reading the steps that a description names: its list items, else its sections, else its clauses.

A description is only cut, never rewritten: each of its pieces lies in exactly one step, or in the context that
belongs to them all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from ltmc.features.blueprints.blocks import LISTS, Block, Section, goals_apart, read_sections
from ltmc.features.blueprints.clauses import (
    DONE,
    arrows_in,
    clauses_of,
    follows,
    in_order,
    is_action,
    leads,
    orders,
    request,
    sentences,
    tells,
    wide,
    without_conjunction,
    without_number,
)
from ltmc.features.blueprints.lexicon import is_wide, languages, named, terms, words_of
from ltmc.features.blueprints.marks import inline_bullets, inline_marks, item_mark, number_of

TITLE_CHARACTERS = 100
"""How long the title of a step may be; the whole text is its description."""

NESTED = 3
"""So many lists that are the only item of another are looked into."""

_CHECK = re.compile(r"\[([ xX])\]\s+")
_LINK = re.compile(r"!?\[([^\[\]]{1,500})\]\([^()\s]{0,1000}\)")
_EMPHASIS = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|`+|~~")
_TAG = re.compile(r"</?(?:a|b|i|p|u|br|em|tt|code|span|strong)(?: [^<>]{0,500})?/?>", re.IGNORECASE)
_TRAILING = re.compile(r"[,;]\s(?:and|then|und|dann|et|puis|y|luego|e|и)$", re.IGNORECASE)
_STAGE = re.compile(
    r"(?:phase|step|stage|milestone|part|week|day|sprint|schritt|étape|fase|paso|этап|шаг|阶段|步骤|フェーズ|단계)\s*\d"
    r"|\d{1,2}[.)]|第.{1,3}[步阶段章]",
    re.I,
)


@dataclass(slots=True)
class Step:
    """A step of a description.

    Attributes:
        after: the places of the steps that it waits for.
        section: the number of the section that it stands in.
        mark: what numbers it in the description, as written.
    """

    title: str
    text: str
    after: list[int] = field(default_factory=list)
    section: int = 0
    mark: str = ""


def read_steps(text: str, deep: int = NESTED) -> tuple[str, list[Step]]:
    """Return what a description says of the whole, and its steps; no steps where it names fewer than two."""
    sections = read_sections(text)
    apart = goals_apart(sections)
    readings = (apart, sections) if any(one.goals for one in apart) else (apart,)
    for told in readings:  # goals are steps where nothing else is
        for read in (partial(_from_lists, deep=deep), _from_sections, _from_prose):
            context, steps = read(told)
            if len(steps) >= 2:
                return context, steps
    return text.strip(), []


def title_of(text: str) -> str:
    """Return a title for a step: its first sentence, without marks and words of order."""
    first = _lead(next((line.strip() for line in text.splitlines() if line.strip()), ""))
    sentence = next(iter(sentences(_CHECK.sub("", first))), "")
    words = _EMPHASIS.sub("", _TAG.sub("", _LINK.sub(r"\1", sentence))).split() or [""]
    while behind := _leading(words):
        words = words[behind:]
    plain = _TRAILING.sub("", without_number(_without_order(" ".join(words)))).strip(" \t.,;:。，；：、،؛।-—")
    plain = without_conjunction(plain.rstrip("? ") if is_action(plain) else plain) or text.strip()
    is_name = "_" in plain.partition(" ")[0] or first.startswith("`")
    return shortened(plain if is_name else plain[:1].upper() + plain[1:], TITLE_CHARACTERS)


def _leading(words: Sequence[str]) -> int:
    """Return how many words only lead to those behind them."""
    if asking := request(words, "gerund_requests"):
        return asking
    asking = request(words, "requests") or request(words, "obligations")
    if (
        asking
        and words[asking].lower() not in terms("demands")
        and (asking > 1 or is_action(" ".join(words[1:])))
    ):
        return asking
    if len(words) > 1 and leads(words[0], " ".join(words[1:])):
        return 1
    return 2 if len(words) > 2 and "-".join(words[:2]).lower().strip(",:") in terms("order") else 0


def _lead(line: str) -> str:
    """Return what leads to the steps inside a line, as in "Release it: tag -> build -> publish", else the line."""
    if marks := inline_marks(line) or inline_bullets(line):
        head = line[: marks[0][0]].rstrip()
        return head if head.endswith((":", "：")) else line
    return next((pieces[0] for _, pieces in arrows_in(line) if pieces and pieces[0]), line)


def task_title(title: str, whole: str) -> str:
    """Return a title of a step that reads like a task: a bare name such as "Tests" goes with the whole's title."""
    bare = len(title.split()) <= 2 and not is_wide(title) and not is_action(title) and title != whole
    return f"{title}: {whole}" if title and bare else title or whole


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters, cut between words where it has any."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    blank = head.rfind(" ")
    return (head[:blank] if blank > most // 2 else head).rstrip(" ,;:") + "…"


def _without_order(text: str) -> str:
    """Return a text without the word of order that it begins with, if that is of one word with what follows it."""
    for word in (*wide("order"), *wide("openers")):
        if text.startswith(word) and len(text) > len(word) + 1:
            return text[len(word) :].lstrip("，、, ")
    first, blank, rest = text.partition(" ")
    for one in languages():
        first = one.plain(first)
    return first + blank + rest


def _is_lead(text: str, *, begun: bool) -> bool:
    """Tell whether a paragraph leads to the list behind it: it ends with a colon, or is a line that ends nothing."""
    return (
        text.endswith((":", "："))
        or "-".join(words_of(text)) in terms("context_headings")
        or (begun and not ("\n" in text or text.endswith(tuple(".!?;。！？；"))))
    )


def _is_stage(heading: str) -> bool:
    """Tell whether a heading names a stage that follows the one before it."""
    return bool(_STAGE.search(heading)) or number_of(heading.strip("#* \t")) > 0


def _announces(block: Block) -> bool:
    """Tell whether a paragraph leads to what is no step, such as "Steps to reproduce:"."""
    marks = inline_marks(block.text) or inline_bullets(block.text) or [(len(block.text), 0)]
    line = block.text[: marks[0][0]].rstrip().rpartition("\n")[2]
    return block.kind == "prose" and line.endswith((":", "：")) and tells(line)


class _Reading:
    """Steps and context while a description is read; what belongs to the next step waits until that comes."""

    def __init__(self) -> None:
        self.context: list[str] = []
        self.steps: list[Step] = []
        self._waiting: list[str] = []

    def tell(self, text: str, *, ahead: bool = False, general: bool = False) -> None:
        """Keep a text that is no step: with the next step, with all, or with the step before."""
        if not text:
            return
        if ahead:
            self._waiting.append(text)
        elif general or not self.steps:
            self.context.append(text)
        else:
            self.steps[-1].text += f"\n\n{text}"

    def add(self, title: str, text: str, section: int, after: Sequence[int] = (), mark: str = "") -> int:
        """Add a step; return its place."""
        whole = "\n\n".join([*self._waiting, text.strip()])
        self._waiting = []
        self.steps.append(Step(title, whole, list(after), section, mark))
        return len(self.steps) - 1

    def finish(self) -> tuple[str, list[Step]]:
        """Return the context and the steps."""
        for text in self._waiting:
            self.tell(text)
        return "\n\n".join(self.context), self.steps


def _from_lists(sections: Sequence[Section], deep: int) -> tuple[str, list[Step]]:
    """Return the items of lists as steps, and what the paragraphs behind them say to do."""
    lists = [block for one in sections if not one.is_context for block in one.blocks if block.kind in LISTS]
    if not lists:
        return "", []
    reading = _Reading()
    last_of_stage: list[int] = []
    begun = opened = False
    for number, section in enumerate(sections):
        first = len(reading.steps)
        lead = any(block.kind in LISTS for block in section.blocks)
        if section.heading:
            reading.tell(section.heading, ahead=lead and not section.is_context, general=section.is_context)
        chain: list[int] = []
        waits: list[int] = []
        telling = section.is_context
        for place, block in enumerate(section.blocks):
            following = section.blocks[place + 1].kind if place + 1 < len(section.blocks) else ""
            leads = block.kind == "prose" and following in LISTS and _is_lead(block.text, begun=begun)
            if leads and not section.is_context:
                telling = tells(block.text.rpartition("\n")[2])
            criteria = block.kind == "prose" and not _without_criteria(block.text)[0]
            if telling or criteria or (block.kind not in LISTS and not begun and following not in LISTS):
                reading.tell(block.text, general=True)
                telling = telling and (section.is_context or block.kind not in LISTS)  # one list is led to
                continue
            if block.kind in LISTS:
                begun, start = True, len(reading.steps)
                chain = _add_items(reading, block, number, chain, deep)
                for step in reading.steps[start:]:
                    step.after = step.after or list(waits)
                waits = []
            elif leads:
                reading.tell(block.text, ahead=True)
                waits = _last(reading.steps, 0) if follows(block.text) else []
            elif begun and block.kind == "prose" and is_action(block.text):
                for clause, _ in clauses_of(block.text):
                    before = chain or _last(reading.steps, first)
                    chain = [reading.add(title_of(clause), clause, number, before if orders(clause) else [])]
            else:
                reading.tell(block.text, general=not begun)
        if len(reading.steps) > first:
            heading = section.heading.lower()
            if named(terms("closing_headings"), heading):
                last_of_stage = _last(reading.steps[:first], 0)
            elif not (opened or _is_stage(heading)):
                last_of_stage = []
            for step in reading.steps[first:]:
                step.after = step.after or list(last_of_stage)
            last_of_stage = _last(reading.steps, first)
            opened = bool(named(terms("opening_headings"), heading))
    return reading.finish()


def _last(steps: Sequence[Step], first: int) -> list[int]:
    """Return the places, from `first` on, of the steps that no other waits for."""
    waited = {one for step in steps for one in step.after}
    return [one for one in range(first, len(steps)) if one not in waited]


def _add_items(reading: _Reading, block: Block, section: int, chain: list[int], deep: int) -> list[int]:
    """Add the items of a list; return the last step of an ordered one, which a list that goes on waits for."""
    if len(block.items) == 1 and deep:
        context, steps = _numbered(block.items[0])
        if not steps:
            context, steps = read_steps(_item_text(block.items[0]), deep - 1)
            mark = item_mark(block.items[0]).strip() if block.ordered else ""
            context = f"{mark} {context}".strip()
        if len(steps) >= 2:
            reading.tell(context, ahead=True)
            base = len(reading.steps)
            for step in steps:
                reading.add(step.title, step.text, section, [base + one for one in step.after], step.mark)
            return []
    before, first = chain if block.ordered and block.start > 1 else [], len(reading.steps)
    if block.kind == "table":
        for row, title in zip(block.items, block.titles, strict=True):
            text = row if len(reading.steps) > first else f"{block.head}\n{row}"
            place = reading.add(title_of(title or row), text, section, before)
            before = [place] if block.ordered else []
        return before
    for item in block.items:
        text = _item_text(item)
        check = _CHECK.match(text)
        mark = item_mark(item).strip() if block.ordered else ""
        if not text.strip():
            reading.tell(mark)
            continue
        if check and check[1] in "xX":
            reading.tell(DONE + text[check.end() :])
            continue
        body = text[check.end() :] if check else text
        if not block.ordered and orders(body) and len(reading.steps) > first:
            before = _last(reading.steps, first)
        place = reading.add(title_of(body), body, section, before, mark)
        before = [place] if block.ordered else []
    return before


def _item_text(item: str) -> str:
    """Return the text of a list item without its mark and its indent."""
    width = len(item_mark(item))
    first, *others = item[width:].split("\n")
    indents = [len(line) - len(line.lstrip()) for line in others]
    least = min(
        [width, *(indent for line, indent in zip(others, indents, strict=True) if indent and line.strip())]
    )
    return "\n".join(
        [first, *(line[min(least, indent) :] for line, indent in zip(others, indents, strict=True))]
    )


def _from_sections(sections: Sequence[Section]) -> tuple[str, list[Step]]:
    """Return the sections as steps, where at least two of a level say something."""
    levels = [one.level for one in sections if one.heading and one.blocks and not one.is_context]
    level = next((one for one in sorted(set(levels)) if levels.count(one) >= 2), 0)
    if not level:
        return "", []
    reading = _Reading()
    staged = all(_is_stage(one.heading) for one in sections if one.level == level and not one.is_context)
    for number, section in enumerate(sections):
        text = "\n\n".join(filter(None, [section.heading, *(block.text for block in section.blocks)]))
        if section.level == level and section.blocks and not section.is_context:
            title = title_of(section.heading.strip("# \t"))
            before = [len(reading.steps) - 1] if staged and reading.steps else []
            reading.add(title, text, number, before)
        elif text:
            reading.tell(text, general=section.is_context)
    return reading.finish()


def _from_prose(sections: Sequence[Section]) -> tuple[str, list[Step]]:
    """Return numbered steps inside paragraphs, else clauses that say what to do."""
    reading = _Reading()
    chain: list[int] = []
    arrows = False
    for number, section in enumerate(sections):
        if section.heading:
            reading.tell(section.heading, general=True)
        telling = section.is_context
        for block in section.blocks:
            telling = telling or _announces(block)
            if telling or block.kind == "other":
                reading.tell(block.text, general=telling)
                telling = telling and (section.is_context or block.kind not in LISTS)
                continue
            said, criteria = _without_criteria(block.text)
            reading.tell(criteria, general=True)
            context, steps = _numbered(said)
            if steps:
                base = len(reading.steps)
                if context:
                    reading.tell(context)
                for step in steps:
                    reading.add(step.title, step.text, number, [base + one for one in step.after], step.mark)
                continue
            sequence = in_order(said)
            if follows(said) and reading.steps:
                sequence, chain = True, _last(reading.steps, 0)
            for text, pieces in arrows_in(said):
                if pieces:
                    before = chain if sequence and follows(text) else []
                    chain = [_add_chain(reading, pieces, number, before)]
                    arrows = True
                    continue
                for clause, told in clauses_of(text):
                    if clause.endswith((":", "：")):
                        reading.tell(clause, ahead=True)
                        continue
                    chained = sequence or (arrows and follows(clause))
                    if told or (chained and orders(clause)):
                        chain = [reading.add(title_of(clause), clause, number, chain if chained else [])]
                    else:
                        reading.tell(clause)
    return reading.finish()


def _without_criteria(text: str) -> tuple[str, str]:
    """Return what a paragraph says to do, and from where it tells when that is done: "Done when: it is green."."""
    for place, sentence in enumerate(found := sentences(text)):
        if "-".join(words_of(sentence.replace("：", ":").partition(":")[0])) in terms("criteria"):
            return "".join(found[:place]).strip(), "".join(found[place:])
    return text, ""


def _numbered(text: str) -> tuple[str, list[Step]]:
    """Return what stands before steps with numbers or bullets inside a text, and these; none where there are none."""
    numbers = inline_marks(text)
    cuts = numbers or inline_bullets(text)
    if not cuts:
        return "", []
    ends = [start for start, _ in cuts[1:]] + [len(text)]
    pieces = [text[begin:end].strip(" \t\n,;，；、") for (_, begin), end in zip(cuts, ends, strict=True)]
    context = text[: cuts[0][0]].strip()
    if not numbers and is_action(context) and not context.endswith((":", "：", ".", "。")):
        pieces, context = [context, *pieces], ""
    clear = numbers or context.endswith((":", "：")) or text.lstrip()[0] in "•◦▪‣["
    if not all(pieces) or not (clear or sum(map(is_action, pieces)) * 2 >= len(pieces)):
        return "", []
    last = sentences(pieces[-1])
    if behind := next((place for place in range(1, len(last)) if follows(last[place])), 0):
        pieces[-1:] = ["".join(last[:behind]).strip(), "".join(last[behind:]).strip()]
    if numbers:
        marks = [text[begin:end].strip() for begin, end in cuts]
        return context, _chain(pieces, [*marks, ""][: len(pieces)])
    steps: list[Step] = []
    for piece in pieces:
        check = _CHECK.match(piece)
        body = piece[check.end() :] if check else piece
        if check and check[1] in "xX":
            context = f"{context}\n\n{DONE}{body}".strip()
        else:
            steps.append(Step(title_of(body), body))
    if behind and steps:
        steps[-1].after = [*range(len(steps) - 1)]
    return context, steps


def _add_chain(reading: _Reading, pieces: Sequence[str], section: int, before: Sequence[int]) -> int:
    """Add steps that follow one another, behind what leads to them; return the last."""
    lead, *steps = pieces
    reading.tell(lead, ahead=True)
    place = reading.add(title_of(steps[0]), steps[0], section, before)
    for step in steps[1:]:
        place = reading.add(title_of(step), step, section, [place])
    return place


def _chain(pieces: Sequence[str], marks: Sequence[str]) -> list[Step]:
    """Return pieces as steps of which each waits for the one before it."""
    last = len(pieces) - 1
    return [
        Step(
            title_of(piece if place == last else without_conjunction(piece)),
            piece,
            [place - 1] if place else [],
            mark=mark,
        )
        for place, (piece, mark) in enumerate(zip(pieces, marks, strict=True))
    ]
