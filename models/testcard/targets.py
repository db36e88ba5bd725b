"""What the network should answer for a picture, and the pictures of a whole training set, made in parallel."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pictures import LABELS, SIZE, Card, Painter, Sample

STRIDE = 8
"""Pixels of the picture per cell of the network's grid."""
CELLS = SIZE // STRIDE
SPREAD = 0.1
"""Standard deviation of the bell around a card's centre, in sides of its box."""
LEAST = 0.3
"""Cells whose score should be lower than this teach no box."""
CHANNELS = len(LABELS) + 5
"""Scores of each label, the four distances in strides, and the weight of the distances."""
CHUNK = 100

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pictures:
    """A set of pictures and what to answer, memory-mapped."""

    pictures: NDArray[np.uint8]
    """N x SIZE x SIZE x 3."""
    targets: NDArray[np.float16]
    """N x CELLS x CELLS x CHANNELS."""


def target(cards: Sequence[Card]) -> Floats:
    """CELLS x CELLS x CHANNELS: a bell with its peak of 1 at each card's middle cell, boxes where it is high."""
    grid = np.zeros((CELLS, CELLS, CHANNELS), np.float32)
    middle = (np.arange(CELLS) + 0.5) * STRIDE
    for card in cards:
        x1, y1, x2, y2 = card.box
        across = (middle - (x1 + x2) / 2) / (x2 - x1)
        down = (middle - (y1 + y2) / 2) / (y2 - y1)
        bell = np.exp(-(down[:, None] ** 2 + across[None, :] ** 2) / (2 * SPREAD**2))
        bell[np.abs(down).argmin(), np.abs(across).argmin()] = 1
        grid[..., card.label] = np.maximum(grid[..., card.label], bell)
        here = (bell >= LEAST) & (bell > grid[..., -1])
        sides = np.broadcast_arrays(
            middle[None, :] - x1, middle[:, None] - y1, x2 - middle[None, :], y2 - middle[:, None]
        )
        grid[here, len(LABELS) : -1] = np.stack(sides, axis=-1)[here] / STRIDE
        grid[here, -1] = bell[here]
    return grid


def samples(seed: int, count: int) -> list[Sample]:
    """`count` pictures, each chunk of CHUNK from a seed of its own."""
    made: list[Sample] = []
    for chunk in range((count + CHUNK - 1) // CHUNK):
        made.extend(_chunk(seed, chunk))
    return made[:count]


def training_set(seed: int, count: int, folder: Path, processes: int) -> Pictures:
    """Makes `count` pictures (a multiple of CHUNK) in `folder`, the same whatever the number of processes."""
    pictures = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, (count, SIZE, SIZE, 3))
    targets = np.lib.format.open_memmap(
        folder / "targets.npy", "w+", np.float16, (count, CELLS, CELLS, CHANNELS)
    )
    with ProcessPoolExecutor(processes) as pool:
        for chunk, (seen, wanted) in enumerate(pool.map(partial(_arrays, seed), range(count // CHUNK))):
            pictures[chunk * CHUNK : (chunk + 1) * CHUNK] = seen
            targets[chunk * CHUNK : (chunk + 1) * CHUNK] = wanted
    return Pictures(pictures, targets)


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for the training set: about 0.22 MB a picture."""
    return tempfile.TemporaryDirectory(prefix="testcard-")


def _chunk(seed: int, chunk: int) -> list[Sample]:
    cv2.setNumThreads(1)
    painter = Painter(seed * 1_000_003 + chunk)
    return [painter.sample() for _ in range(CHUNK)]


def _arrays(seed: int, chunk: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    made = _chunk(seed, chunk)
    return np.stack([each.picture for each in made]), np.stack([target(each.cards) for each in made]).astype(
        np.float16
    )
