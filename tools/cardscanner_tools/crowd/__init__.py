"""A crowd of simulated boxes on one broker, and what it is measured with."""
