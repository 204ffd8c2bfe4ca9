-- Memories, chats, todos, graph, code patterns, cache and the logs of use.
-- JSON is TEXT; timestamps are TEXT in UTC with a fixed width, so that they sort as times.

CREATE TABLE schema_migrations (
    version INTEGER PRIMARY KEY,
    applied_at TEXT NOT NULL
);

CREATE TABLE projects (
    project_id TEXT PRIMARY KEY,
    name TEXT,
    root_path TEXT,
    allowed_paths TEXT NOT NULL DEFAULT '[]',
    settings TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL
);

CREATE TABLE resources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    version INTEGER NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}',
    language TEXT,
    complexity TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (project_id, file_name, version)
);
CREATE INDEX resources_by_type ON resources (project_id, archived, type, id);

CREATE TABLE resource_chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resource_id INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start_char INTEGER NOT NULL,
    end_char INTEGER NOT NULL,
    text TEXT NOT NULL,
    token_count INTEGER NOT NULL,
    UNIQUE (resource_id, ordinal)
);

CREATE TABLE chat_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    agent_name TEXT,
    source_tool TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL
);
CREATE INDEX chat_messages_by_conversation ON chat_messages (project_id, conversation_id, created_at);
CREATE INDEX chat_messages_by_tool ON chat_messages (source_tool);

CREATE TABLE retrieval_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    conversation_id TEXT,
    tool TEXT NOT NULL,
    query TEXT NOT NULL,
    top_k INTEGER NOT NULL,
    result_count INTEGER NOT NULL,
    search_mode TEXT NOT NULL,
    latency_ms REAL NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX retrieval_events_by_conversation ON retrieval_events (project_id, conversation_id, id);
CREATE INDEX retrieval_events_by_time ON retrieval_events (created_at);

CREATE TABLE context_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER REFERENCES chat_messages (id) ON DELETE CASCADE,
    event_id INTEGER REFERENCES retrieval_events (id) ON DELETE CASCADE,
    chunk_id INTEGER NOT NULL REFERENCES resource_chunks (id) ON DELETE CASCADE,
    rank INTEGER NOT NULL,
    score REAL,
    created_at TEXT NOT NULL
);
CREATE INDEX context_links_by_message ON context_links (message_id);
CREATE INDEX context_links_by_event ON context_links (event_id);
CREATE INDEX context_links_by_chunk ON context_links (chunk_id);

CREATE TABLE todos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 3),
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed')),
    created_at TEXT NOT NULL,
    completed_at TEXT
);
CREATE INDEX todos_by_status ON todos (project_id, status, priority, id);

CREATE TABLE graph_nodes (
    project_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ref_id TEXT,
    label TEXT NOT NULL,
    properties TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL,
    PRIMARY KEY (project_id, node_id)
);

CREATE TABLE graph_edges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    relation TEXT NOT NULL,
    weight REAL NOT NULL DEFAULT 1.0,
    auto INTEGER NOT NULL DEFAULT 0,
    properties TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (project_id, source_id, target_id, relation)
);
CREATE INDEX graph_edges_by_target ON graph_edges (project_id, target_id);

CREATE TABLE code_patterns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    input_prompt TEXT NOT NULL,
    generated_code TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('pass', 'fail', 'partial', 'error')),
    function_name TEXT,
    file_name TEXT,
    module_name TEXT,
    language TEXT,
    complexity TEXT,
    execution_time_ms INTEGER,
    error_message TEXT,
    error_signature TEXT,
    tags TEXT NOT NULL DEFAULT '[]',
    created_at TEXT NOT NULL
);
CREATE INDEX code_patterns_by_hash ON code_patterns (project_id, code_hash);
CREATE INDEX code_patterns_by_time ON code_patterns (project_id, created_at);

CREATE TABLE cache_entries (
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    expires_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (namespace, key)
);

CREATE TABLE cache_stats (
    namespace TEXT PRIMARY KEY,
    hits INTEGER NOT NULL DEFAULT 0,
    misses INTEGER NOT NULL DEFAULT 0,
    sets INTEGER NOT NULL DEFAULT 0,
    deletes INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    since TEXT NOT NULL
);

CREATE TABLE routing_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    query_hash TEXT NOT NULL,
    features TEXT NOT NULL,
    method TEXT NOT NULL,
    confidence REAL NOT NULL,
    alternatives TEXT NOT NULL,
    result_count INTEGER,
    latency_ms REAL,
    fallback_used INTEGER NOT NULL DEFAULT 0,
    feedback TEXT,
    created_at TEXT NOT NULL
);

CREATE TABLE usage_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_type TEXT NOT NULL,
    project_id TEXT,
    value REAL NOT NULL DEFAULT 1,
    attributes TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL
);
CREATE INDEX usage_events_by_type ON usage_events (event_type, created_at);

CREATE TABLE tool_calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tool TEXT NOT NULL,
    project_id TEXT,
    conversation_id TEXT,
    duration_ms REAL NOT NULL,
    ok INTEGER NOT NULL,
    error_code TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX tool_calls_by_tool ON tool_calls (tool, created_at);
CREATE INDEX tool_calls_by_time ON tool_calls (created_at);
