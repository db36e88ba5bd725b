"""Softmax: exp(x) / sum(exp(x)), with one rule for what is infinite or no number, whoever asks."""

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis, shifted by the largest so that nothing overflows.

    NaN stays NaN and takes no share; entries of +inf share everything; all NaN where no entry is above -inf.
    """
    peak = logits.max(axis=-1, keepdims=True, initial=-np.inf)
    if np.isfinite(peak).all():  # then none is NaN or +inf
        shares: NDArray[np.float64] = np.exp(logits - peak)
        shares /= shares.sum(axis=-1, keepdims=True)
        return shares
    unknown = np.isnan(logits)
    known = np.where(unknown, -np.inf, logits)
    peak = known.max(axis=-1, keepdims=True, initial=-np.inf)
    parts = weights(known, peak)
    return np.where(unknown | np.isneginf(peak), np.nan, parts / parts.sum(axis=-1, keepdims=True))


def weights(known: NDArray[np.float64], peak: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(x - peak), of which an entry's share is its part, for logits without NaN.

    `peak` is the largest over the last axis, which it keeps. The largest weighs 1; where that is infinite all
    that equal it do, and the others nothing.
    """
    ends = np.isinf(peak)
    parts: NDArray[np.float64]
    if ends.any():
        shifted = np.where(ends, 0.0, known) - np.where(ends, 0.0, peak)
        parts = np.where(ends, known == peak, np.exp(shifted))
    else:
        parts = np.exp(known - peak)
    return parts
