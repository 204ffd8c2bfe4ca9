"""Older names of arguments."""

ALIASES = {
    "question": "query",
    "context_limit": "top_k",
    "context_k": "top_k",
    "token_limit": "max_tokens",
    "items": "documents",
    "relationship_type": "relation",
    "entity_id": "entity",
    "document_id": "doc_id",
    "tool_name": "source_tool",
    "resource_1_id": "source_id",
    "resource_2_id": "target_id",
    "prerequisite_task_id": "prerequisite_blueprint_id",
}
"""Older argument names, accepted wherever the tool has the newer one."""
