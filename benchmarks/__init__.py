"""What `make bench` measures; each `bench_*.py` also runs alone."""
