"""What is drawn over a picture, before any pixel is touched."""

import json

import numpy as np

from edged.domain.geometry import Box
from edged.domain.predictions import (
    Areas,
    Classification,
    Detection,
    Detections,
    Keypoint,
    Ranked,
    Reading,
    Readings,
    Text,
)
from edged.domain.tensors import TensorSpec
from edged.transport.drawings import overlay_from_wire, overlay_to_wire
from edged.vision.fit import plan_fit
from edged.vision.manifest import InputRule
from edged.vision.overlay import Overlay, mask_of, overlay_of

SPEC = TensorSpec("map", (1, 8, 8), "int64", None)


def test_limbs_join_points_that_are_sure() -> None:
    """A point of less than 0.2 is not drawn, nor a limb that ends there."""
    points = (Keypoint(0.5, 0.2, 0.9), Keypoint(0.4, 0.1, 0.2), Keypoint(0.6, 0.1, 0.19), None)
    item = Detection("person", 3, 0.756, Box(-0.1, 0.0, 0.6, 0.5), points)
    (figure,) = overlay_of(Detections((item,)), ("nose", "left_eye", "right_eye", "left_ear")).figures
    assert (figure.text, figure.colour, figure.box) == ("person 0.76", 3, (0.0, 0.0, 0.5, 0.5))
    assert figure.dots == ((0.5, 0.2), (0.4, 0.1))
    assert figure.lines == (((0.5, 0.2), (0.4, 0.1)),)


def test_whole_pictures_get_words() -> None:
    """Classes have their score, areas their part of the picture."""
    top = (Ranked("cat", 7, 0.415),)
    assert overlay_of(Classification(top), ()).words == (("cat 0.41", 7),)
    assert overlay_of(Areas(top), ()).words == (("cat 41.5%", 7),)


def test_words_of_a_region_begin_with_its_name() -> None:
    """What is said of two regions of one picture can be told apart."""
    top = (Ranked("cat", 7, 0.415),)
    assert overlay_of(Classification(top), (), "left").words == (("left: cat 0.41", 7),)
    assert overlay_of(Text("AB 1", 0.5), (), "plate").words == (("plate: AB 1 0.50", 0),)
    read = Readings((Reading("level", 0.25, ""), Reading("flow", 2.0, "l/s")))
    assert overlay_of(read, (), "a").words == (("a: level 0.25", 0), ("a: flow 2 l/s", 0))


def test_a_mask_lies_where_the_picture_was() -> None:
    """Of a letterboxed frame each pixel has the class that the model gave for it; what is not told has none."""
    plan = plan_fit(16, 8, 8, 8, InputRule(resize="letterbox"))
    output = np.full((1, 8, 8), 7, np.int64)
    output[0, 2:6] = np.arange(8) % 2
    output[0, 3, 4] = -1
    mask = mask_of(output, SPEC, [1], plan)
    assert mask is not None
    assert mask.shape == (8, 16)
    assert mask[0].tolist() == [0, 0, 2, 2] * 4
    assert mask[2].tolist() == [0, 0, 2, 2] * 4
    assert mask[3, 8:10].tolist() == [0, 0]
    every = mask_of(output, SPEC, [0, 1], plan)
    assert every is not None
    assert every[0].tolist() == [1, 1, 2, 2] * 4


def test_what_is_no_map_has_no_mask() -> None:
    """A tensor of another kind tints nothing."""
    spec = TensorSpec("map", (1, 8), "float32", None)
    assert mask_of(np.zeros((1, 8), np.float32), spec, [0], plan_fit(8, 8, 8, 8, InputRule())) is None


def test_an_overlay_survives_the_way_to_another_process() -> None:
    """As JSON and back it is the same."""
    item = Detection("x", 1, 0.5, Box(0, 0, 1, 1), (Keypoint(0.5, 0.2, 0.9), Keypoint(0.4, 0.1, 0.9)))
    figures = overlay_of(Detections((item,)), ("nose", "left_eye")).figures
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    back = overlay_from_wire(json.loads(json.dumps(overlay_to_wire(Overlay(figures, (("a", 1),), mask)))))
    assert (back.figures, back.words) == (figures, (("a", 1),))
    assert back.mask is not None
    assert np.array_equal(back.mask, mask)
    assert overlay_from_wire(json.loads(json.dumps(overlay_to_wire(Overlay())))) == Overlay()
