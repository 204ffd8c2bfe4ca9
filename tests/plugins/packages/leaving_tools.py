"""A plugin that ends the process."""

raise SystemExit(7)
