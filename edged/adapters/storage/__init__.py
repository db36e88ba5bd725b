"""Files: the outbox and model bundles."""
