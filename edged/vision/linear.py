"""Outputs that are values themselves: a gauge's pressure, a tank's level."""

from collections.abc import Sequence
from math import isnan

from edged.domain.predictions import Reading, Readings
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.manifest import Manifest
from edged.vision.quantise import dequantise
from edged.vision.quantities import place_quantities


class LinearDecoder:
    """Reads named elements of the outputs: the dequantised number times scale plus offset, clamped to its range.

    Infinity is an end of the range; NaN is no reading.
    """

    def __init__(self, manifest: Manifest, outputs: Sequence[TensorSpec]) -> None:
        """Raises ModelError where the outputs have no place for a value."""
        self._placed = place_quantities(manifest, outputs)
        self._quantizations = [spec.quantization for spec in outputs]

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Readings:  # noqa: ARG002  has no boxes
        """The values in the order of the manifest; `plan` is not needed."""
        readings = []
        for each in self._placed:
            output, index = each.output or 0, each.index or 0
            stored = outputs[output].reshape(-1)[index : index + 1]
            number = float(dequantise(stored, self._quantizations[output])[0])
            if not isnan(number):
                readings.append(Reading(each.name, each.of(number), each.unit))
        return Readings(tuple(readings))
