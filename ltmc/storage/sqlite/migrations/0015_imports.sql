-- How far each source was imported: up to a byte of a file, whose hash up to there tells that it only grew.
CREATE TABLE import_sources (
    path TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    position INTEGER NOT NULL,
    prefix_hash TEXT NOT NULL,
    finished INTEGER NOT NULL,
    imported_at TEXT NOT NULL
);

-- What came in, by a hash of what it is called where it comes from, so that nothing comes in twice; owner_id: of a row
-- of an export, the id that it has here.
CREATE TABLE imported (
    key TEXT PRIMARY KEY,
    owner_id INTEGER
) WITHOUT ROWID;
