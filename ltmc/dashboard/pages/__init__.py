"""The pages: a module a family, each with its `ROUTES`."""
