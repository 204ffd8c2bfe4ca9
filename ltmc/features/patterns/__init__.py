"""Code patterns."""
