"""Finding: text analysis, the index behind one interface, chunking and packing."""
