"""The tools that a short listing leaves out."""
