"""Code attempts: stored and recalled."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from ltmc.code import apart
from ltmc.code.traits import complexity_of, first_function, language_of
from ltmc.errors import LtmcError
from ltmc.search import index
from ltmc.search.kinds import PATTERN, Preview, head, preview, tail
from ltmc.search.requests import Hit, Mode
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables import patterns
from ltmc.storage.tables.patterns import Pattern
from ltmc.timestamps import now
from ltmc.tools.paging import PageCounts, page_counts
from ltmc.tools.project_scope import marked, project_of, projects_read

RERANKED = 40
"""The first so many hits are put in order by what passed; those behind stay as they are."""

PASS_BOOST = 0.05
"""Added to the score of an attempt that passed: it decides between near equals."""


class PatternLogged(TypedDict):
    """A stored attempt; `duplicate_of`: the oldest one with the same prompt, code and result."""

    pattern_id: int
    result: str
    tags: list[str]
    function_name: str | None
    language: str | None
    created_at: str
    duplicate_of: NotRequired[int]


class PatternExtras(TypedDict, total=False):
    """That the code is cut to a preview, its whole length, if asked for the parts of the score, and another project."""

    truncated: bool
    characters: int
    project_id: str
    score_parts: dict[str, float]


class RecalledPattern(PatternExtras):
    """An attempt that a search found; `success_rate`: of all attempts with the same code."""

    pattern_id: int
    input_prompt: str
    generated_code: str
    result: str
    tags: list[str]
    function_name: str | None
    file_name: str | None
    module_name: str | None
    language: str | None
    error_message: str | None
    execution_time_ms: int | None
    score: float
    success_rate: float
    created_at: str


class PatternsFound(PageCounts, index.SearchMarks):
    """A page of the attempts that a search found."""

    patterns: list[RecalledPattern]


class PatternService:
    """What was asked, what was written, and how it went."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._search_mode: Mode = settings.search_mode

    async def log(
        self,
        *,
        input_prompt: str,
        generated_code: str,
        result: str,
        tags: Sequence[str],
        function_name: str | None,
        file_name: str | None,
        module_name: str | None,
        language: str | None,
        execution_time_ms: int | None,
        error_message: str | None,
        project_id: str | None,
    ) -> PatternLogged:
        """Store an attempt; the language and function are read from the code where they are not given."""
        project = project_of(project_id)
        if language:
            language = language.strip().lower()
        else:
            language = await asyncio.to_thread(language_of, file_name, generated_code)
        if function_name is None and language == "python":
            function_name = await _first_function(generated_code)
        attempt = Pattern(
            id=0,
            project_id=project,
            input_prompt=input_prompt,
            generated_code=generated_code,
            code_hash=hashlib.sha256(generated_code.encode()).hexdigest(),
            result=result,
            function_name=function_name,
            file_name=file_name,
            module_name=module_name,
            language=language,
            complexity=await asyncio.to_thread(complexity_of, generated_code),
            execution_time_ms=execution_time_ms,
            error_message=error_message,
            error_signature=error_signature(error_message) if error_message else None,
            tags=list(tags),
            created_at=now(),
        )
        ready = await index.prepare(PATTERN, [attempt])
        async with self._engine.write(project) as tx:
            duplicate_of = await patterns.first_like(tx, attempt)
            attempt = await patterns.insert(tx, attempt)
            await index.add(tx, PATTERN, [attempt], ready)
        logged: PatternLogged = {
            "pattern_id": attempt.id,
            "result": result,
            "tags": attempt.tags,
            "function_name": function_name,
            "language": language,
            "created_at": attempt.created_at,
        }
        if duplicate_of is not None:
            logged["duplicate_of"] = duplicate_of
        return logged

    async def find(
        self,
        query: str,
        *,
        result_filter: str = "all",
        top_k: int,
        offset: int = 0,
        tags: Sequence[str] = (),
        function_name: str | None = None,
        file_name: str | None = None,
        module_name: str | None = None,
        language: str | None = None,
        project_id: str | None,
        explain: bool = False,
    ) -> PatternsFound:
        """Find the attempts that match a query; one that passed comes before its near equals."""
        projects = projects_read(project_id)
        where = patterns.narrowed(
            result=None if result_filter == "all" else result_filter,
            tags=tags,
            function_name=function_name,
            file_name=file_name,
            module_name=module_name,
            language=language.strip().lower() if language else None,
        )
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx,
                PATTERN,
                query,
                projects=projects,
                where=where,
                mode=self._search_mode,
                limit=max(RERANKED, top_k + offset),
            )
            hits = await index.load_rows(tx, PATTERN, ranking.hits)
            rates = await patterns.pass_rates(tx, projects, sorted({row.code_hash for row, _ in hits}))
        found = [
            marked(_recalled(row, hit, rates[row.code_hash], explain=explain), row.project_id, projects)
            for row, hit in hits
        ]
        first = sorted(found[:RERANKED], key=lambda pattern: -pattern["score"])
        found = [*first, *found[RERANKED:]][offset : offset + top_k]
        return {
            "patterns": found,
            **page_counts(found, ranking.total, offset),
            **index.marks_of(found, ranking),
        }

    async def newest(
        self,
        *,
        result: str | None,
        tags: Sequence[str],
        language: str | None,
        limit: int,
        offset: int,
        project_id: str,
    ) -> PatternsFound:
        """List the attempts that the filters leave, the newest first."""
        where = patterns.narrowed(result=result, tags=tags, language=language)
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx, PATTERN, "", projects=[project_id], where=where, limit=limit, offset=offset
            )
            hits = await index.load_rows(tx, PATTERN, ranking.hits)
            rates = await patterns.pass_rates(tx, [project_id], sorted({row.code_hash for row, _ in hits}))
        found = [_recalled(row, hit, rates[row.code_hash], explain=False) for row, hit in hits]
        counts = page_counts(found, ranking.total, offset)
        return {"patterns": found, **counts, **index.marks_of(found, ranking)}


async def _first_function(code: str) -> str | None:
    """Return the name of the first function in Python code; None where it cannot be parsed within the limits."""
    try:
        return await apart.parse(first_function, code, "generated_code")
    except LtmcError:
        return None


def error_signature(message: str) -> str:
    """Return an error's last line without what varies, so that equal mistakes count as the same."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "<text>", text)
    text = re.sub(r"(?:[A-Za-z]:)?(?:[\\/][\w.+-]+)+", "<path>", text)
    text = re.sub(r"\b0x[0-9a-fA-F]+\b|\b\d+(?:\.\d+)?\b", "<n>", text)
    return text[:200]


def _recalled(row: Pattern, hit: Hit, pass_rate: float, *, explain: bool) -> RecalledPattern:
    code = preview(row.generated_code)
    pattern: RecalledPattern = {
        "pattern_id": row.id,
        "input_prompt": head(row.input_prompt),
        "generated_code": code["content"],
        **_truncation(code),
        "result": row.result,
        "tags": row.tags,
        "function_name": row.function_name,
        "file_name": row.file_name,
        "module_name": row.module_name,
        "language": row.language,
        "error_message": tail(row.error_message),
        "execution_time_ms": row.execution_time_ms,
        "score": round(min(1.0, hit.score + (PASS_BOOST if row.result == "pass" else 0.0)), 4),
        "success_rate": pass_rate,
        "created_at": row.created_at,
    }
    if explain:
        pattern["score_parts"] = hit.parts
    return pattern


def _truncation(code: Preview) -> PatternExtras:
    return {"truncated": True, "characters": code["characters"]} if "characters" in code else {}
