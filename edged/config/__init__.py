"""Every configuration key once: validation, errors with their line, sample and schema."""
