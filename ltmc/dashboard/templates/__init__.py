"""The pages as Jinja2 templates; every text that a person reads on a page stands here."""
