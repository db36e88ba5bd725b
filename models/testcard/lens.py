"""What a cheap camera makes of a scene."""

import math

import cv2
import numpy as np
from chance import SIZE, Chance, Picture
from numpy.typing import NDArray


class Lens:
    """Light, colour, blur, noise and compression."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def seen(self, canvas: Picture) -> Picture:
        """What a cheap camera makes of the scene: light, colour, blur, noise, compression."""
        seen = canvas.astype(np.float32)
        seen *= np.exp(self._chance.rng.normal(0, 0.1, 3)).astype(np.float32)
        if self._chance.odds(0.5):
            seen *= self._falloff()
        gain, base = (
            self._chance.between(0.35, 1.15),
            self._chance.between(-10, 50) if self._chance.odds(0.5) else 0.0,
        )
        seen = base + seen * gain
        seen = 255 * np.clip(seen / 255, 0, 1) ** self._chance.between(0.6, 1.6)
        if self._chance.odds(0.5):
            seen = cv2.GaussianBlur(seen, (0, 0), self._chance.between(0.3, 1.6))
        if self._chance.odds(0.2):
            seen = self._motion(seen)
        if self._chance.odds(0.6):
            strength = self._chance.between(1, 16)
            seen = seen + self._chance.rng.normal(0, strength, seen.shape).astype(np.float32)
        picture = np.clip(seen, 0, 255).astype(np.uint8)
        if self._chance.odds(0.4):
            picture = self._compressed(picture)
        return picture

    def _falloff(self) -> NDArray[np.float32]:
        """Light that comes from one side."""
        angle, depth = self._chance.between(0, math.tau), self._chance.between(0, 0.6)
        across, down = np.meshgrid(np.linspace(-0.5, 0.5, SIZE), np.linspace(-0.5, 0.5, SIZE))
        return (1 - depth * (across * math.cos(angle) + down * math.sin(angle) + 0.5))[..., None].astype(
            np.float32
        )

    def _motion(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        length = int(self._chance.rng.integers(2, 7))
        kernel = np.zeros((length, length), np.float32)
        angle = self._chance.between(0, math.pi)
        for step in np.linspace(-0.5, 0.5, 4 * length):
            x, y = (
                (length - 1) * (0.5 + step * math.cos(angle)),
                (length - 1) * (0.5 + step * math.sin(angle)),
            )
            kernel[round(y), round(x)] = 1
        return np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.float32)

    def _compressed(self, picture: Picture) -> Picture:
        _, packed = cv2.imencode(
            ".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(self._chance.rng.integers(35, 95))]
        )
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
