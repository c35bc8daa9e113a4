"""The demo: the real daemon on a recorded film, a broker, and a subscriber who knows the truth."""
