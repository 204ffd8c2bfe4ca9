"""A file or folder of every format, as the programs write them, made anew for each test."""

import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

AT = "2026-03-04T10:00:00.000Z"
MILLISECONDS = 1_772_618_400_000


def write_lines(path: Path, records: Iterable[Any]) -> Path:
    """Write a file with a line of JSON for each record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def write_database(path: Path, script: str, rows: dict[str, list[tuple[Any, ...]]]) -> Path:
    """Write an SQLite database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)
        for table, values in rows.items():
            for one in values:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(one))})", one)
    return path


def claude_record(number: int, role: str, content: Any, **more: Any) -> dict[str, Any]:
    """A record of a transcript of Claude Code."""
    return {
        "type": role,
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "sessionId": "claude-session",
        "timestamp": AT,
        "cwd": "/work/no-such/shop",
        "gitBranch": "main",
        "message": {"role": role, "content": content},
        **more,
    }


def claude_code(top: Path) -> Path:
    """Two messages, and what is left out."""
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "echo hangar"}}
    answer = [{"type": "tool_result", "tool_use_id": "t", "content": "left out"}]
    reminder = "Why is the kiosk slow?<system-reminder>left out</system-reminder>"
    return write_lines(
        top / "claude-session.jsonl",
        [
            {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
            claude_record(1, "user", reminder),
            claude_record(2, "assistant", [{"type": "thinking", "thinking": "left out"}]),
            claude_record(3, "assistant", [{"type": "text", "text": "The kiosk waits for its DNS."}, call]),
            claude_record(4, "user", answer),
            claude_record(5, "user", "left out", isMeta=True),
            claude_record(6, "user", "<command-name>/clear</command-name>"),
        ],
    )


def codex(top: Path) -> Path:
    """Two messages; the events repeat them."""

    def item(role: str, text: str, kind: str) -> dict[str, Any]:
        payload = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        return {"timestamp": AT, "type": "response_item", "payload": payload}

    about = {"id": "codex-session", "cwd": "/work/no-such/shop", "git": {"branch": "main"}}
    return write_lines(
        top / "rollout-2026-03-04T10-00-00-codex-session.jsonl",
        [
            {"timestamp": AT, "type": "session_meta", "payload": about},
            item("developer", "left out", "input_text"),
            item("user", "<environment_context>left out</environment_context>", "input_text"),
            item("user", "Why is the kiosk slow?", "input_text"),
            {"timestamp": AT, "type": "event_msg", "payload": {"type": "user_message", "message": "again"}},
            {"timestamp": AT, "type": "response_item", "payload": {"type": "function_call", "name": "x"}},
            item("assistant", "The kiosk waits for its DNS.", "output_text"),
        ],
    )


def gemini(top: Path) -> Path:
    """Two messages, one that was taken back, and one that was written twice."""
    folder = top / "tmp" / "shop"
    folder.mkdir(parents=True)
    (folder / ".project_root").write_text("/work/no-such/shop")
    context = {
        "id": "0",
        "timestamp": AT,
        "type": "user",
        "content": "<session_context>left out</session_context>",
    }
    asked = {"id": "1", "timestamp": AT, "type": "user"}
    return write_lines(
        folder / "chats" / "session-2026-03-04T10-00-abcd1234.jsonl",
        [
            {"sessionId": "gemini-session", "projectHash": "h", "startTime": AT, "kind": "main"},
            {"$set": {"messages": [context, asked | {"content": [{"text": "Why is the kiosk slow?"}]}]}},
            {"id": "2", "timestamp": AT, "type": "gemini", "content": "left out"},
            {"$rewindTo": "2"},
            {"$set": {"lastUpdated": AT}},
            {"id": "3", "timestamp": AT, "type": "gemini", "content": ""},
            {
                "id": "3",
                "timestamp": AT,
                "type": "gemini",
                "content": [{"text": "The kiosk waits for its DNS."}],
            },
            {"id": "4", "timestamp": AT, "type": "info", "content": "left out"},
        ],
    )


def gemini_object(top: Path) -> Path:
    """The older form: one object."""
    messages = [
        {"id": "1", "timestamp": AT, "type": "user", "content": "Why is the kiosk slow?"},
        {"id": "2", "timestamp": AT, "type": "gemini", "content": "The kiosk waits for its DNS."},
    ]
    path = top / "chats" / "session-2026-03-04T10-00-abcd1234.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"sessionId": "gemini-old", "projectHash": "h", "messages": messages}))
    return path


def copilot(top: Path) -> Path:
    """Two messages of Copilot CLI."""

    def event(kind: str, number: int, **data: Any) -> dict[str, Any]:
        return {"type": kind, "id": f"event-{number}", "data": data, "timestamp": AT}

    return write_lines(
        top / "copilot-session" / "events.jsonl",
        [
            event("session.start", 1, sessionId="copilot-session", context={"cwd": "/work/no-such/shop"}),
            event("user.message", 2, content="Why is the kiosk slow?"),
            event("tool.execution_start", 3, toolName="bash", arguments={}),
            event("assistant.message", 4, content="The kiosk waits for its DNS."),
        ],
    )


def cursor_lines(top: Path) -> Path:
    """Two messages of Cursor's command line."""

    def said(role: str, text: str) -> dict[str, Any]:
        return {"role": role, "message": {"content": [{"type": "text", "text": text}]}}

    return write_lines(
        top / "projects" / "work-shop" / "agent-transcripts" / "cursor-session" / "cursor-session.jsonl",
        [
            said("user", "<user_query>\nWhy is the kiosk slow?\n</user_query>"),
            said("assistant", "The kiosk waits for its DNS."),
        ],
    )


def cursor_database(top: Path) -> Path:
    """Two messages of Cursor's editor, whose order the composer tells."""

    def bubble(kind: int, text: str) -> str:
        return json.dumps({"type": kind, "text": text, "workspaceProjectDir": "/work/no-such/shop"})

    headers = [{"bubbleId": "b"}, {"bubbleId": "a"}, {"bubbleId": "gone"}]
    composer = {"name": "Kiosk", "createdAt": MILLISECONDS, "fullConversationHeadersOnly": headers}
    return write_database(
        top / "state.vscdb",
        "CREATE TABLE cursorDiskKV (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB);",
        {
            "cursorDiskKV": [
                ("composerData:cursor-talk", json.dumps(composer)),
                ("bubbleId:cursor-talk:a", bubble(2, "The kiosk waits for its DNS.")),
                ("bubbleId:cursor-talk:b", bubble(1, "Why is the kiosk slow?")),
                ("checkpointId:x", "left out"),
            ]
        },
    )


def opencode(top: Path) -> Path:
    """Two messages of OpenCode."""
    return write_database(
        top / "opencode.db",
        "CREATE TABLE session (id TEXT PRIMARY KEY, directory TEXT, title TEXT, time_created INTEGER);"
        "CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, data TEXT);"
        "CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, data TEXT);",
        {
            "session": [("opencode-session", "/work/no-such/shop", "Kiosk", MILLISECONDS)],
            "message": [
                ("m1", "opencode-session", MILLISECONDS, json.dumps({"role": "user"})),
                ("m2", "opencode-session", MILLISECONDS + 1, json.dumps({"role": "assistant"})),
            ],
            "part": [
                ("p1", "m1", "s", json.dumps({"type": "text", "text": "Why is the kiosk slow?"})),
                ("p2", "m2", "s", json.dumps({"type": "tool", "tool": "bash"})),
                ("p3", "m2", "s", json.dumps({"type": "text", "text": "The kiosk waits for its DNS."})),
            ],
        },
    )


def cline(top: Path) -> Path:
    """Two messages of Cline."""
    folder = "# Current Working Directory (/work/no-such/shop) Files"
    details = f"<environment_details>\n{folder}\na.py\n</environment_details>"
    question = {"type": "text", "text": "<task>\nWhy is the kiosk slow?\n</task>"}
    path = top / "tasks" / str(MILLISECONDS) / "api_conversation_history.json"
    path.parent.mkdir(parents=True)
    messages = [
        {"role": "user", "content": [question, {"type": "text", "text": details}]},
        {"role": "assistant", "content": [{"type": "text", "text": "The kiosk waits for its DNS."}]},
        {"role": "user", "content": [{"type": "text", "text": "[read_file for 'a.py'] Result:"}]},
    ]
    path.write_text(json.dumps(messages))
    return path


def cline_program(top: Path) -> Path:
    """Two messages as the program of Cline 3.0.65 writes them; the file beside them has the folder."""
    name = f"{MILLISECONDS}_ncr5i"
    call = {"type": "tool_use", "id": "c", "name": "run_commands", "input": {"commands": ["echo hangar"]}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [{"query": "echo", "result": "left out"}]}
    said = [
        ("user", {"type": "text", "text": '<user_input mode="act">Why is the kiosk slow?</user_input>'}),
        ("assistant", call),
        ("user", result),
        ("assistant", {"type": "text", "text": "The kiosk waits for its DNS."}),
    ]
    messages = [
        {"id": str(number), "role": role, "content": [part], "ts": MILLISECONDS}
        for number, (role, part) in enumerate(said)
    ]
    path = top / "sessions" / name / f"{name}.messages.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": 1, "agent": "lead", "sessionId": name, "messages": messages}))
    path.with_name(f"{name}.json").write_text(
        json.dumps({"version": 1, "session_id": name, "cwd": "/work/no-such/shop", "prompt": "left out"})
    )
    return path


def goose_database(top: Path) -> Path:
    """Two messages of Goose."""

    def content(text: str) -> str:
        return json.dumps([{"type": "text", "text": text}])

    return write_database(
        top / "sessions.db",
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, description TEXT, working_dir TEXT, created_at TEXT);"
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content_json TEXT, "
        "created_timestamp INTEGER);",
        {
            "sessions": [("goose-session", "", "/work/no-such/shop", AT)],
            "messages": [
                (1, "goose-session", "user", content("Why is the kiosk slow?"), MILLISECONDS // 1000),
                (
                    2,
                    "goose-session",
                    "assistant",
                    content("The kiosk waits for its DNS."),
                    MILLISECONDS // 1000,
                ),
                (3, "goose-session", "user", json.dumps([{"type": "toolResponse"}]), 0),
            ],
        },
    )


def goose_lines(top: Path) -> Path:
    """The older form: a file of lines."""
    return write_lines(
        top / "20260304_100000.jsonl",
        [
            {"working_dir": "/work/no-such/shop", "description": "Kiosk"},
            {"role": "user", "created": 1, "content": [{"type": "text", "text": "Why is the kiosk slow?"}]},
            {
                "role": "assistant",
                "created": 2,
                "content": [{"type": "text", "text": "The kiosk waits for its DNS."}],
            },
        ],
    )


TALKS: dict[str, Callable[[Path], Path]] = {
    "claude-code": claude_code,
    "codex": codex,
    "gemini": gemini,
    "gemini-object": gemini_object,
    "copilot-cli": copilot,
    "cursor-lines": cursor_lines,
    "cursor": cursor_database,
    "opencode": opencode,
    "cline": cline,
    "cline-program": cline_program,
    "goose": goose_database,
    "goose-lines": goose_lines,
}
"""Each holds one talk: why the kiosk is slow, and the answer."""


def server_memory(top: Path) -> Path:
    """Two entities and how they are linked, a torn line and one that stands twice."""
    entity = {
        "type": "entity",
        "name": "Kiosk",
        "entityType": "machine",
        "observations": ["It waits for its DNS."],
    }
    path = write_lines(
        top / "memory.jsonl",
        [
            entity,
            entity,
            {
                "type": "entity",
                "name": "Hangar",
                "entityType": "place",
                "observations": ["It opens in spring."],
            },
            {"type": "relation", "from": "Kiosk", "to": "Hangar", "relationType": "stands in"},
        ],
    )
    with path.open("a") as file:
        file.write('{"type": "entity", "na')
    return path


def claude_mem(top: Path) -> Path:
    """An observation, a summary and a prompt."""
    return write_database(
        top / "claude-mem.db",
        "CREATE TABLE sdk_sessions (id INTEGER PRIMARY KEY, content_session_id TEXT, memory_session_id TEXT, "
        "project TEXT);"
        "CREATE TABLE observations (id INTEGER PRIMARY KEY, memory_session_id TEXT, project TEXT, text TEXT, "
        "type TEXT, title TEXT, narrative TEXT, facts TEXT, concepts TEXT, files_modified TEXT, "
        "created_at_epoch INTEGER);"
        "CREATE TABLE session_summaries (id INTEGER PRIMARY KEY, memory_session_id TEXT, project TEXT, "
        "request TEXT, learned TEXT, created_at_epoch INTEGER);"
        "CREATE TABLE user_prompts (id INTEGER PRIMARY KEY, content_session_id TEXT, prompt_number INTEGER, "
        "prompt_text TEXT, created_at_epoch INTEGER);",
        {
            "sdk_sessions": [(1, "talk", "memory", "my shop")],
            "observations": [
                (1, "memory", "my shop", None, "discovery", "Slow kiosk", "It waits for its DNS.",
                 '["The timeout is 5 s."]', '["network"]', '["kiosk/dns.py"]', MILLISECONDS),
                (2, "memory", "my shop", None, "discovery", None, None, None, None, None, MILLISECONDS),
            ],
            "session_summaries": [(1, "memory", "my shop", "Speed it up", "DNS was slow.", MILLISECONDS)],
            "user_prompts": [(1, "talk", 1, "Why is the kiosk slow?", MILLISECONDS)],
        },
    )  # fmt: skip


def memory_service(top: Path) -> Path:
    """A memory, and one that was deleted."""
    return write_database(
        top / "sqlite_vec.db",
        "CREATE TABLE memories (id INTEGER PRIMARY KEY, content_hash TEXT, content TEXT, tags TEXT, "
        "memory_type TEXT, metadata TEXT, created_at REAL, deleted_at REAL);",
        {
            "memories": [
                (
                    1,
                    "aa11",
                    "The kiosk waits for its DNS.",
                    "kiosk,dns",
                    "note",
                    '{"by": "ann"}',
                    1_772_618_400.5,
                    None,
                ),
                (2, "bb22", "left out", "", "note", "{}", 1_772_618_400.5, 1_772_618_401.0),
            ]
        },
    )


def engram(top: Path) -> Path:
    """An observation, one that was deleted, and a prompt."""
    return write_database(
        top / "engram.db",
        "CREATE TABLE sessions (id TEXT, project TEXT, directory TEXT, started_at TEXT, summary TEXT);"
        "CREATE TABLE observations (id INTEGER PRIMARY KEY, session_id TEXT, type TEXT, title TEXT, content TEXT, "
        "project TEXT, scope TEXT, topic_key TEXT, created_at TEXT, deleted_at TEXT);"
        "CREATE TABLE user_prompts (id INTEGER PRIMARY KEY, session_id TEXT, content TEXT, project TEXT, "
        "created_at TEXT);",
        {
            "sessions": [("s", "shop", "/work/no-such/shop", "2026-03-04 10:00:00", None)],
            "observations": [
                (1, "s", "decision", "Slow kiosk", "It waits for its DNS.", "shop", "project", "kiosk/dns",
                 "2026-03-04 10:00:00", None),
                (2, "s", "decision", "x", "left out", "shop", "project", None, "2026-03-04", "2026-03-05"),
            ],
            "user_prompts": [(1, "s", "Why is the kiosk slow?", "shop", "2026-03-04 10:00:00")],
        },
    )  # fmt: skip


def vault(top: Path) -> Path:
    """A folder of notes that are linked."""
    folder = top / "vault"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / ".obsidian" / "left-out.md").write_text("left out")
    (folder / "kiosk.md").write_text(
        "---\ntitle: The Kiosk\ntype: machine\ntags: [dns, 'slow things']\n---\n"
        "The kiosk waits for its DNS.\n\n- [fact] timeout of 5 s #dns (network)\n- stands in [[Hangar]]\n"
    )
    (folder / "places").mkdir()
    (folder / "places" / "Hangar.md").write_text(
        "---\ntags:\n  - place\n---\nIt opens in spring, see [[The Kiosk|it]].\n"
    )
    return folder


def chatgpt(top: Path) -> Path:
    """A zip file of ChatGPT: a talk with a branch that was given up."""

    def node(parent: str | None, role: str, text: str) -> dict[str, Any]:
        content = {"content_type": "text", "parts": [text]}
        message = {"author": {"role": role}, "content": content, "create_time": MILLISECONDS / 1000}
        return {"message": message, "parent": parent, "children": []}

    mapping = {
        "root": {"message": None, "parent": None, "children": []},
        "1": node("root", "user", "Why is the kiosk slow?"),
        "2": node("1", "assistant", "left out"),
        "3": node("1", "assistant", "The kiosk waits for its DNS."),
    }
    talk = {"title": "Kiosk", "conversation_id": "gpt", "mapping": mapping, "current_node": "3"}
    path = top / "chatgpt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("user.json", "{}")
        archive.writestr("conversations.json", json.dumps([talk, 7, {"title": "of no shape"}]))
    return path


def claude_export(top: Path) -> Path:
    """A folder of Claude: a talk, and a document of a project."""
    folder = top / "claude-export"
    folder.mkdir()
    messages = [
        {"uuid": "1", "sender": "human", "text": "Why is the kiosk slow?", "created_at": AT},
        {"uuid": "2", "sender": "assistant", "text": "", "created_at": AT,
         "content": [{"type": "text", "text": "The kiosk waits for its DNS."}]},
    ]  # fmt: skip
    talk = {"uuid": "claude-talk", "name": "Kiosk", "created_at": AT, "chat_messages": messages}
    document = {
        "uuid": "d",
        "filename": "kiosk.txt",
        "content": "The kiosk stands in the hangar.",
        "created_at": AT,
    }
    (folder / "conversations.json").write_text(json.dumps([talk]))
    (folder / "projects.json").write_text(json.dumps([{"uuid": "p", "name": "Shop", "docs": [document]}]))
    return folder
