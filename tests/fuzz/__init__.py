"""Model files with bits turned over, through all that the product does with a model: `python -m tests.fuzz --help`."""
