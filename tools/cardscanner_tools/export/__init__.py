"""From a trained network to files that boxes, phones and compilers read; nothing here trains."""
