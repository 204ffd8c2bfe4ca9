"""Converts a listing of tools, JSON on stdin, as three Python packages do it; prints what they refuse."""

import json
import logging
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from agents.strict_schema import ensure_strict_json_schema
from google.genai import types
from google.genai._mcp_utils import mcp_to_gemini_tool
from langchain_core.tools import StructuredTool
from langchain_google_genai._function_utils import convert_to_genai_function_declarations
from mcp.types import Tool


def langchain(tool: dict[str, Any]) -> Any:
    """Convert as LangChain's chat model of Gemini does."""
    structured = StructuredTool(
        name=tool["name"], description=tool["description"], args_schema=tool["inputSchema"], func=print
    )
    return convert_to_genai_function_declarations([structured])


CONVERTERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "google-genai, a session as a tool": lambda tool: mcp_to_gemini_tool(Tool.model_validate(tool)),
    "google-genai, Schema": lambda tool: types.Schema.model_validate(tool["inputSchema"]),
    "google-genai, JSONSchema": lambda tool: types.Schema.from_json_schema(
        json_schema=types.JSONSchema.model_validate(tool["inputSchema"]),
        raise_error_on_unsupported_field=True,
    ),
    "openai-agents, strict": lambda tool: ensure_strict_json_schema(deepcopy(tool["inputSchema"])),
    "langchain-google-genai": langchain,
}


def main() -> None:
    """Print {converter: [what it says of each tool that it refuses]}."""
    logging.disable()
    tools = json.load(sys.stdin)
    refused: dict[str, list[str]] = {name: [] for name in CONVERTERS}
    for name, convert in CONVERTERS.items():
        for tool in tools:
            try:
                convert(tool)
            except Exception as error:  # noqa: BLE001 - of any kind, and all of them are told
                refused[name].append(f"{tool['name']}: {error!r}")
    json.dump(refused, sys.stdout)


main()
