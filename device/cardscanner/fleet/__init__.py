"""The fleet: what every box says about itself over MQTT, and which of them need a person."""
