"""The nouns of the field: frozen values that know no device, file, clock, thread or socket."""
