"""Task blueprints."""
