"""What runs a model; runs in an accelerator child."""
