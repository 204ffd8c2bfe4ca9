"""What is kept: the engine, the tables, the cache. Nothing above this package writes SQL."""
