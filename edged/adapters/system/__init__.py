"""Clock, service manager, and processes."""
