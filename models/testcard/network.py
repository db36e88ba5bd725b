"""The network of the test card's detector: a small hourglass with one grid of cells, stride 8.

Plain convolutions only, so that every op is one that the Edge TPU compiler maps: CONV_2D, ADD, LOGISTIC,
RESIZE_NEAREST_NEIGHBOR, RESHAPE. Boxes and scores are outputs of their own, each with its own scale.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers
from targets import STRIDE

WIDTHS = (16, 24, 40, 64, 72)
"""Channels at strides 2, 4, 8, 16 and 32."""
NECK = 48


class Double(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Twice the width and height by repeating cells: one op in TFLite, where Keras' own layer becomes eight."""

    def call(self, grid: Any) -> Any:
        """Takes N x H x W x C."""
        return tf.image.resize(grid, (2 * grid.shape[1], 2 * grid.shape[2]), "nearest")


def network(size: int, classes: int, *, for_export: bool = False) -> keras.Model:
    """The network for pictures of `size` x `size` x 3, -1..1.

    Outputs: `boxes`, the distances left, top, right and bottom of a cell's centre, in strides; and `scores`. For the
    export they are [1, cells, 4] and [1, cells, classes] with probabilities, else grids with logits.
    """
    picture = keras.Input((size, size, 3), batch_size=1 if for_export else None, name="picture")
    x = _convolve(picture, WIDTHS[0], stride=2, name="s2")
    x = _convolve(x, WIDTHS[1], stride=2, name="s4")
    s8 = _stage(x, WIDTHS[2], "s8")
    s16 = _stage(s8, WIDTHS[3], "s16")
    s32 = _stage(s16, WIDTHS[4], "s32")
    s16 = _convolve(_merge(s32, s16, "up16"), NECK, name="neck16")
    s8 = _convolve(_merge(s16, s8, "up8"), NECK, name="neck8")
    s8 = _convolve(s8, NECK, name="head")
    scores = layers.Conv2D(
        classes, 1, name="score_logits", dtype="float32", bias_initializer=keras.initializers.Constant(-4.6)
    )(s8)
    boxes = layers.Conv2D(
        4, 1, activation="relu", name="distances", dtype="float32", bias_initializer="ones"
    )(s8)
    if for_export:
        cells = (size // STRIDE) ** 2
        scores = layers.Activation("sigmoid")(scores)
        scores = layers.Lambda(lambda x: tf.reshape(x, (1, cells, classes)), name="scores")(scores)
        boxes = layers.Lambda(lambda x: tf.reshape(x, (1, cells, 4)), name="boxes")(boxes)
    return keras.Model(picture, {"boxes": boxes, "scores": scores}, name="testcard")


def _convolve(x: Any, width: int, *, name: str, stride: int = 1, kernel: int = 3, relu: bool = True) -> Any:
    """Convolution, batch normalisation (folded into it by the converter), ReLU."""
    x = layers.Conv2D(width, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(momentum=0.97, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _stage(x: Any, width: int, name: str) -> Any:
    """Half the size, then one residual block."""
    x = _convolve(x, width, stride=2, name=f"{name}_down")
    y = _convolve(x, width, name=f"{name}_a")
    y = _convolve(y, width, relu=False, name=f"{name}_b")
    return layers.ReLU(6.0, name=f"{name}_out")(layers.Add(name=f"{name}_sum")([x, y]))


def _merge(coarse: Any, fine: Any, name: str) -> Any:
    """The coarse grid, doubled, on the fine one."""
    coarse = _convolve(coarse, NECK, kernel=1, relu=False, name=f"{name}_coarse")
    fine = _convolve(fine, NECK, kernel=1, relu=False, name=f"{name}_fine")
    doubled = Double(name=f"{name}_double")(coarse)
    return layers.ReLU(6.0, name=f"{name}_relu")(layers.Add(name=f"{name}_sum")([doubled, fine]))
