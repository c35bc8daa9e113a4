"""Signed models, databases and programs: fetched, verified, tried out, kept or taken back.

See docs/updates.md for what a person does, docs/decisions/0007-updates.md for why it is as it is.
"""
