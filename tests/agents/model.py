"""A stand-in for models of Anthropic, OpenAI and Google: the agent runs one command and is told that it is done."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMAND = "cat no-such-file"  # inside the project: of commands on files outside, nothing is kept
SAID = "All done then."
USAGE = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}


@contextmanager
def answering() -> Iterator[tuple[str, list[str]]]:
    """Serve at an address; the address, and a list that gets what is asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            asked.append(body)
            request = json.loads(body)
            if "streamGenerateContent" in self.path:
                events = _contents(body)
            elif not request.get("stream"):
                events = []
            elif "/chat/completions" in self.path:
                events = _completions(request)
            elif "/messages" in self.path:
                events = _messages(request)
            else:
                events = _responses(body)
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


def _messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    runs = any(
        tool["name"] == "Bash" for tool in request.get("tools", ())
    ) and "tool_result" not in json.dumps(request["messages"])
    message = {"id": "m", "type": "message", "role": "assistant", "model": request["model"], "usage": USAGE}
    block: dict[str, Any] = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": SAID}
    if runs:
        block = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps({"command": COMMAND})}
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


def _responses(body: str) -> list[dict[str, Any]]:
    item: dict[str, Any] = {
        "type": "message",
        "role": "assistant",
        "id": "m",
        "content": [{"type": "output_text", "text": SAID}],
    }
    if "function_call_output" not in body:
        arguments = json.dumps({"cmd": COMMAND})
        item = {
            "type": "function_call",
            "id": "f",
            "call_id": "c",
            "name": "exec_command",
            "arguments": arguments,
        }
    return [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "r", "usage": USAGE}},
    ]


def _contents(body: str) -> list[dict[str, Any]]:
    call = {"functionCall": {"name": "run_shell_command", "args": {"command": COMMAND}}}
    runs = "run_shell_command" in body and "functionResponse" not in body
    content = {"role": "model", "parts": [call if runs else {"text": SAID}]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return [
        {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
    ]


def _completions(request: dict[str, Any]) -> list[dict[str, Any]]:
    runs = any(tool["function"]["name"] == "bash" for tool in request.get("tools", ()))
    runs = runs and not any(message["role"] == "tool" for message in request["messages"])
    arguments = json.dumps({"command": COMMAND, "description": "Read it"})
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "bash", "arguments": arguments}}
    delta = {"role": "assistant", **({"tool_calls": [call]} if runs else {"content": SAID})}
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
