"""Facts about the pure layers."""
