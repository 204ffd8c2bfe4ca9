-- The tokens of users of the HTTP server. The token itself is not kept.
CREATE TABLE tokens (
    name TEXT PRIMARY KEY NOT NULL,
    role TEXT NOT NULL,
    projects TEXT NOT NULL DEFAULT '[]',
    digest TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT,
    last_used_at TEXT
);

-- Who called over HTTP.
ALTER TABLE tool_calls ADD COLUMN caller TEXT COLLATE "C";

-- How many requests callers sent in a minute, to all servers together; kept for two minutes.
CREATE TABLE requests (
    minute bigint NOT NULL, -- since 1970
    name TEXT NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (minute, name)
);
