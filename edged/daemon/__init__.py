"""The loop, the supervision of children, and health."""
