-- What was forgotten: for each forgetting the rows of other tables that it took, as JSON, until they are put back or
-- purged; kinds: how many things of each kind. The place is a table, or superseded: what a memory had taken the place of.
CREATE TABLE forgettings (
    token TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    forgotten_at TEXT NOT NULL,
    kinds TEXT NOT NULL
);
CREATE TABLE trash (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL REFERENCES forgettings (token) ON DELETE CASCADE,
    place TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX trash_by_token ON trash (token, place);
