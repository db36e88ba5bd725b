"""One contract per port, over all its adapters, with real parts."""
