-- When a memory holds. Without valid_from: since it was stored. superseded_at: from when on another one holds in its
-- place. archived: it left the index of what is current; what was superseded is then in that of the past.
ALTER TABLE resources ADD COLUMN valid_from TEXT;
ALTER TABLE resources ADD COLUMN valid_until TEXT;
ALTER TABLE resources ADD COLUMN superseded_at TEXT;
ALTER TABLE resources ADD COLUMN superseded_by INTEGER REFERENCES resources (id) ON DELETE SET NULL;
CREATE INDEX resources_by_heir ON resources (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX resources_bounded ON resources (project_id, archived, valid_from) WHERE archived = 0
    AND (valid_from IS NOT NULL OR valid_until IS NOT NULL OR superseded_at IS NOT NULL);

-- Of several live versions of a name the newest one is current. The index follows in the background.
UPDATE search_state SET target = identity, boundary = 0 WHERE target IS NULL AND EXISTS (
    SELECT 1 FROM resources WHERE archived = 0 GROUP BY project_id, file_name HAVING count(*) > 1
);
UPDATE resources SET archived = 1, (superseded_by, superseded_at) = (
    SELECT n.id, n.created_at FROM resources n WHERE n.project_id = resources.project_id
    AND n.file_name = resources.file_name AND n.version > resources.version ORDER BY n.version LIMIT 1
)
WHERE archived = 0 AND version < (
    SELECT max(n.version) FROM resources n WHERE n.project_id = resources.project_id
    AND n.file_name = resources.file_name AND n.archived = 0
);
