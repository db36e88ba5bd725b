"""Numbers kept within a range."""


def within(value: float, low: float, high: float) -> float:
    """The number, or the end of the range that it is beyond.

    Nearly all are in the range, so that is asked first: both calls of `min` and `max` take three times as long.
    """
    return value if low <= value <= high else min(max(value, low), high)
