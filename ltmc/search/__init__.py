"""Finding: from texts to terms and vectors, the index, ranking, chunking and packing."""
