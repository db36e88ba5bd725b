"""YOLO models of one output, and what the product makes of it."""

from typing import NamedTuple

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.manifest import Coordinates, DecoderName, InputRule, Manifest, NmsRule
from tests.unit.tensors import spec_of
from tests.unit.textbook import LABELS


class Head(NamedTuple):
    """An output, and all that a manifest says of it."""

    decoder: DecoderName
    output: Tensor
    scale: Quantization | None = None
    size: tuple[int, int] = (32, 32)
    coordinates: Coordinates = "fractions"
    nms: NmsRule = NmsRule()


def decode(head: Head, threshold: float = 0.5, plan: FitPlan | None = None) -> tuple[Detection, ...]:
    """The detections of the product."""
    manifest = Manifest(
        "m",
        "detection",
        head.decoder,
        InputRule(),
        (("head", 0),),
        coordinates=head.coordinates,
        nms=head.nms,
    )
    width, height = head.size
    decoder = make_decoder(
        manifest,
        [spec_of("head", head.output, head.scale)],
        LABELS,
        threshold=threshold,
        top_k=1,
        picture=TensorSpec("picture", (1, height, width, 3), "int8", None),
    )
    prediction = decoder.decode([head.output], plan or plan_fit(width, height, width, height, InputRule()))
    assert isinstance(prediction, Detections)
    return prediction.items
