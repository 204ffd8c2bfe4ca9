-- The tags of memories and of attempts at code one by one, so that a filter reads what bears them alone. Where somebody
-- wrote no JSON there are none.
CREATE TABLE tags (
    place TEXT NOT NULL, -- resources or code_patterns
    tag TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    PRIMARY KEY (place, tag, owner_id)
) WITHOUT ROWID;
CREATE INDEX tags_of ON tags (place, owner_id);

CREATE TRIGGER resources_tagged AFTER INSERT ON resources WHEN new.tags <> '[]' BEGIN
    INSERT OR IGNORE INTO tags SELECT 'resources', value, new.id FROM json_each(CASE WHEN json_valid(new.tags) THEN new.tags ELSE '[]' END);
END;
CREATE TRIGGER resources_tagged_anew AFTER UPDATE OF tags ON resources WHEN new.tags <> old.tags BEGIN
    DELETE FROM tags WHERE place = 'resources' AND owner_id = new.id;
    INSERT OR IGNORE INTO tags SELECT 'resources', value, new.id FROM json_each(CASE WHEN json_valid(new.tags) THEN new.tags ELSE '[]' END);
END;
CREATE TRIGGER resources_untagged AFTER DELETE ON resources WHEN old.tags <> '[]' BEGIN
    DELETE FROM tags WHERE place = 'resources' AND owner_id = old.id;
END;
CREATE TRIGGER code_patterns_tagged AFTER INSERT ON code_patterns WHEN new.tags <> '[]' BEGIN
    INSERT OR IGNORE INTO tags SELECT 'code_patterns', value, new.id FROM json_each(CASE WHEN json_valid(new.tags) THEN new.tags ELSE '[]' END);
END;
CREATE TRIGGER code_patterns_tagged_anew AFTER UPDATE OF tags ON code_patterns WHEN new.tags <> old.tags BEGIN
    DELETE FROM tags WHERE place = 'code_patterns' AND owner_id = new.id;
    INSERT OR IGNORE INTO tags SELECT 'code_patterns', value, new.id FROM json_each(CASE WHEN json_valid(new.tags) THEN new.tags ELSE '[]' END);
END;
CREATE TRIGGER code_patterns_untagged AFTER DELETE ON code_patterns WHEN old.tags <> '[]' BEGIN
    DELETE FROM tags WHERE place = 'code_patterns' AND owner_id = old.id;
END;

INSERT OR IGNORE INTO tags SELECT 'resources', value, r.id
FROM resources r, json_each(CASE WHEN json_valid(r.tags) THEN r.tags ELSE '[]' END);
INSERT OR IGNORE INTO tags SELECT 'code_patterns', value, p.id
FROM code_patterns p, json_each(CASE WHEN json_valid(p.tags) THEN p.tags ELSE '[]' END);

-- The newest of a project first.
CREATE INDEX resources_newest ON resources (project_id, id) WHERE archived = 0;

-- The signs of the vectors lie together by scope: a search reads those of the scopes that it looks in.
CREATE TABLE codes_by_scope (
    scope TEXT NOT NULL, -- kind:project_id
    seq INTEGER NOT NULL,
    code BLOB NOT NULL,
    PRIMARY KEY (scope, seq)
) WITHOUT ROWID;
INSERT INTO codes_by_scope SELECT scope, seq, code FROM search_codes ORDER BY scope, seq;
DROP TABLE search_codes;
ALTER TABLE codes_by_scope RENAME TO search_codes;
