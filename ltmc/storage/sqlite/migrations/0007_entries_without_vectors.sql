-- What is found by words and not embedded yet has an empty vector: what a worker in the background has to do.
CREATE INDEX search_pending ON search_entries (kind, project_id, owner_id) WHERE vector = x'';
