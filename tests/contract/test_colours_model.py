"""The bundled model `colours` is what its generator makes, and is right about what the pattern camera shows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edged.adapters.cameras.colours import COLOURS
from edged.adapters.cameras.pattern import PatternCamera
from edged.adapters.pixels.opencv import Fitter
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Pixels
from edged.vision.document import manifest_from_mapping
from edged.vision.manifest import Manifest

FOLDER = Path(__file__).resolve().parents[2] / "models" / "colours"
LABELS = (FOLDER / "labels.txt").read_text().split()


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return manifest_from_mapping(yaml.safe_load((FOLDER / "model.yaml").read_text()), str)


class Colours:
    """The model behind the product's own fit."""

    def __init__(self, manifest: Manifest) -> None:
        self._runtime = TfliteRuntimes(library=None, device="", threads=1).load(
            str(FOLDER / "colours.tflite")
        )
        spec = self._runtime.inputs[0]
        self._fitter, self._input = Fitter(spec, manifest.input), np.zeros(spec.shape, np.uint8)

    def scores(self, pixels: Pixels, shape: FrameShape) -> dict[str, float]:
        """0..1 by label."""
        self._fitter.fit(pixels, shape, self._input)
        self._runtime.set_input(self._input)
        self._runtime.invoke()
        [scores] = self._runtime.get_outputs()
        return dict(zip(LABELS, (scores[0].astype(float) / 256).tolist(), strict=True))


@pytest.fixture(scope="module")
def colours(manifest: Manifest) -> Colours:
    return Colours(manifest)


def test_the_generator_makes_the_committed_files(tmp_path: Path) -> None:
    """Running make.py again gives the bundle byte for byte, and the model stays below 5 kB."""
    pytest.importorskip("flatbuffers", reason="the generator needs flatbuffers")
    subprocess.run([sys.executable, FOLDER / "make.py", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {"colours.tflite", "labels.txt", "model.yaml"}
    assert all((FOLDER / name).read_bytes() == content for name, content in made.items())
    assert len(made["colours.tflite"]) < 5000


def test_the_manifest_is_the_products_own(manifest: Manifest) -> None:
    """The bundle's model.yaml is accepted as it is, and names files of its folder."""
    assert (manifest.name, manifest.task, manifest.licence) == ("colours", "classification", "Apache-2.0")
    assert manifest.role("scores") == 0
    assert manifest.cpu is not None
    assert manifest.labels is not None
    assert (FOLDER / manifest.cpu.path).is_file()
    assert (FOLDER / manifest.labels.path).is_file()


@pytest.mark.parametrize(
    ("rgb", "label"),
    [
        ((255, 0, 0), "red"),
        ((90, 10, 20), "red"),
        ((0, 255, 0), "green"),
        ((40, 110, 60), "green"),
        ((0, 0, 255), "blue"),
        ((60, 120, 230), "blue"),
        ((255, 255, 0), "yellow"),
        ((200, 170, 40), "yellow"),
        ((0, 0, 0), "grey"),
        ((127, 127, 127), "grey"),
        ((255, 255, 255), "grey"),
        ((140, 128, 130), "grey"),
    ],
)
def test_plain_colours_are_named(colours: Colours, rgb: tuple[int, int, int], label: str) -> None:
    """A picture of one colour gets that colour's name, bright or dark, with a clear score."""
    scores = colours.scores(np.full((48, 64, 3), rgb, np.uint8), FrameShape(PixelFormat.RGB, 64, 48))
    assert max(scores, key=lambda name: scores[name]) == label
    assert scores[label] > 0.6


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (240, 320)], ids=str)
@pytest.mark.parametrize("pixel_format", ["rgb", "i420"])
def test_the_model_names_what_the_pattern_camera_shows(
    colours: Colours, size: tuple[int, int], pixel_format: str
) -> None:
    """Every frame of the scene, in each colour and form, is named right with a score above 0.6."""
    options: dict[str, Any] = {"scene": "colours", "pixel_format": pixel_format}
    camera = PatternCamera(**options, size=size, fps=200, dwell_s=0.03, seed=5)
    buffer, seen = memoryview(bytearray(camera.open())), set()
    while camera.seq < 75:
        captured = camera.read(buffer)
        shown = camera.scene(camera.seq)
        assert captured
        assert shown
        pixels = np.frombuffer(buffer, np.uint8).reshape(captured.shape.array_shape)
        scores = colours.scores(pixels, captured.shape)
        assert scores[shown.label] > 0.6, (shown, scores)
        seen.add(shown.label)
    camera.close()
    assert seen == set(COLOURS)
