"""Ways out to a broker or to a terminal."""
