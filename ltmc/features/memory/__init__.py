"""Memory and context."""
