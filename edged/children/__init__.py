"""Entries of the child processes; each may be killed at any time."""
