-- When a memory is forgotten by itself.
ALTER TABLE resources ADD COLUMN expires_at TEXT;
CREATE INDEX resources_by_expiry ON resources (expires_at) WHERE expires_at IS NOT NULL;
DROP INDEX resources_bounded;
CREATE INDEX resources_bounded ON resources (project_id, archived, valid_from) WHERE archived = 0
    AND (valid_from IS NOT NULL OR valid_until IS NOT NULL OR superseded_at IS NOT NULL OR expires_at IS NOT NULL);
