"""How each method that a query can be routed to is carried out, over the features."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ltmc.features.graph.service import GraphService
from ltmc.features.memory.routing import CUES, DONE, OPEN, Searches, names_in, wanted_status
from ltmc.features.memory.searching import SearchService
from ltmc.features.patterns.service import PatternService
from ltmc.features.todos.service import TodoService
from ltmc.search.analysis import query_words

ABOUT_TODOS = frozenset(
    "show list work anything everything priority urgent still item items thing things".split()
)
"""Words of a query for todos that name none."""

Results = Sequence[Mapping[str, Any]]
Service = TypeVar("Service")


class Services(Protocol):
    """Where services come from: the application."""

    def get(self, service: type[Service], /) -> Service:
        """Return the one instance of a service."""


def searches(services: Services) -> Searches:
    """Return the methods of `ltmc.features.memory.routing.METHODS`."""
    memory = services.get(SearchService)

    async def semantic(query: str, top_k: int, conversation: str | None, project: str | None) -> Results:
        return await memories(query, top_k, conversation, project, every_term=False)

    async def keyword(query: str, top_k: int, conversation: str | None, project: str | None) -> Results:
        return await memories(query, top_k, conversation, project, every_term=True)

    async def memories(
        query: str, top_k: int, conversation: str | None, project: str | None, *, every_term: bool
    ) -> Results:
        found = await memory.find(
            query,
            tool="route_query",
            conversation_id=conversation,
            top_k=top_k,
            project_id=project,
            every_term=every_term,
        )
        return list(found["results"])

    async def related(query: str, top_k: int, _: str | None, project: str | None) -> Results:
        """Return the relationships of the things that the query names."""
        words = [word for word in query_words(query) if word not in CUES["graph_query"]]
        for entity in [*names_in(query), *words]:
            found = await services.get(GraphService).query(
                entity, relations=None, direction="both", max_depth=1, limit=top_k, project_id=project
            )
            if found["relationships"]:
                return [{"entity": found["entity"], **edge} for edge in found["relationships"]]
        return []

    async def todos(query: str, top_k: int, _: str | None, project: str | None) -> Results:
        return await _todos(services, query, top_k, project)

    async def blueprints(query: str, top_k: int, _: str | None, project: str | None) -> Results:
        found = await memory.recall_by_type(query, "blueprint", top_k=top_k, offset=0, project_id=project)
        return list(found["results"])

    async def code(query: str, top_k: int, _: str | None, project: str | None) -> Results:
        found = await services.get(PatternService).find(query, top_k=top_k, project_id=project)
        return list(found["patterns"])

    async def recent(_: str, top_k: int, __: str | None, project: str | None) -> Results:
        found = await memory.search("", {}, top_k=top_k, offset=0, project_id=project)
        return list(found["results"])

    async def chats(query: str, top_k: int, conversation: str | None, project: str | None) -> Results:
        filters: dict[str, Any] = {"sources": ["chat"]}
        if conversation is not None:
            filters["conversation_id"] = conversation
        found = await memory.search(query, filters, top_k=top_k, offset=0, project_id=project)
        return list(found["results"])

    return {
        "semantic_search": semantic,
        "keyword_search": keyword,
        "graph_query": related,
        "chat_history": chats,
        "todo_search": todos,
        "code_patterns": code,
        "blueprint_search": blueprints,
        "recent_items": recent,
    }


async def _todos(services: Services, query: str, top_k: int, project: str | None) -> Results:
    """Return the todos of the status that the query asks for: those that it names, or all."""
    status = wanted_status(query)
    told = CUES["todo_search"] | DONE | OPEN | ABOUT_TODOS
    wanted = " ".join(word for word in query_words(query) if word not in told)
    if wanted:
        found = await services.get(SearchService).recall_by_type(
            wanted, "todo", top_k=top_k, offset=0, project_id=project
        )
        matching = [one for one in found["results"] if status in ("all", one["status"])]
        if matching and not found.get("weak"):
            return matching
    page = await services.get(TodoService).page(
        status="pending" if status == "all" else status,
        priority=None,
        limit=top_k,
        offset=0,
        sort="priority",
        project_id=project,
    )
    return page["todos"]
