"""The MQTT contract: topics, payloads and the order in which messages leave; pure."""
