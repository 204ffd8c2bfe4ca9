-- The tokens of users of the HTTP server. The token itself is not kept.
CREATE TABLE tokens (
    name TEXT PRIMARY KEY NOT NULL,
    role TEXT NOT NULL, -- read, write or admin
    projects TEXT NOT NULL DEFAULT '[]', -- those that it is held to; none: all
    digest TEXT NOT NULL UNIQUE, -- SHA-256, hexadecimal
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT,
    last_used_at TEXT
) WITHOUT ROWID;

-- Who called over HTTP.
ALTER TABLE tool_calls ADD COLUMN caller TEXT;

-- How many requests callers sent in a minute, to all servers together; kept for two minutes.
CREATE TABLE requests (
    minute INTEGER NOT NULL, -- since 1970
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (minute, name)
) WITHOUT ROWID;
