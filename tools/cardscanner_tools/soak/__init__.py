"""Soak: the real daemon for as long as one likes, troubled now and then."""
