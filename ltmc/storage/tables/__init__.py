"""SQL in the common subset: a module a table family."""
