"""A manifest that does not fit its model is refused before the first frame."""

import pytest

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, TensorSpec
from edged.vision.decoding import make_decoder
from edged.vision.labels import Labels
from edged.vision.manifest import DecoderName, InputRule, Manifest

SSD = (("boxes", 0), ("classes", 1), ("scores", 2), ("count", 3))
SSD_SHAPES: list[tuple[int, ...]] = [(1, 10, 4), (1, 10), (1, 10), (1,)]


def make(
    decoder: DecoderName,
    roles: tuple[tuple[str, int], ...],
    shapes: list[tuple[int, ...]],
    dtype: DType = "float32",
) -> object:
    manifest = Manifest("garage", "detection", decoder, InputRule(), roles)
    specs = [TensorSpec(f"out{index}", shape, dtype, None) for index, shape in enumerate(shapes)]
    return make_decoder(manifest, specs, Labels(), threshold=0.5, top_k=3)


def test_fitting_manifests_are_taken() -> None:
    """Known shapes that fit, and shapes that are open until the first invoke, are both fine."""
    assert make("ssd", SSD, SSD_SHAPES)
    assert make("ssd", SSD, [()] * 4)
    assert make("classification", (("scores", 1),), [(1, 4), (1, 1, 1, 1001)], "uint8")
    assert make("classification", (("scores", 0),), [(7,)], "int8")


@pytest.mark.parametrize(
    ("decoder", "roles", "shapes", "dtype", "what"),
    [
        ("classification", (), [(1, 10)], "uint8", "no output has the role scores"),
        ("classification", (("scores", 2),), [(1, 10)], "uint8", "should be output 2, but it has 1"),
        ("classification", (("scores", -1),), [(1, 10)], "uint8", "should be output -1"),
        ("classification", (("scores", 0),), [(1, 513, 513)], "uint8", "one axis of classes"),
        ("classification", (("scores", 0),), [(1, 0)], "uint8", "one axis of classes"),
        ("classification", (("scores", 0),), [(1, 10)], "int64", r"out0 is int64\[1, 10\]: scores should be"),
        ("ssd", SSD[:3], SSD_SHAPES, "float32", "no output has the role count"),
        ("ssd", (*SSD[:3], ("count", 2)), SSD_SHAPES, "float32", "one output has two roles"),
        ("ssd", SSD, [(1, 10), *SSD_SHAPES[1:]], "float32", "boxes should be"),
        ("ssd", SSD, [(1, 20, 4), *SSD_SHAPES[1:]], "float32", "not as many rows"),
    ],
)
def test_manifests_that_do_not_fit_are_refused(
    decoder: DecoderName,
    roles: tuple[tuple[str, int], ...],
    shapes: list[tuple[int, ...]],
    dtype: DType,
    what: str,
) -> None:
    """The refusal names the model, the output and what was expected of it."""
    with pytest.raises(ModelError, match=what) as refusal:
        make(decoder, roles, shapes, dtype)
    assert refusal.value.what.startswith("model garage: ")
    assert "manifest" in refusal.value.fix
