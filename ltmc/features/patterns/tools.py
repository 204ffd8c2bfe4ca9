"""Code patterns."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ltmc.features.patterns.analysis import Analysis, PatternAnalysis, Statistics
from ltmc.features.patterns.service import PatternLogged, PatternService, PatternsFound
from ltmc.tools.arguments import (
    FINE,
    CodeResult,
    Content,
    Days,
    Explain,
    Name,
    Offset,
    ProjectId,
    Projects,
    Query,
    TagsOrText,
    Text,
    TopK,
    lower,
    not_bool,
)
from ltmc.tools.declaration import tool


@tool("Note how code worked", category="patterns", profile="core")
async def log_code_attempt(
    patterns: PatternService,
    /,
    input_prompt: Content,
    generated_code: Content,
    result: CodeResult,
    tags: TagsOrText | None = None,
    function_name: Name | None = None,
    file_name: Name | None = None,
    module_name: Name | None = None,
    language: Name | None = None,
    execution_time_ms: Annotated[
        Annotated[int, Field(ge=0, le=2**53, strict=True), BeforeValidator(not_bool)] | None, FINE
    ] = None,
    error_message: Annotated[Text, Field(max_length=100_000)] | None = None,
    project_id: ProjectId = None,
) -> PatternLogged:
    """Remember code that worked or failed.

    Args:
        input_prompt: The task.
        generated_code: The code.
        language: Such as python.
        error_message: As it was shown.
    """
    return await patterns.log(
        input_prompt=input_prompt,
        generated_code=generated_code,
        result=result,
        tags=tags or [],
        function_name=function_name,
        file_name=file_name,
        module_name=module_name,
        language=language,
        execution_time_ms=execution_time_ms,
        error_message=error_message,
        project_id=project_id,
    )


@tool("Recall code patterns", category="patterns", read_only=True, profile="core")
async def get_code_patterns(
    patterns: PatternService,
    /,
    query: Query,
    result_filter: Annotated[
        Literal["all", "pass", "fail", "partial", "error"], BeforeValidator(lower)
    ] = "all",
    top_k: TopK = 5,
    offset: Offset = 0,
    tags: TagsOrText | None = None,
    function_name: Name | None = None,
    file_name: Name | None = None,
    module_name: Name | None = None,
    language: Name | None = None,
    explain: Explain = False,
    project_id: ProjectId = None,
) -> PatternsFound:
    """Recall code, and how it went.

    Args:
        language: Such as python.
    """
    return await patterns.find(
        query,
        result_filter=result_filter,
        top_k=top_k,
        offset=offset,
        tags=tags or [],
        function_name=function_name,
        file_name=file_name,
        module_name=module_name,
        language=language,
        project_id=project_id,
        explain=explain,
    )


@tool("Analyse code patterns", category="patterns", read_only=True)
async def analyze_code_patterns(
    analysis: PatternAnalysis,
    /,
    function_name: Name | None = None,
    tags: TagsOrText | None = None,
    query: Query | None = None,
    file_name: Name | None = None,
    module_name: Name | None = None,
    time_range_days: Days | None = None,
    project_id: Projects = None,
) -> Analysis:
    """Pass rates, common errors and trend of code attempts."""
    return await analysis.analyse(
        function_name=function_name,
        tags=tags or [],
        query=query,
        file_name=file_name,
        module_name=module_name,
        time_range_days=time_range_days,
        project_id=project_id,
    )


@tool("Code statistics", category="patterns", read_only=True)
async def get_code_statistics(analysis: PatternAnalysis, /, project_id: Projects = None) -> Statistics:
    """Counts of code attempts by result, tag, language, day."""
    return await analysis.statistics(project_id)
