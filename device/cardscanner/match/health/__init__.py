"""The health report of a database: what a person should know before relying on it."""
