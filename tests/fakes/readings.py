"""Writes small models that really run and read: means of colours, over the picture or over each of its columns."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.fakes.graph import Graph

SIZE = 16
"""Height and width of the input; a model of text has a step for each column."""
PIXEL, SHARE = (1 / 255, 0), (1 / 256, 0)
"""Scale and zero point of what is 0..1, and of what a sigmoid gives."""
ACROSS, ALL = (1,), (1, 2)
"""Axes that a mean is taken over: of each column, or of the picture."""


def mean_model(axes: tuple[int, ...], *, sigmoid: bool = False, channels: int = 3) -> bytes:
    """The file: an input of [1, 16, 16, channels] uint8 with values of 0..1, and one output of uint8.

    It is [1, channels] for ALL and [1, 16, channels] for ACROSS: a mean for each channel; with `sigmoid`, of that.
    """
    graph = Graph("means", "UINT8")
    shape = (1, SIZE, SIZE, channels)
    left = tuple(side for axis, side in enumerate(shape) if axis not in axes)
    picture = graph.tensor("picture", shape, PIXEL)
    mean = graph.tensor("mean", left, PIXEL)
    options = schema.ReducerOptionsT()
    options.keepDims = False
    graph.op("MEAN", [picture, graph.constant("axes", np.array(axes, "<i4"))], mean, options)
    if sigmoid:
        logits, mean = mean, graph.tensor("shares", left, SHARE)
        graph.op("LOGISTIC", [logits], mean)
    return graph.packed([picture], [mean])
