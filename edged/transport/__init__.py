"""Shared memory and sockets between our processes."""
