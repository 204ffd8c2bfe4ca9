-- The search index. One row for each thing that can be found. seq grows with every write, so a process
-- learns what others wrote by reading past the largest seq it has seen.
CREATE TABLE search_entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    project_id TEXT NOT NULL,
    group_key INTEGER, -- hash of the conversation or document; NULL has no neighbours
    impacts TEXT NOT NULL, -- ' term=L term=L ', L the bm25 weight in 64 levels
    vector BLOB NOT NULL, -- 256 bytes, see ltmc.search.embedding
    UNIQUE (kind, owner_id)
);
CREATE INDEX search_neighbours ON search_entries (group_key, owner_id) WHERE group_key IS NOT NULL;

-- The signs of the vectors again, narrow, so that a process can read a million of them at its start.
CREATE TABLE search_codes (
    seq INTEGER PRIMARY KEY,
    scope TEXT NOT NULL, -- kind:project_id
    code BLOB NOT NULL
);

-- rowid is seq. The terms come ready from ltmc.search.analysis and hold the scope as one more term.
CREATE VIRTUAL TABLE search_terms USING fts5 (
    terms, content = '', detail = none, columnsize = 0,
    tokenize = "ascii tokenchars '!#$%&()*+,-./:;<=>?@[\]^_`{|}~'"
);

-- identity: of the analysis and model that made the index. target, boundary: a reindexing under way, for
-- that identity, of the entries up to that seq. removed: how many entries were ever taken out, so that
-- other processes notice.
CREATE TABLE search_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity TEXT NOT NULL,
    target TEXT,
    boundary INTEGER,
    removed INTEGER NOT NULL
);
INSERT INTO search_state VALUES (1, '', NULL, NULL, 0);

ALTER TABLE routing_log ADD COLUMN route_id TEXT;
CREATE UNIQUE INDEX routing_log_by_route ON routing_log (route_id);

-- What outcomes taught about each method of routing: added to its score, within bounds.
CREATE TABLE routing_priors (
    method TEXT PRIMARY KEY,
    prior REAL NOT NULL,
    samples INTEGER NOT NULL,
    updated_at TEXT NOT NULL
);
