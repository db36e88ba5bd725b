"""Inference daemon for Raspberry Pi with a Coral Edge TPU."""

__version__ = "0.1.0"
