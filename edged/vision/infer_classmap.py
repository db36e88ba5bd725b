"""A map of classes without a manifest: what its file shows of it."""

from edged.domain.tensors import TensorSpec
from edged.vision.graph import ARG_MAX
from edged.vision.labels import Labels
from edged.vision.maphead import MapLayout, map_layout
from edged.vision.modelfile import ModelFile


def find_classmap(file: ModelFile, labels: Labels) -> tuple[MapLayout, tuple[str, ...]] | None:
    """The layout of the one output, and what is taken on trust; None where it is of another kind.

    Ids have the input's size or divide it; scores do so too, and are as many as there are labels, or nobody says.
    """
    if len(file.outputs) != 1:
        return None
    spec = file.outputs[0]
    layout = map_layout(spec)
    if layout is None or not _divides(layout, file.inputs[0]):
        return None
    if layout.classes is None:
        doubt = f"{spec.dtype} {list(spec.shape)} is taken for the class of each pixel"
        return layout, () if file.makers[0] == ARG_MAX else (doubt,)
    if abs(layout.classes - len(labels)) > 1 and labels.names:
        return None
    return layout, (
        f"{list(spec.shape)} is taken for {layout.classes} scores of each pixel, the highest counts",
    )


def is_id_map(spec: TensorSpec, picture: TensorSpec) -> bool:
    """Whether these can only be ids: integers without a scale, as many as the picture has pixels or a part of them."""
    layout = map_layout(spec)
    return layout is not None and layout.classes is None and _divides(layout, picture)


def _divides(layout: MapLayout, picture: TensorSpec) -> bool:
    """Whether the map's size is that of the input, or a part of it without rest; one cell is no map."""
    height, width = picture.shape[1:3]
    return height % layout.height == 0 == width % layout.width and layout.height * layout.width > 1
