"""Reading and writing Markdown and other pages."""
