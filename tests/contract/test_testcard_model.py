"""The bundled model `testcard` is what its manifest, its card and its measured figures say."""

import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged.adapters.cameras.marks import FRAME_INSIDE, MARKS
from edged.adapters.cameras.pattern import PatternCamera
from edged.adapters.cameras.sprite import coverage
from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import bundled, load_bundle
from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.predictions import Detection, Detections
from edged.ports import Pixels
from edged.vision.decoding import make_decoder

FOLDER = bundled("testcard")
SCRIPTS = Path(__file__).resolve().parents[2] / "models" / "testcard"
MAPPED = {"CONV_2D", "ADD", "LOGISTIC", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR"}
"""Of the ops that the Edge TPU compiler's documentation lists, those that the model needs."""


@pytest.fixture(scope="module")
def metrics() -> Any:
    return json.loads((FOLDER / "metrics.json").read_text())


@pytest.fixture(scope="module")
def scripts() -> Any:
    """The scripts beside the model, importable while this module runs."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module
    sys.path.remove(str(SCRIPTS))


class Model:
    """The bundle behind the product's own fit and decoder, for frames of one size."""

    def __init__(self, threshold: float = 0.5) -> None:
        prepare()
        bundle = load_bundle(FOLDER)
        runtime = TfliteRuntimes(library=None, device="", threads=1).load(str(FOLDER / "testcard.tflite"))
        [spec] = runtime.inputs
        self._runtime, self._fitter = runtime, Fitter(spec, bundle.manifest.input)
        self._input = np.zeros(spec.shape, spec.dtype)
        self._decoder = make_decoder(
            bundle.manifest, runtime.outputs, bundle.labels, threshold=threshold, top_k=5, picture=spec
        )

    def find(self, pixels: Pixels, shape: FrameShape) -> tuple[Detection, ...]:
        """What is seen on a frame."""
        plan = self._fitter.fit(pixels, shape, self._input)
        self._runtime.set_input(self._input)
        self._runtime.invoke()
        found = self._decoder.decode(self._runtime.get_outputs(), plan)
        assert isinstance(found, Detections)
        return found.items


@pytest.mark.runtime
@pytest.mark.parametrize("pixel_format", ["rgb", "i420"])
@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (480, 640)], ids=str)
def test_the_model_finds_every_card_that_the_pattern_camera_shows(
    size: tuple[int, int], pixel_format: Any
) -> None:
    """In nine of ten frames with a card it is found with the right label and box; a bare ground shows nothing."""
    model = Model()
    camera = PatternCamera(size=size, fps=10, pixel_format=pixel_format, seed=4)
    flat = np.zeros(camera.open(), np.uint8)
    form = PixelFormat.RGB if pixel_format == "rgb" else PixelFormat.I420
    shape = FrameShape(form, *size)
    right, shown = 0, 0
    for seq in range(1, 121, 5):
        camera._draw(flat, seq)
        found = model.find(flat.reshape(shape.array_shape), shape)
        placed = camera.scene(seq)
        if placed is None:
            assert found == ()
            continue
        shown += 1
        right += [each.label for each in found] == [placed.label] and found[0].box.overlap(placed.box) > 0.7
    assert right >= 0.9 * shown


@pytest.mark.runtime
@pytest.mark.parametrize("mark", MARKS)
def test_the_printed_page_is_recognised(mark: str) -> None:
    """A page of the card, seen whole and upright in the middle of a grey picture, is found as its mark."""
    page = np.full((720, 1280), 90, np.float32)
    page[60:660, 428:852] = 235
    for outline, grey in ((SQUARE, 30), (scaled(FRAME_INSIDE), 235), (MARKS[mark], 30)):
        mask = np.zeros((720, 1280), np.float32)
        mask[:, 280:1000] = coverage(tuple((360 + 172 * x, 330 + 172 * y) for x, y in outline), 720)
        page += mask * (grey - page)
    pixels = np.rint(page).astype(np.uint8)[..., None].repeat(3, axis=2)
    [found] = Model().find(pixels, FrameShape(PixelFormat.RGB, 1280, 720))
    assert found.label == mark
    assert found.box.overlap(Box(468 / 1280, 158 / 720, 344 / 1280, 344 / 720)) > 0.8


SQUARE = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def scaled(factor: float) -> tuple[tuple[float, float], ...]:
    return tuple((factor * x, factor * y) for x, y in SQUARE)


def test_the_model_is_small_and_can_be_compiled(metrics: Any) -> None:
    """At most 400 kB, integers in and out, and no op that the Edge TPU compiler leaves on the CPU."""
    file = FOLDER / "testcard.tflite"
    assert metrics["file"]["bytes"] == file.stat().st_size <= 400_000
    assert set(metrics["file"]["operators"]) == MAPPED
    runtime = TfliteRuntimes(library=None, device="", threads=1).load(str(file))
    assert {spec.dtype for spec in (*runtime.inputs, *runtime.outputs)} == {"int8"}
    boxes, scores = runtime.outputs
    assert (boxes.shape, scores.shape) == ((1, 1024, 4), (1, 1024, 6))
    assert boxes.quantization != scores.quantization


def test_the_measured_figures_are_good_enough(metrics: Any) -> None:
    """On drawn pictures of a seed that the training has not seen, mAP at IoU 0.5 is 0.9 or more."""
    assert metrics["drawn"]["mAP@0.5"] >= 0.9
    assert metrics["drawn"]["pictures"] >= 1000
    assert metrics["invoke_ms"] <= 30


def test_a_part_of_the_measurement_gives_the_same(metrics: Any, scripts: Any) -> None:
    """Measuring again on the first 200 pictures comes out near the committed figures."""
    pytest.importorskip("flatbuffers", reason="the script needs flatbuffers")
    evaluate, targets = scripts("evaluate"), scripts("targets")
    again = evaluate.measure(evaluate.Model(FOLDER), targets.samples(evaluate.SEED, 200))
    assert again["mAP@0.5"] == pytest.approx(metrics["drawn"]["mAP@0.5"], abs=0.05)


def test_average_precision_is_the_area_under_the_curve(scripts: Any) -> None:
    """Worked by hand: right, wrong, right of three objects gives 1/3 + 2/9, and each object counts once."""
    precision = scripts("precision")
    known = [precision.Known(0, (10 * n, 0, 10 * n + 8, 8)) for n in range(3)]
    found = [
        precision.Found(0, 0.9, (0, 0, 8, 8)),
        precision.Found(0, 0.8, (0, 0, 8, 7)),
        precision.Found(0, 0.7, (10, 0, 18, 8)),
        precision.Found(1, 0.6, (20, 0, 28, 8)),
    ]
    verdicts = precision.judge(found, known)
    assert [each.object for each in verdicts] == [0, None, 1, None]
    assert precision.average_precision(verdicts[:3], 3) == pytest.approx((1 + 2 / 3) / 3)
    assert precision.average_precision([], 0) == 0


def test_the_same_seed_draws_the_same_pictures(scripts: Any) -> None:
    """The training set is a function of its seed; another seed gives other pictures."""
    targets = scripts("targets")
    one, again, other = targets.samples(3, 4), targets.samples(3, 4), targets.samples(4, 4)
    assert all((a.picture == b.picture).all() and a.cards == b.cards for a, b in zip(one, again, strict=True))
    assert all((a.picture != b.picture).any() for a, b in zip(one, other, strict=True))


def test_drawn_cards_are_where_their_boxes_say(scripts: Any) -> None:
    """On a bare ground the darkest things of a picture lie inside the boxes of its cards."""
    pictures = scripts("pictures")
    painter = pictures.Painter(8)
    canvas = np.full((256, 256, 3), 160, np.uint8)
    for _ in range(20):
        cards = painter._place_cards(drawn := canvas.copy(), (0, 0, 256, 256))
        rows, columns = np.nonzero(drawn.max(axis=2) < 40)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            assert any(
                card.box[0] - 2 <= column <= card.box[2] + 2 and card.box[1] - 2 <= row <= card.box[3] + 2
                for card in cards
            )


def test_the_card_is_drawn_by_its_script(tmp_path: Path) -> None:
    """card.pdf is what card.py writes, byte for byte: seven pages of A4."""
    pytest.importorskip("fpdf", reason="the script needs fpdf2")
    subprocess.run([sys.executable, SCRIPTS / "card.py", tmp_path], check=True)
    assert (tmp_path / "card.pdf").read_bytes() == (FOLDER / "card.pdf").read_bytes()


def test_the_manifest_names_the_files_by_their_sums() -> None:
    """The bundle loads without a warning, and its labels are the marks in the order of the card."""
    bundle = load_bundle(FOLDER)
    assert tuple(bundle.labels.names.values()) == tuple(MARKS)
    assert bundle.manifest.cpu
    assert bundle.manifest.cpu.sha256 == hashlib.sha256((FOLDER / "testcard.tflite").read_bytes()).hexdigest()
    assert (FOLDER / "README.md").read_text().count("Apache-2.0")


def test_a_photograph_without_cards_shows_none(test_data: Path) -> None:
    """The pictures that the other models are tested with have no test card on them, and none is seen."""
    model = Model()
    for path in sorted((test_data / "images").iterdir()):
        pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()
        height, width, _ = pixels.shape
        assert model.find(pixels, FrameShape(PixelFormat.RGB, width, height)) == ()
