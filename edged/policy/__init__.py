"""Thresholds, confirmation, tracking and presence: pure functions over values."""
