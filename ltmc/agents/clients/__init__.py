"""A module an agent: where its files are, in what shape LTMC stands in them, and what it cannot do."""
