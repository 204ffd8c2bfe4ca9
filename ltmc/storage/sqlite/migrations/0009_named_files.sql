-- The files of its project that a memory names, as they were when it was stored: see ltmc.features.memory.named_files.
ALTER TABLE resources ADD COLUMN files TEXT NOT NULL DEFAULT '[]';
