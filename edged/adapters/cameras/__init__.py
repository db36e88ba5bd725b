"""Sources of frames; each runs in a camera child."""
