"""Model bundles, labels, fit geometry and decoders: pure, numpy only."""
