"""The project's own stand-in for the Edge TPU: a TFLite delegate in C, and what makes models for it."""
