"""A stand-in for models of Anthropic, OpenAI and Google.

The agent runs one command, or calls one tool of LTMC where it has that, and is told that it is done.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMAND = "cat no-such-file"  # inside the project: of commands on files outside, nothing is kept
SAID = "All done then."
Call = tuple[str, dict[str, Any]]
"""The name of a tool of LTMC, with its arguments."""
USAGE = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}


@contextmanager
def answering(call: Call | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve at an address; the address, and a list that gets what is asked.

    Args:
        call: what the agent is to call; by default it runs `COMMAND`.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            asked.append(body)
            request = json.loads(body)
            if "streamGenerateContent" in self.path:
                events = _contents(request, call)
            elif not request.get("stream"):
                events = []
            elif "/chat/completions" in self.path:
                events = _completions(request, call)
            elif "/messages" in self.path:
                events = _messages(request, call)
            else:
                events = _responses(request, call)
            lines = [
                "".join(
                    [f"event: {event['type']}\n" if "type" in event else "", f"data: {json.dumps(event)}\n\n"]
                )
                for event in events
            ]
            content = ("".join(lines) or "{}").encode()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream" if lines else "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def _chosen(names: list[str], call: Call | None, shell: Call) -> Call | None:
    """The tool to call, by the name that the agent gives it, and the arguments."""
    wanted, arguments = call or shell
    for name in names:
        if name == wanted or (call and "ltmc" in name and name.endswith(f"_{wanted}")):
            return name, arguments
    return None


def _messages(request: dict[str, Any], call: Call | None) -> list[dict[str, Any]]:
    runs = None
    if "tool_result" not in json.dumps(request["messages"]):
        names = [tool["name"] for tool in request.get("tools", ())]
        runs = _chosen(names, call, ("Bash", {"command": COMMAND}))
    message = {"id": "m", "type": "message", "role": "assistant", "model": request["model"], "usage": USAGE}
    block: dict[str, Any] = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": SAID}
    if runs:
        block = {"type": "tool_use", "id": "t", "name": runs[0], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(runs[1])}
    return [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use" if runs else "end_turn"},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]


def _responses(request: dict[str, Any], call: Call | None) -> list[dict[str, Any]]:
    tools = {tool["name"]: tool for tool in request.get("tools", ()) if "name" in tool}
    inside = {
        f"{name}__{tool['name']}": (name, tool["name"])
        for name, space in tools.items()
        for tool in space.get("tools", ())
    }
    shell = "exec_command", {"cmd": COMMAND}
    runs = None
    if "function_call_output" not in json.dumps(request["input"]):
        runs = _chosen([*inside, *tools], call, shell) or (None if call else shell)
    item: dict[str, Any] = {
        "type": "message",
        "role": "assistant",
        "id": "m",
        "content": [{"type": "output_text", "text": SAID}],
    }
    if runs:
        space, name = inside.get(runs[0], (None, runs[0]))
        item = {
            "type": "function_call",
            "id": "f",
            "call_id": "c",
            "name": name,
            "arguments": json.dumps(runs[1]),
            **({"namespace": space} if space else {}),
        }
    return [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "r", "usage": USAGE}},
    ]


def _contents(request: dict[str, Any], call: Call | None) -> list[dict[str, Any]]:
    runs = None
    if "functionResponse" not in json.dumps(request["contents"]):
        tools = [one for tool in request.get("tools", ()) for one in tool.get("functionDeclarations", ())]
        runs = _chosen([tool["name"] for tool in tools], call, ("run_shell_command", {"command": COMMAND}))
    part = {"functionCall": {"name": runs[0], "args": runs[1]}} if runs else {"text": SAID}
    content = {"role": "model", "parts": [part]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return [
        {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
    ]


def _completions(request: dict[str, Any], call: Call | None) -> list[dict[str, Any]]:
    runs = None
    if not any(message["role"] == "tool" for message in request["messages"]):
        names = [tool["function"]["name"] for tool in request.get("tools", ())]
        runs = _chosen(names, call, ("bash", {"command": COMMAND, "description": "Read it"}))
    function = {"name": runs[0], "arguments": json.dumps(runs[1])} if runs else {}
    called = {"index": 0, "id": "c", "type": "function", "function": function}
    delta = {"role": "assistant", **({"tool_calls": [called]} if runs else {"content": SAID})}
    about = {"id": "m", "object": "chat.completion.chunk", "created": 1, "model": request["model"]}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return [
        {**about, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {
            **about,
            "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if runs else "stop"}],
            "usage": usage,
        },
    ]
