"""Looking again: candidates of the vector search against small stored pictures of their references."""
