-- The log of use keeps no texts of queries: nothing reads them, and they may hold secrets. What is
-- deleted is overwritten with zeros, here and until this connection ends.
PRAGMA secure_delete = ON;
ALTER TABLE retrieval_events DROP COLUMN query;
