"""The one list of what LTMC is made of. Everything that must know it reads it here.

The server registers `TOOLS`; both builds take their imports, data files and package metadata from
this module; ``ltmc check`` proves that each entry loads; the tool tables in the docs and the tests'
parametrisation come from it too. A tool is one function ``ltmc.tools.<category>.<name>`` and one row.

Nothing here imports anything heavy: `ltmc serve` reads it before it answers ``initialize``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

CATEGORIES: Final[dict[str, str]] = {
    "memory": "Memory and context",
    "chat": "Chat",
    "todos": "Todos",
    "graph": "Knowledge graph",
    "patterns": "Code patterns",
    "cache": "Cache",
    "analytics": "Analytics",
    "blueprints": "Task blueprints",
    "team": "Teams",
    "documentation": "Documentation",
    "code_structure": "Blueprints of code",
    "sync": "Live sync",
    "performance": "Performance",
    "projects": "Projects",
}
"""Category to its heading in the docs, in the order of the docs."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as data.

    Attributes:
        name: the name clients call, and the name of the function.
        category: one of `CATEGORIES`, and the module under ``ltmc.tools``.
        title: the name people see.
        read_only: nothing that the user stored changes (logs of use do not count).
        destructive: may remove or replace what the user stored.
        idempotent: a second call with the same arguments changes nothing more.
        core: listed by ``--profile core``.
        extra: beyond the 55 tools of the contract.
    """

    name: str
    category: str
    title: str
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    core: bool = False
    extra: bool = False

    @property
    def module(self) -> str:
        """The module that holds the tool's function."""
        return f"ltmc.tools.{self.category}"


def _reads(name: str, category: str, title: str, *, core: bool = False, extra: bool = False) -> Tool:
    return Tool(name, category, title, read_only=True, idempotent=True, core=core, extra=extra)


TOOLS: Final[tuple[Tool, ...]] = (
    Tool("store_memory", "memory", "Store a memory", idempotent=True, core=True),
    _reads("retrieve_memory", "memory", "Recall memories", core=True),
    _reads("ask_with_context", "memory", "Answer from memory", core=True),
    _reads("build_context", "memory", "Pack context"),
    _reads("route_query", "memory", "Route a query"),
    _reads("retrieve_by_type", "memory", "Recall by type"),
    _reads("advanced_context_search", "memory", "Search with filters", core=True),
    Tool("log_chat", "chat", "Log a chat message", core=True),
    _reads("get_chats_by_tool", "chat", "Chats by tool"),
    Tool("add_todo", "todos", "Add a todo", core=True),
    _reads("list_todos", "todos", "List todos", core=True),
    Tool("complete_todo", "todos", "Complete a todo", idempotent=True, core=True),
    _reads("search_todos", "todos", "Search todos"),
    Tool("link_resources", "graph", "Link two things", idempotent=True, core=True),
    _reads("query_graph", "graph", "Query the graph", core=True),
    Tool("auto_link_documents", "graph", "Link similar documents", idempotent=True),
    _reads("get_document_relationships", "graph", "Relationships of a document"),
    Tool("log_code_attempt", "patterns", "Log a code attempt", core=True),
    _reads("get_code_patterns", "patterns", "Recall code patterns", core=True),
    _reads("analyze_code_patterns", "patterns", "Analyse code patterns"),
    _reads("get_code_statistics", "patterns", "Code statistics"),
    _reads("redis_health_check", "cache", "Cache health"),
    _reads("redis_cache_stats", "cache", "Cache statistics"),
    Tool("redis_set_cache", "cache", "Set a cache key", destructive=True, idempotent=True),
    _reads("redis_get_cache", "cache", "Get a cache key"),
    Tool("redis_delete_cache", "cache", "Delete a cache key", destructive=True, idempotent=True),
    Tool("redis_clear_cache", "cache", "Clear cache keys", destructive=True, idempotent=True),
    _reads("get_context_usage_statistics", "analytics", "Context usage"),
    Tool("create_task_blueprint", "blueprints", "Plan a task"),
    _reads("analyze_task_complexity", "blueprints", "Complexity of a task"),
    _reads("get_task_dependencies", "blueprints", "Dependencies of a task"),
    Tool("update_blueprint_metadata", "blueprints", "Change a blueprint", destructive=True, idempotent=True),
    _reads("list_project_blueprints", "blueprints", "List blueprints"),
    _reads("resolve_blueprint_execution_order", "blueprints", "Order of work"),
    Tool("add_blueprint_dependency", "blueprints", "Add a dependency", idempotent=True),
    Tool("delete_task_blueprint", "blueprints", "Delete a blueprint", destructive=True),
    Tool("decompose_task_blueprint", "blueprints", "Cut a task into subtasks", destructive=True),
    Tool("assign_task_to_team", "team", "Assign a task"),
    Tool("update_task_progress", "team", "Record progress"),
    _reads("get_team_workload_overview", "team", "Workload of the team"),
    Tool(
        "sync_documentation_with_code",
        "documentation",
        "Write a file's documentation",
        destructive=True,
        idempotent=True,
    ),
    _reads("validate_documentation_consistency", "documentation", "Check documentation"),
    _reads("detect_documentation_drift", "documentation", "Drift of documentation"),
    Tool(
        "update_documentation_from_blueprint",
        "documentation",
        "Document a blueprint",
        destructive=True,
        idempotent=True,
    ),
    _reads("get_documentation_consistency_score", "documentation", "Score documentation"),
    Tool("create_blueprint_from_code", "code_structure", "Blueprint of a file", idempotent=True),
    Tool(
        "update_blueprint_structure", "code_structure", "Update from code", destructive=True, idempotent=True
    ),
    _reads("validate_blueprint_consistency", "code_structure", "Compare with code"),
    _reads("query_blueprint_relationships", "code_structure", "Relationships of a blueprint"),
    _reads("generate_blueprint_documentation", "code_structure", "Render a blueprint"),
    Tool("start_real_time_sync", "sync", "Watch files", idempotent=True),
    _reads("get_sync_status", "sync", "State of live sync"),
    Tool("detect_code_changes", "sync", "Changes of code", idempotent=True),
    _reads("get_taskmaster_performance_metrics", "performance", "How planned work goes"),
    _reads("get_performance_report", "performance", "Performance report"),
    Tool("stop_real_time_sync", "sync", "Stop watching files", idempotent=True, extra=True),
    _reads("get_chat_history", "chat", "History of a conversation", extra=True),
    _reads("get_memory", "memory", "Read in full", extra=True),
    Tool("delete_memory", "memory", "Delete a memory", destructive=True, idempotent=True, extra=True),
    Tool("update_todo", "todos", "Change a todo", destructive=True, idempotent=True, extra=True),
    _reads("get_blueprint", "blueprints", "Read a blueprint", extra=True),
    _reads("list_projects", "projects", "List projects", extra=True),
    Tool("register_project", "projects", "Register a project", idempotent=True, extra=True),
)
"""Every tool, in the order in which the server lists them."""

LAZY_MODULES: Final[tuple[str, ...]] = (
    "ltmc.check",
    "ltmc.demo",
    "ltmc.doctor",
    "ltmc.http",
    "ltmc.metrics",
    "ltmc.server",
    "ltmc.stdio",
    "ltmc.search.chunking",
    "ltmc.search.code_fields",
    "ltmc.search.entries",
    "ltmc.search.fusion",
    "ltmc.search.index",
    "ltmc.search.packing",
    "ltmc.search.ranking",
    "ltmc.search.temporal",
    "ltmc.services.analytics",
    "ltmc.services.api_pages",
    "ltmc.services.blueprint_figures",
    "ltmc.services.blueprint_lifecycle",
    "ltmc.services.blueprint_parts",
    "ltmc.services.blueprint_planning",
    "ltmc.services.blueprint_plans",
    "ltmc.services.blueprint_records",
    "ltmc.services.blueprint_relationships",
    "ltmc.services.blueprint_rendering",
    "ltmc.services.blueprint_structure",
    "ltmc.services.blueprints",
    "ltmc.services.cache",
    "ltmc.services.chat",
    "ltmc.services.code_changes",
    "ltmc.services.code_symbols",
    "ltmc.services.code_traits",
    "ltmc.services.consistency",
    "ltmc.services.docstrings",
    "ltmc.services.documentation",
    "ltmc.services.figures",
    "ltmc.services.file_selection",
    "ltmc.services.finding",
    "ltmc.services.graph",
    "ltmc.services.managed_blocks",
    "ltmc.services.memory",
    "ltmc.services.monitoring",
    "ltmc.services.originals",
    "ltmc.services.page_formats",
    "ltmc.services.paths",
    "ltmc.services.patterns",
    "ltmc.services.projects",
    "ltmc.services.reindexing",
    "ltmc.services.routing",
    "ltmc.services.signatures",
    "ltmc.services.source_files",
    "ltmc.services.sync",
    "ltmc.services.task_complexity",
    "ltmc.services.team",
    "ltmc.services.team_scoring",
    "ltmc.services.secrets",
    "ltmc.services.todos",
    "ltmc.services.watching",
    "ltmc.storage.blueprint_code",
    "ltmc.storage.blueprints",
    "ltmc.storage.backup",
    "ltmc.storage.cache",
    "ltmc.storage.chats",
    "ltmc.storage.database",
    "ltmc.storage.documentation",
    "ltmc.storage.graph",
    "ltmc.storage.patterns",
    "ltmc.storage.projects",
    "ltmc.storage.redis_cache",
    "ltmc.storage.resources",
    "ltmc.storage.routing",
    "ltmc.storage.search",
    "ltmc.storage.sync",
    "ltmc.storage.team",
    "ltmc.storage.telemetry",
    "ltmc.storage.todos",
    "ltmc.tokens",
    "ltmc.tools.binding",
    "ltmc.tools.calling",
    "aiosqlite",
    "redis.asyncio",
    "fastmcp.client",
    "fastmcp.client.transports",
    "mcp.client.stdio",
    "mcp_types._v2025_11_25",
    "mcp_types._v2026_07_28",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "anyio._backends._asyncio",
    "key_value.aio.stores.memory",
    "rich.table",
)
"""Modules that are imported inside functions or by name, and are missed by whoever only follows imports."""

LAZY_PACKAGES: Final[tuple[str, ...]] = ("rich._unicode_data",)
"""Packages any of whose modules may be imported by name: which one depends on the terminal, say."""

DATA_FILES: Final[tuple[tuple[str, str], ...]] = (
    ("ltmc.tools", "schemas.json"),
    ("ltmc.storage.migrations", "0001_core.sql"),
    ("ltmc.storage.migrations", "0002_blueprints.sql"),
    ("ltmc.storage.migrations", "0003_search.sql"),
    ("ltmc.search", "static.ltmv"),
    ("ltmc.blueprint_templates", "bug_fix.json"),
    ("ltmc.blueprint_templates", "feature.json"),
    ("ltmc.blueprint_templates", "incident.json"),
    ("ltmc.blueprint_templates", "layers.json"),
    ("ltmc.blueprint_templates", "migration.json"),
    ("ltmc.blueprint_templates", "refactoring.json"),
    ("ltmc.blueprint_templates", "release.json"),
)
"""(package, file name) of each file that is read at run time."""

CHECKSUMS: Final[dict[str, str]] = {
    "static.ltmv": "180c36481dfb9e81171496f3ef43f0fe72653101a0ae13a2e35fbfe91988edea",
}
"""sha256 of the data files that no eye can check."""

DISTRIBUTIONS: Final[tuple[str, ...]] = (
    "ltmc",
    "fastmcp",
    "fastmcp-slim",
    "mcp",
    "redis",
    "opentelemetry-api",
)
"""Distributions whose metadata (version or entry points) is read at run time."""


def tool_modules() -> list[str]:
    """The modules that hold the tools, each once, in order."""
    return list(dict.fromkeys(tool.module for tool in TOOLS))


def select(profile: str, *, read_only: bool = False) -> list[Tool]:
    """The tools that `profile` offers, in the order of `TOOLS`.

    Args:
        profile: ``all``, ``core``, or categories separated by commas.
        read_only: leave out each tool that can change what is stored.

    Raises:
        ValueError: a word of `profile` is none of these.
    """
    words = {word.strip() for word in profile.split(",") if word.strip()}
    unknown = words - {"all", "core", *CATEGORIES}
    if unknown or not words:
        allowed = ", ".join(("all", "core", *CATEGORIES))
        raise ValueError(f"profile: got {profile!r}; allowed: {allowed} (several separated by commas).")
    return [tool for tool in TOOLS if _offers(words, tool) and (tool.read_only or not read_only)]


def _offers(words: Iterable[str], tool: Tool) -> bool:
    return "all" in words or tool.category in words or ("core" in words and tool.core)
