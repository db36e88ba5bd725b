"""Settings become a daemon: the only place that knows the adapters."""
