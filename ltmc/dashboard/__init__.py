"""The web page on which a person looks into the memory and puts it right."""
