-- When a member of the team works.
ALTER TABLE team_members ADD COLUMN working_days TEXT NOT NULL DEFAULT '["mon", "tue", "wed", "thu", "fri"]';
ALTER TABLE team_members ADD COLUMN timezone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE team_members ADD COLUMN days_off TEXT NOT NULL DEFAULT '[]';
