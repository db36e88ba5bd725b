"""What runs a model."""

from typing import Literal

Accelerator = Literal["edgetpu", "cpu"]
