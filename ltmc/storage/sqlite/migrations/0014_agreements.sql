-- Pairs of memories of which somebody said that they do not contradict each other.
CREATE TABLE agreements (
    lower_id INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    higher_id INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    PRIMARY KEY (lower_id, higher_id),
    CHECK (lower_id < higher_id)
) WITHOUT ROWID;
CREATE INDEX agreements_of_higher ON agreements (higher_id);
