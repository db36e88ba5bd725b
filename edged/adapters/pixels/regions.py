"""Regions of a camera's frames on their way into the places of a model's input."""

from collections import OrderedDict
from collections.abc import Sequence

from edged.adapters.pixels.opencv import REMEMBERED_SHAPES, Fitter, Route
from edged.domain.frame import FrameShape
from edged.domain.geometry import Box
from edged.ports import Pixels, Tensor
from edged.vision.batch import passes


class RegionFitter:
    """Puts the regions of one camera's frames into a model's input, as many at a time as that has places.

    Only a region's own pixels are read. What is left over in the last run keeps what it held: nobody reads its answer.
    """

    def __init__(self, fitter: Fitter, regions: Sequence[Box], tensor: Tensor) -> None:
        self._fitter = fitter
        self._regions = tuple(regions)
        self._places = [tensor[place : place + 1] for place in range(len(tensor))]
        self._routes: OrderedDict[FrameShape, list[Route]] = OrderedDict()
        self.runs = passes(len(regions), len(self._places))
        """How often the model has to run for one frame."""

    def fit(self, pixels: Pixels, shape: FrameShape, run: int) -> None:
        """Writes the regions of one run, counted from 0, into their places; `pixels` has the shape of the frame."""
        routes = self._routes.get(shape) or self._new_routes(shape)
        first = run * len(self._places)
        for route, place in zip(routes[first:], self._places, strict=False):
            route.run(pixels, place)

    def _new_routes(self, shape: FrameShape) -> list[Route]:
        if len(self._routes) >= REMEMBERED_SHAPES:
            self._routes.popitem(last=False)
        routes = self._routes[shape] = [self._fitter.route(shape, region) for region in self._regions]
        return routes
