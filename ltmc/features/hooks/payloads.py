"""What the clients' hooks say, each in its own words, as one `Event`."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.hooks.marked_parts import without_told
from ltmc.timestamps import now

EVENTS = ("start", "prompt", "tool", "before-compact", "after-compact", "end")
"""What happens in a session, in the words of `ltmc hook`."""

AGENTS = ("claude-code", "codex", "gemini", "cursor", "copilot", "cline", "goose", "opencode")
"""The clients whose payloads are known."""

LONGEST_NAME = 200
"""In characters."""

TRANSCRIPT_BYTES = 1 << 20
"""How much is looked at of a transcript, its end."""

MOST_EDITS = 50
"""How many files of one tool call are looked at."""

_PATH_KEYS = ("file_path", "filePath", "absolute_path", "notebook_path", "target_file", "path")
_EDITED_KEYS = (
    "new_string",
    "newString",
    "content",
    "new_str",
    "new_text",
    "new_source",
    "file_text",
    "contents",
    "code_edit",
    "diff",
)
_EDITING = re.compile(r"edit|write|replace|patch|create|insert", re.IGNORECASE)
"""The names of tools that change the file that they name."""

_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: ([^\n]{1,1000})$", re.MULTILINE)
"""A file in a patch of apply_patch."""

_EXIT_CODE = re.compile(
    r"^[ \t]{0,8}(?:process |<shellId: \w{1,20} completed with )?exit(?:ed)?[ _](?:with )?code:? {0,3}(\d{1,3})\b",
    re.I | re.M,
)
"""How the outputs of commands tell that they failed, at the beginning of a line."""

_NOT_FILLED_IN = re.compile(r"\$\{[\w.]{1,100}\}")
"""What a client leaves of a placeholder for a field that the event does not have."""


class Event:
    """What happened.

    Attributes:
        name: one of `EVENTS`.
        agent: one of `AGENTS`.
        native: the client's own name of the event.
        plain: the payload is in the client's own spelling, not in that of Claude Code.
        session: the client's name of the session.
        cwd: the folder that the agent works in.
        edits: files that a tool changed, each with the beginning of what it was changed to.
        command, output: a shell command that failed, and what it said.
        said: the agent's last answer, the summary of a compaction, or why a session ended.
    """

    def __init__(self, name: str, agent: str) -> None:
        self.name, self.agent, self.native, self.plain = name, agent, "", False
        self.session = self.cwd = self.prompt = self.command = self.output = self.said = ""
        self.edits: list[tuple[str, str]] = []


def event_of(name: str, agent: str | None, payload: Mapping[str, Any]) -> Event:
    """Return what a payload says.

    Raises:
        LtmcError: INVALID_ARGUMENT for an unknown event or agent.
    """
    for what, value, allowed in (("event", name, EVENTS), ("agent", agent or AGENTS[0], AGENTS)):
        if value not in allowed:
            message = f"{what}: got {value[:40]!r}; allowed: {', '.join(allowed)}."
            raise LtmcError(ErrorCode.INVALID_ARGUMENT, message, field=what)
    fields = _filled_in(payload)
    agent = agent or _agent_of(fields)
    event = Event(name, agent)
    event.native = _text(fields, "hook_event_name", "hookEventName", "hookName", "event")[:LONGEST_NAME]
    event.plain = not {"hook_event_name", "hookEventName"} & fields.keys()
    context = fields.get("sessionContext")  # of Cline, which names its transcripts so
    session = _text(context, "rootSessionId") if isinstance(context, Mapping) else ""
    event.session = _name(session or _text(fields, "session_id", "sessionId", "conversation_id", "taskId"))
    event.session = event.session or f"{agent}-{now()[:10]}"
    roots = fields.get("workspace_roots") or fields.get("workspaceRoots")
    first = roots[0] if isinstance(roots, list) and roots else ""
    event.cwd = _text(fields, "cwd", "working_dir") or (first if isinstance(first, str) else "")
    fields = {**fields, **_inner(fields)}
    if name == "prompt":
        event.prompt = without_told(_text(fields, "prompt", "message", "user_prompt"))
    elif name == "tool":
        _read_tool(event, fields)
    else:
        event.said = _text(fields, "compact_summary", "last_assistant_message", "prompt_response", "reason")
        if event.native == "afterAgentResponse":  # of Cursor
            event.said = _text(fields, "text")
        elif isinstance(turn := fields.get("turn"), Mapping):  # of Cline
            event.said = _text(turn, "outputText")
    return event


def _agent_of(fields: Mapping[str, Any]) -> str:
    """Return the client that sends such fields."""
    native = _text(fields, "hook_event_name")
    if "cursor_version" in fields or "workspace_roots" in fields:
        return "cursor"
    if native and "timestamp" in fields:
        return "gemini"
    if "turn_id" in fields:
        return "codex"
    if "taskId" in fields or "clineVersion" in fields:
        return "cline"
    if "working_dir" in fields or "matcher_context" in fields:
        return "goose"
    if "hook_event_name" not in fields and {"sessionId", "timestamp", "toolName"} & fields.keys():
        return "copilot"
    return "claude-code"


def _inner(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what Cline keeps in an object named as the event."""
    for key in ("userPromptSubmit", "postToolUse", "preCompact", "taskComplete", "taskStart"):
        if isinstance(inner := fields.get(key), Mapping):
            return {"tool_result": None, **inner}  # beside postToolUse it tells the same otherwise
    return {}


def _read_tool(event: Event, fields: Mapping[str, Any]) -> None:
    """Add what a tool changed, or the command that failed."""
    tool = _text(fields, "tool_name", "toolName", "tool")
    given = _decoded(_first(fields, "tool_input", "toolArgs", "tool_args", "toolInput", "parameters"))
    given = given if isinstance(given, Mapping) else {"command": given} if isinstance(given, str) else {}
    result = _decoded(
        _first(fields, "tool_response", "toolResult", "tool_output", "tool_result", "result", "output")
    )
    command = _text(given, "command", "cmd", "script") or _text(fields, "command")
    if "commands" in given and isinstance(
        result, list
    ):  # of Cline, which runs several: the first that failed
        ran = [one for one in result if isinstance(one, Mapping) and one.get("success") is False]
        result = {"is_error": True, "output": _text(ran[0], "result", "error")} if ran else {}
        command = _text(ran[0], "query") if ran else ""
    failed = _failed(fields, result) or (event.agent == "codex" and _failed_by_transcript(fields))
    if " " not in command and _text(given, *_PATH_KEYS):  # an editor's tool: what it does to the file
        tool, command = command or tool, ""
    if "apply_patch" in tool or command.lstrip().startswith("*** Begin Patch"):
        patch = _text(given, "command", "input", "patch", "patchText") or command
        event.edits = [] if failed else list(_patched(patch))[:MOST_EDITS]
    elif command:
        if failed:
            event.command = command
            event.output = _text(fields, "error") or _said(result)
    elif not failed and (_EDITING.search(tool) or "edits" in fields):
        event.edits = list(_edits({**fields, **given}))[:MOST_EDITS]


def _patched(patch: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a patch, each with its part of it."""
    headers = [*_PATCHED.finditer(patch)]
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        yield header[1], patch[header.end() : following.start() if following else len(patch)].strip()


def _edits(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    path = _text(given, *_PATH_KEYS)
    edits = given.get("edits")
    parts = [one for one in edits if isinstance(one, Mapping)] if isinstance(edits, list) else []
    if path:
        yield path, "\n".join([_text(part, *_EDITED_KEYS) for part in parts]) or _text(given, *_EDITED_KEYS)


def _failed(fields: Mapping[str, Any], result: Any) -> bool:
    """Tell whether a tool failed, by any sign that clients give of it."""
    if fields.get("error") or fields.get("success") is False:
        return True
    if isinstance(result, Mapping):
        codes = [result.get(key) for key in ("exit_code", "exitCode", "returncode", "return_code", "code")]
        metadata = result.get("metadata")
        codes.append(metadata.get("exit_code") if isinstance(metadata, Mapping) else None)
        if any(isinstance(code, int) and code for code in codes):
            return True
        if (
            result.get("success") is False
            or result.get("is_error")
            or result.get("isError")
            or result.get("error")
        ):
            return True
        if result.get("resultType") in ("failure", "denied", "error"):
            return True
    told = _EXIT_CODE.search(_said(result))
    return told is not None and int(told[1]) != 0


def _failed_by_transcript(fields: Mapping[str, Any]) -> bool:
    """Tell whether a tool failed by the transcript of Codex, whose hooks are not told."""
    path, call = _text(fields, "transcript_path"), _text(fields, "tool_use_id")
    if not path or not call or not os.path.isfile(path):  # noqa: PTH113 - False also where it cannot be looked at
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the fastest
            file.seek(-min(os.fstat(file.fileno()).st_size, TRANSCRIPT_BYTES), os.SEEK_END)
            lines = file.read(TRANSCRIPT_BYTES).splitlines()
    except OSError:
        return False
    for line in reversed(lines):
        if call.encode() in line and b"exit_code" in line:
            record = _decoded(line.decode("utf-8", "replace"))
            payload = record.get("payload") if isinstance(record, Mapping) else None
            item = payload.get("item") if isinstance(payload, Mapping) else None
            if isinstance(item, Mapping) and item.get("id") == call:
                return item.get("exit_code") not in (0, None)
    return False


def _said(result: Any) -> str:
    """Return what a tool said."""
    if isinstance(result, str):
        return result
    if not isinstance(result, Mapping):
        return ""
    keys = (
        "stderr",
        "stdout",
        "output",
        "error",
        "textResultForLlm",
        "llmContent",
        "returnDisplay",
        "content",
    )
    said = "\n".join([text for key in keys if (text := _text(result, key))])
    return said.removeprefix("<untrusted_context>\n").removesuffix("\n</untrusted_context>")  # of Gemini CLI


def _filled_in(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields without placeholders that the client did not fill in."""
    return {
        name: value
        for name, value in payload.items()
        if not (value is None or (isinstance(value, str) and _NOT_FILLED_IN.fullmatch(value.strip())))
    }


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _decoded(value: Any) -> Any:
    """Return what a text of JSON holds, and anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _text(fields: Mapping[str, Any], *names: str) -> str:
    """Return the first of the fields that is a text."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return (
                value.encode("utf-8", "replace").decode().replace("\0", " ")
            )  # a lone surrogate cannot be stored
    return ""


def _name(text: str) -> str:
    return "".join([char for char in text[:LONGEST_NAME] if char.isprintable()]).strip()


def root_of(cwd: str) -> str:
    """Return the folder of the repository that a folder lies in; without one, the folder itself."""
    folder = os.path.realpath(cwd)
    above = folder
    while not os.path.exists(os.path.join(above, ".git")):  # noqa: PTH110, PTH118 - the fastest
        if (parent := os.path.dirname(above)) == above:  # noqa: PTH120
            return folder
        above = parent
    return above
