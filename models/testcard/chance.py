"""What comes from the seed of a picture: numbers, places and colours."""

import math

import numpy as np
from numpy.typing import NDArray

SIZE = 256
"""Side of a picture in pixels; also the model's input."""

Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]


class Chance:
    """One stream of random numbers, which everything that draws a picture takes from in turn."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def odds(self, chance: float) -> bool:
        """Whether something happens."""
        return bool(self.rng.random() < chance)

    def between(self, low: float, high: float) -> float:
        """Any number between two."""
        return float(self.rng.uniform(low, high))

    def colour(self) -> Colour:
        """A grey, or anything."""
        if self.odds(0.4):
            grey = self.between(0, 255)
            return grey, grey, grey
        red, green, blue = self.rng.uniform(0, 255, 3)
        return float(red), float(green), float(blue)

    def point(self) -> tuple[int, int]:
        """A pixel."""
        x, y = self.rng.integers(0, SIZE, 2)
        return int(x), int(y)

    def side(self) -> float:
        """Pixels of a thing, spread over the octaves."""
        return float(np.exp(self.between(math.log(8), math.log(160))))

    def ink(self) -> Colour:
        """What a printer calls black."""
        base = self.between(0, 70)
        red, green, blue = np.clip(base + self.rng.normal(0, 6, 3), 0, 255)
        return float(red), float(green), float(blue)

    def paper(self) -> Colour:
        """What a camera makes of white."""
        base = self.between(150, 255)
        red, green, blue = np.clip(base + self.rng.normal(0, 10, 3), 0, 255)
        return float(red), float(green), float(blue)
