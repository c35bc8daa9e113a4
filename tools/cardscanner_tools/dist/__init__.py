"""Build products for a box: wheel, wheelhouse, list of parts, signed manifest."""
