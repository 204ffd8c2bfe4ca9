"""The server that the conformance suite asks for, with tools, resources and prompts of given names.

LTMC has no images and asks its client no questions, and its prompts and resources have other names, so what the
suite says of them cannot be tried on LTMC itself. This server offers them on the same stack:
`ltmc.server.http_transport.application` with its token and limits.

    python -m tests.conformance.fixture TOKEN_FILE

It prints its port, then serves on 127.0.0.1 until it is killed.
"""

import asyncio
import base64
import json
import socket
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import mcp_types as types
import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message
from fastmcp.tools.base import Tool, ToolResult
from mcp.shared.exceptions import MCPError
from pydantic import Field

from ltmc.server.access import Access
from ltmc.server.bearer_token import TokenCheck
from ltmc.server.http_transport import application

PNG = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
    )
).decode()
WAV = base64.b64encode(
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
    b"data\x02\x00\x00\x00\x00\x00"
).decode()

PAUSE_SECONDS = 0.05

# The suite looks for $defs in a listed schema; FastMCP would resolve them.
mcp: FastMCP[None] = FastMCP("conformance-fixture", version="1.0.0", dereference_schemas=False)


# Contents


def text(value: str) -> types.TextContent:
    return types.TextContent(type="text", text=value)


def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, mime_type: str, value: str) -> types.EmbeddedResource:
    resource = types.TextResourceContents(uri=uri, mime_type=mime_type, text=value)
    return types.EmbeddedResource(type="resource", resource=resource)


@mcp.tool
def test_simple_text() -> str:
    """Returns a text."""
    return "This is a simple text response for testing."


@mcp.tool
def test_image_content() -> ToolResult:
    """Returns an image."""
    return ToolResult(content=[image()])


@mcp.tool
def test_audio_content() -> ToolResult:
    """Returns a sound."""
    return ToolResult(content=[types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")])


@mcp.tool
def test_embedded_resource() -> ToolResult:
    """Returns a resource."""
    return ToolResult(
        content=[embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]
    )


@mcp.tool
def test_multiple_content_types() -> ToolResult:
    """Returns a text, an image and a resource."""
    data = json.dumps({"test": "data", "value": 123})
    return ToolResult(
        content=[
            text("Multiple content types test:"),
            image(),
            embedded("test://mixed-content-resource", "application/json", data),
        ]
    )


@mcp.tool
def test_error_handling() -> str:
    """Fails."""
    raise ToolError("This tool intentionally returns an error for testing")


# Notifications while a call runs


@mcp.tool
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs three times."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(message)
        await asyncio.sleep(PAUSE_SECONDS)
    return "Logged three messages."


@mcp.tool
async def test_logging_tool(ctx: Context) -> str:
    """Logs once."""
    await ctx.info("Diagnostic message")
    return "Logged one message."


@mcp.tool
async def test_tool_with_progress(ctx: Context) -> str:
    """Reports progress three times."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await asyncio.sleep(PAUSE_SECONDS)
    return "Reported progress."


@mcp.tool
async def test_streaming_elicitation(ctx: Context) -> str:
    """Streams a notification before its answer."""
    await ctx.report_progress(50, 100)
    return "Streamed."


# Questions to the client, as of 2025-11-25


@mcp.tool
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model."""
    result = await ctx.session.create_message(
        [types.SamplingMessage(role="user", content=text(prompt))],
        max_tokens=100,
        related_request_id=ctx.request_id,
    )
    return f"LLM response: {getattr(result.content, 'text', result.content)}"


async def elicit(ctx: Context, message: str, properties: dict[str, Any], required: list[str]) -> str:
    result = await ctx.session.elicit(
        message=message,
        requested_schema={"type": "object", "properties": properties, "required": required},
        related_request_id=ctx.request_id,
    )
    return f"action={result.action}, content={json.dumps(result.content)}"


@mcp.tool
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user."""
    properties = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    return "User response: " + await elicit(ctx, message, properties, ["username", "email"])


@mcp.tool
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks with default values."""
    properties = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return "Elicitation completed: " + await elicit(ctx, "Please review", properties, [])


@mcp.tool
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks for choices of each form."""
    plain = ["option1", "option2", "option3"]
    titled = [
        {"const": f"value{number}", "title": f"{ordinal} Option"}
        for number, ordinal in enumerate(("First", "Second", "Third"), 1)
    ]
    properties = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return "Elicitation completed: " + await elicit(ctx, "Please choose", properties, [])


# Questions to the client, as of 2026-07-28: answered by a second call


def question(message: str, name: str, kind: str = "string") -> types.ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, max_tokens: int = 100) -> types.CreateMessageRequest:
    messages = [types.SamplingMessage(role="user", content=text(prompt))]
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=messages, max_tokens=max_tokens)
    )


def ask(state: str | None = None, **requests: types.InputRequest) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests, request_state=state)


def answers(ctx: Context, *names: str) -> Mapping[str, Any] | None:
    """The client's answers, or None as long as one of them is missing."""
    given = ctx.input_responses or {}
    return given if all(name in given for name in names) else None


@mcp.tool
def test_input_required_result_elicitation(ctx: Context) -> str | types.InputRequiredResult:
    """Asks the user's name."""
    given = answers(ctx, "user_name")
    if given is None or not given["user_name"].content:
        return ask(user_name=question("What is your name?", "name"))
    return f"Hello, {given['user_name'].content['name']}!"


@mcp.tool
def test_input_required_result_sampling(ctx: Context) -> str | types.InputRequiredResult:
    """Asks the client's model."""
    given = answers(ctx, "capital_question")
    if given is None:
        return ask(capital_question=sample("What is the capital of France?"))
    return str(given["capital_question"].content)


@mcp.tool
def test_input_required_result_list_roots(ctx: Context) -> str | types.InputRequiredResult:
    """Asks for the client's roots."""
    given = answers(ctx, "client_roots")
    if given is None:
        return ask(client_roots=types.ListRootsRequest())
    return f"{len(given['client_roots'].roots)} roots"


@mcp.tool
def test_input_required_result_request_state(ctx: Context) -> str | types.InputRequiredResult:
    """Asks, and gets its own state back."""
    if answers(ctx, "confirm") is None or ctx.request_state != "asked":
        return ask("asked", confirm=question("Please confirm", "ok", "boolean"))
    return "state-ok"


@mcp.tool
def test_input_required_result_tampered_state(ctx: Context) -> str | types.InputRequiredResult:
    """Asks with a state that must come back as it was."""
    if answers(ctx, "confirm") is None:
        return ask("sealed", confirm=question("Please confirm", "ok", "boolean"))
    return "Accepted."


@mcp.tool
def test_input_required_result_multiple_inputs(ctx: Context) -> str | types.InputRequiredResult:
    """Asks three things at once."""
    if answers(ctx, "user_name", "greeting", "client_roots") is None:
        return ask(
            "three",
            user_name=question("What is your name?", "name"),
            greeting=sample("Generate a greeting", 50),
            client_roots=types.ListRootsRequest(),
        )
    return "All three were answered."


@mcp.tool
def test_input_required_result_multi_round(ctx: Context) -> str | types.InputRequiredResult:
    """Asks twice."""
    if ctx.request_state == "two" and answers(ctx, "step2"):
        return "Both steps were answered."
    if ctx.request_state == "one" and answers(ctx, "step1"):
        return ask("two", step2=question("Step 2: What is your favorite color?", "color"))
    return ask("one", step1=question("Step 1: What is your name?", "name"))


@mcp.tool
def test_input_required_result_capabilities(ctx: Context) -> str | types.InputRequiredResult:
    """Asks only what the client can answer."""
    capabilities = ctx.session.client_capabilities or types.ClientCapabilities()
    requests: dict[str, types.InputRequest] = {}
    if capabilities.sampling is not None:
        requests["greeting"] = sample("Generate a greeting")
    if capabilities.elicitation is not None:
        requests["user_name"] = question("What is your name?", "name")
    return ask(**requests) if requests and not ctx.input_responses else "Nothing to ask."


@mcp.tool
def test_missing_capability(ctx: Context) -> str:
    """Needs a client that can sample."""
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs the sampling capability",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "The client can sample."


@mcp.prompt
def test_input_required_result_prompt(ctx: Context) -> Any:
    """Asks for context."""
    given = answers(ctx, "user_context")
    if given is None:
        return ask(user_context=question("What context should the prompt use?", "context"))
    return f"Use this context: {given['user_context'].content['context']}"


# Schemas and headers


class SchemaTool(Tool):
    """A tool with a schema that Python types cannot say."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Answer with the arguments."""
        return ToolResult(content=json.dumps(arguments))


mcp.add_tool(
    SchemaTool(
        name="json_schema_2020_12_tool",
        description="Tool with JSON Schema 2020-12 features",
        parameters={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "$anchor": "addressDef",
                    "type": "object",
                    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
                }
            },
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"},
                "email": {"type": "string"},
            },
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": False,
        },
    )
)


@mcp.tool
def test_custom_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Has an argument that clients repeat in a header."""
    return region


# Resources


@mcp.resource(
    "test://static-text",
    name="Static Text Resource",
    description="A static text resource for testing",
    mime_type="text/plain",
)
def static_text() -> str:
    return "This is the content of the static text resource."


@mcp.resource(
    "test://static-binary",
    name="Static Binary Resource",
    description="A static binary resource (image) for testing",
    mime_type="image/png",
)
def static_binary() -> bytes:
    return base64.b64decode(PNG)


@mcp.resource(
    "test://watched-resource",
    name="Watched Resource",
    description="A resource that can be subscribed to",
    mime_type="text/plain",
)
def watched_resource() -> str:
    return "Watched resource content"


@mcp.resource(
    "test://template/{id}/data",
    name="Resource Template",
    description="A resource template with parameter substitution",
    mime_type="application/json",
)
def template(id: str) -> str:  # noqa: A002 - the suite's name
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


async def subscribe(_: Any, __: Any) -> types.EmptyResult:
    return types.EmptyResult()


mcp._mcp_server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, subscribe)
mcp._mcp_server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, subscribe)


# Prompts


@mcp.prompt
def test_simple_prompt() -> str:
    """A simple prompt."""
    return "This is a simple prompt for testing."


@mcp.prompt
def test_prompt_with_arguments(
    arg1: Annotated[str, Field(description="First test argument")],
    arg2: Annotated[str, Field(description="Second test argument")],
) -> str:
    """A prompt with required arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@mcp.prompt
def test_prompt_with_embedded_resource(
    resourceUri: Annotated[str, Field(description="URI of the resource to embed")],  # noqa: N803 - the suite's
) -> list[Message]:
    """A prompt with a resource in it."""
    return [
        Message(embedded(resourceUri, "text/plain", "Embedded resource content for testing.")),
        Message("Please process the embedded resource above."),
    ]


@mcp.prompt
def test_prompt_with_image() -> list[Message]:
    """A prompt with an image in it."""
    return [Message(image()), Message("Please analyze the image above.")]


@mcp.completion
def complete(
    ref: Any, argument: types.CompletionArgument, context: types.CompletionContext | None
) -> list[str]:
    return [word for word in ("test", "testing", "text") if word.startswith(argument.value)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # what 2025-11-25 has and 2026-07-28 deprecates is tried on purpose
    app = application(
        {"admin": mcp}, Access(TokenCheck(Path(sys.argv[1]))), max_calls=100, call_seconds=60, sessions=True
    )
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="warning", lifespan="on", ws="none")
    uvicorn.Server(config).run(sockets=[listener])
