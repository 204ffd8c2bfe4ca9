-- left_out: how often a program that may not write this index left a row to one that may.
ALTER TABLE search_state ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;

-- What was stored before there was an index has no entry: have it brought in step.
UPDATE search_state SET target = identity, boundary = 0 WHERE target IS NULL AND (
    EXISTS (
        SELECT 1 FROM resource_chunks c JOIN resources r ON r.id = c.resource_id
        WHERE r.archived = 0 AND c.id NOT IN (SELECT owner_id FROM search_entries WHERE kind = 'chunk')
    )
    OR EXISTS (SELECT 1 FROM chat_messages WHERE id NOT IN (SELECT owner_id FROM search_entries WHERE kind = 'message'))
    OR EXISTS (SELECT 1 FROM todos WHERE id NOT IN (SELECT owner_id FROM search_entries WHERE kind = 'todo'))
    OR EXISTS (SELECT 1 FROM code_patterns WHERE id NOT IN (SELECT owner_id FROM search_entries WHERE kind = 'pattern'))
    OR EXISTS (SELECT 1 FROM blueprints WHERE id NOT IN (SELECT owner_id FROM search_entries WHERE kind = 'blueprint'))
);
