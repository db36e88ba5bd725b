"""Whole daemons, killed, starved and cut off."""
