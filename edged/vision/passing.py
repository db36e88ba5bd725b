"""Which scores of a tensor reach a threshold, found among the values as they are stored."""

import math

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.quantise import dequantise

SCORE_DTYPES = frozenset({"uint8", "int8", "int16", "float16", "float32", "float64"})
_MARGIN = 0.01
"""How far below the threshold's logit a float is looked at closely."""
_ENOUGH = 30.0
"""A logit whose share is 1 but for rounding."""


class Passing:
    """Finds the scores that reach a threshold; only those become real numbers.

    Exactly those are found whose real value, as float64, reaches it: integers are compared with the first integer
    of the type that does, floats roughly first, then one by one. NaN and infinity never do.
    """

    def __init__(self, spec: TensorSpec, *, threshold: float, sigmoid: bool = False) -> None:
        """`spec` describes the scores, of one of SCORE_DTYPES; `sigmoid` says that they are logits."""
        self._spec = spec
        self._threshold = threshold
        self._sigmoid = sigmoid
        self._table: NDArray[np.float64] | None = None
        if spec.dtype.startswith("float"):
            self._bound: np.generic | None = self._lowest()
        else:
            limits = np.iinfo(spec.dtype)
            self._low = int(limits.min)
            integers = np.arange(limits.min, limits.max + 1).astype(spec.dtype)
            self._table = self._real(integers)
            first = int(np.searchsorted(self._table, threshold))
            self._bound = integers[first] if first < len(integers) else None

    def find(self, stored: Tensor) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Indices into the flat tensor, ascending, and the scores there, not clamped."""
        if self._bound is None:
            return np.empty(0, np.intp), np.empty(0)
        found = self.near(stored).nonzero()[0]
        if self._table is not None:
            return found, self._table[stored[found].astype(np.intp) - self._low]
        near = stored[found]
        scores = self._real(near)
        exact = (scores >= self._threshold) & np.isfinite(near)
        return found[exact], scores[exact]

    def near(self, stored: Tensor) -> NDArray[np.bool_]:
        """Which scores pass, in the tensor's shape; of floats also some that only nearly do, and infinity."""
        if self._bound is None:
            return np.zeros(stored.shape, np.bool_)
        return np.asarray(np.greater_equal(stored, self._bound), np.bool_)

    def _real(self, stored: Tensor) -> NDArray[np.float64]:
        values = dequantise(stored, self._spec.quantization)
        return sigmoid(values) if self._sigmoid else values

    def _lowest(self) -> np.generic:
        """A float of the tensor's type that no score above the threshold is below; rounding keeps the order."""
        bound = _logit(self._threshold) - _MARGIN if self._sigmoid else self._threshold
        lowest: np.generic = np.dtype(self._spec.dtype).type(bound)
        return lowest


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), written so that nothing overflows."""
    small = np.exp(-np.abs(logits))
    shares: NDArray[np.float64] = np.where(logits >= 0, 1.0, small) / (1.0 + small)
    return shares


def _logit(share: float) -> float:
    """The logit of a share, as far as floats resolve it; shares of 1 and more are all one."""
    if share <= 0:
        return -math.inf
    return _ENOUGH if share >= 1 else min(math.log(share) - math.log1p(-share), _ENOUGH)
