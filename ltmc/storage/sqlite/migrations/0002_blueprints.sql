-- Blueprints, teams, documentation of code, live sync.

CREATE TABLE blueprints (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    blueprint_id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('task', 'code')),
    parent_id TEXT REFERENCES blueprints (blueprint_id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    complexity TEXT NOT NULL,
    complexity_score REAL NOT NULL,
    complexity_source TEXT NOT NULL CHECK (complexity_source IN ('auto', 'manual')),
    complexity_factors TEXT NOT NULL DEFAULT '{}',
    estimated_duration_minutes INTEGER NOT NULL,
    required_skills TEXT NOT NULL DEFAULT '[]',
    priority_score REAL NOT NULL DEFAULT 0.5,
    tags TEXT NOT NULL DEFAULT '[]',
    resource_requirements TEXT NOT NULL DEFAULT '{}',
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'completed', 'cancelled')),
    decomposition_strategy TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    completed_at TEXT
);
CREATE INDEX blueprints_by_priority ON blueprints (project_id, priority_score, id);
CREATE INDEX blueprints_by_parent ON blueprints (parent_id);

CREATE TABLE blueprint_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    blueprint_id TEXT NOT NULL REFERENCES blueprints (blueprint_id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    changed_at TEXT NOT NULL
);
CREATE INDEX blueprint_history_by_blueprint ON blueprint_history (blueprint_id, id);

CREATE TABLE blueprint_dependencies (
    dependent_blueprint_id TEXT NOT NULL REFERENCES blueprints (blueprint_id) ON DELETE CASCADE,
    prerequisite_blueprint_id TEXT NOT NULL REFERENCES blueprints (blueprint_id) ON DELETE CASCADE,
    dependency_type TEXT NOT NULL CHECK (dependency_type IN ('blocking', 'soft', 'resource')),
    is_critical INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    PRIMARY KEY (dependent_blueprint_id, prerequisite_blueprint_id),
    CHECK (dependent_blueprint_id <> prerequisite_blueprint_id)
);
CREATE INDEX blueprint_dependencies_by_prerequisite ON blueprint_dependencies (prerequisite_blueprint_id);

CREATE TABLE blueprint_files (
    blueprint_id TEXT NOT NULL REFERENCES blueprints (blueprint_id) ON DELETE CASCADE,
    file_path TEXT NOT NULL,
    link_type TEXT NOT NULL CHECK (link_type IN ('implements', 'defines', 'uses')),
    content_hash TEXT NOT NULL,
    consistency_status TEXT NOT NULL DEFAULT 'consistent',
    consistency_score REAL,
    last_validated_at TEXT,
    PRIMARY KEY (blueprint_id, file_path)
);
CREATE INDEX blueprint_files_by_path ON blueprint_files (file_path);

CREATE TABLE blueprint_symbols (
    node_id TEXT PRIMARY KEY,
    blueprint_id TEXT NOT NULL REFERENCES blueprints (blueprint_id) ON DELETE CASCADE,
    file_path TEXT NOT NULL,
    qualname TEXT NOT NULL,
    kind TEXT NOT NULL,
    signature TEXT NOT NULL,
    bases TEXT NOT NULL DEFAULT '[]',
    public INTEGER NOT NULL,
    docstring TEXT,
    docstring_hash TEXT,
    body_hash TEXT NOT NULL,
    line_start INTEGER NOT NULL,
    line_end INTEGER NOT NULL,
    complexity INTEGER NOT NULL,
    UNIQUE (blueprint_id, file_path, qualname)
);

CREATE TABLE team_members (
    project_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    name TEXT,
    skills TEXT NOT NULL DEFAULT '[]',
    capacity REAL NOT NULL DEFAULT 1.0,
    status TEXT NOT NULL DEFAULT 'available',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (project_id, member_id)
);

-- The blueprint may be deleted; its cancelled assignments stay as history.
CREATE TABLE assignments (
    assignment_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    blueprint_id TEXT REFERENCES blueprints (blueprint_id) ON DELETE SET NULL,
    member_id TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('assigned', 'in_progress', 'blocked', 'completed', 'failed', 'cancelled')),
    progress_percentage REAL NOT NULL DEFAULT 0,
    estimated_minutes INTEGER NOT NULL,
    actual_hours_worked REAL,
    confidence_score REAL NOT NULL,
    score_breakdown TEXT NOT NULL,
    skills TEXT NOT NULL DEFAULT '[]',
    estimated_completion TEXT NOT NULL,
    notes TEXT,
    assigned_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    completed_at TEXT
);
CREATE UNIQUE INDEX assignments_open ON assignments (blueprint_id)
    WHERE status IN ('assigned', 'in_progress', 'blocked');
CREATE INDEX assignments_by_member ON assignments (project_id, member_id, status);

CREATE TABLE assignment_progress (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    assignment_id TEXT NOT NULL REFERENCES assignments (assignment_id) ON DELETE CASCADE,
    progress_percentage REAL NOT NULL,
    status TEXT NOT NULL,
    actual_hours_worked REAL,
    notes TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX assignment_progress_by_assignment ON assignment_progress (assignment_id, id);

CREATE TABLE doc_links (
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('code', 'blueprint')),
    ref TEXT NOT NULL,
    doc_path TEXT NOT NULL,
    consistency_score REAL,
    drift_score REAL,
    code_hash TEXT,
    doc_hash TEXT,
    last_sync_at TEXT,
    last_validated_at TEXT,
    PRIMARY KEY (project_id, kind, ref, doc_path)
);

CREATE TABLE file_snapshots (
    project_id TEXT NOT NULL,
    file_path TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    mtime_ns INTEGER NOT NULL,
    size INTEGER NOT NULL,
    symbols TEXT,
    reason TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    PRIMARY KEY (project_id, file_path)
);

-- The process that watches is known by its id; its death leaves the row active.
CREATE TABLE sync_sessions (
    sync_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    paths TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    auto_sync INTEGER NOT NULL,
    status TEXT NOT NULL,
    process_id INTEGER NOT NULL,
    error TEXT,
    changes_detected INTEGER NOT NULL DEFAULT 0,
    syncs_done INTEGER NOT NULL DEFAULT 0,
    syncs_failed INTEGER NOT NULL DEFAULT 0,
    started_at TEXT NOT NULL,
    last_activity_at TEXT,
    stopped_at TEXT,
    UNIQUE (project_id, paths)
);

CREATE TABLE sync_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sync_id TEXT NOT NULL REFERENCES sync_sessions (sync_id) ON DELETE CASCADE,
    file_path TEXT NOT NULL,
    change_type TEXT NOT NULL CHECK (change_type IN ('created', 'modified', 'deleted')),
    symbols TEXT NOT NULL DEFAULT '[]',
    sync_state TEXT NOT NULL CHECK (sync_state IN ('pending', 'synced', 'failed', 'ignored')),
    error TEXT,
    created_at TEXT NOT NULL,
    handled_at TEXT
);
CREATE INDEX sync_events_by_session ON sync_events (sync_id, id);
