"""Stored text between marks that say that it is data."""


def framed(name: str, text: str) -> str:
    """Return text between marks that it cannot end itself."""
    inside = text.replace("</ltmc-", "<\\/ltmc-")
    return f"<ltmc-{name}>\n{inside}\n</ltmc-{name}>"
