"""One number that a model gives, as its manifest describes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """Its name, and what makes a real value of it: the dequantised number times `scale` plus `offset`, clamped."""

    name: str
    """1 to 32 of a-z, 0-9, _ and -."""
    low: float
    high: float
    """The least and the greatest value; `low` is below `high`."""
    unit: str = ""
    scale: float = 1.0
    """Not 0."""
    offset: float = 0.0
    output: int | None = None
    """Which output holds it, from 0; with `index` the element of it. None for both: the one behind the last one."""
    index: int | None = None

    def of(self, number: float) -> float:
        """The real value of a dequantised number, which is not NaN."""
        return min(max(number * self.scale + self.offset, self.low), self.high) + 0.0  # never -0.0
