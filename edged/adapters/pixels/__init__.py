"""Pixels by OpenCV; imported by children only."""
