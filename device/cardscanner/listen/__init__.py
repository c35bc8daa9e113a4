"""Listening to scanners: what a consumer of the MQTT contract does, as a command and as an example."""
