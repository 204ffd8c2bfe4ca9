-- When a todo is due, the end of the day where only a day was said.
ALTER TABLE todos ADD COLUMN due_at TEXT;
