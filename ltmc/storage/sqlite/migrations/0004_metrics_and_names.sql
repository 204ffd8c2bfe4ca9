-- The metrics of each file of a blueprint, so that those of the blueprint follow all of them.

ALTER TABLE blueprint_files ADD COLUMN metrics TEXT;

-- Until now a blueprint of code held the metrics of the file that it was made from.
UPDATE blueprint_files SET metrics = (
    SELECT json_set(
        complexity_factors,
        '$.complexity_score',
        coalesce(json_extract(complexity_factors, '$.auto.complexity_score'), complexity_score)
    )
    FROM blueprints b WHERE b.blueprint_id = blueprint_files.blueprint_id AND b.kind = 'code'
)
WHERE link_type = 'defines';

-- Names are found whatever their letters' case; the last columns make SQLite choose these indexes.
CREATE INDEX graph_nodes_by_name ON graph_nodes (project_id, lower(node_id), node_id);
CREATE INDEX resources_by_name ON resources (project_id, lower(file_name), file_name, archived);
