"""Stand-ins that can be run: a fake Edge TPU, a private broker, small models."""
