"""Measures the test card's model through the product's own fit, runtime and decoder.

    python models/testcard/evaluate.py [--model FOLDER] [--photos FOLDER] [--pictures 1000] [--json FILE]

Drawn pictures come from a seed that the training has not seen. With `--photos`, a folder of photographs, cards are
also composed over those, and the photographs alone are searched for cards that are not there. Times are those of one
thread of this machine.
"""

import argparse
import itertools
import json
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from pictures import LABELS, SIZE, Card, Painter, Picture, Sample
from precision import Found, Known, Verdict, average_precision, judge
from targets import samples

from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.predictions import Detections
from edged.vision.decoding import make_decoder

SEED = 20_000
"""Of the pictures that are measured on; `train.py` uses small numbers."""
FLOOR = 0.05
"""Answers below this score are not looked at."""
THRESHOLD = 0.5
"""What a user of the model is told to use."""
SIZES = (16, 24, 32, 64, 128, 256)
"""Bounds of the classes of size: the longer side of a card's box in pixels of the input."""
INVOKES = 60


class Model:
    """The bundle behind the product's own fit and decoder."""

    def __init__(self, folder: Path) -> None:
        prepare()
        bundle = load_bundle(folder)
        self.file = folder / (bundle.manifest.cpu.path if bundle.manifest.cpu else "")
        self._runtime = TfliteRuntimes(library=None, device="", threads=1).load(str(self.file))
        [spec] = self._runtime.inputs
        self._fitter, self._input = Fitter(spec, bundle.manifest.input), np.zeros(spec.shape, spec.dtype)
        self._decoder = make_decoder(
            bundle.manifest, self._runtime.outputs, bundle.labels, threshold=FLOOR, top_k=5, picture=spec
        )

    def find(self, picture: Picture) -> list[Found]:
        """What the model sees in an R G B picture; boxes in its pixels."""
        height, width, _ = picture.shape
        shape = FrameShape(PixelFormat.RGB, width, height)
        plan = self._fitter.fit(picture, shape, self._input)
        self._runtime.set_input(self._input)
        self._runtime.invoke()
        answer = self._decoder.decode(self._runtime.get_outputs(), plan)
        assert isinstance(answer, Detections)  # noqa: S101  what a detector gives
        return [
            Found(each.label_id, each.score, (x * width, y * height, (x + w) * width, (y + h) * height))
            for each in answer.items
            for x, y, w, h in [(each.box.x, each.box.y, each.box.w, each.box.h)]
        ]

    def invoke_ms(self) -> float:
        """Median time of an invoke in milliseconds, on one thread."""
        times = []
        for _ in range(INVOKES):
            start = time.perf_counter()
            self._runtime.invoke()
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1000

    def operators(self) -> dict[str, int]:
        """How many of each op the graph has."""
        model = schema.ModelT.InitFromPackedBuf(self.file.read_bytes(), 0)
        known = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
        codes = [max(each.builtinCode, each.deprecatedBuiltinCode) for each in model.operatorCodes]
        names = [known[codes[each.opcodeIndex]] for each in model.subgraphs[0].operators]
        return {name: names.count(name) for name in sorted(set(names))}


def main() -> int:
    """Measures and prints."""
    options = _options()
    model = Model(options.model)
    result: dict[str, Any] = {
        "file": {"bytes": model.file.stat().st_size, "operators": model.operators()},
        "invoke_ms": round(model.invoke_ms(), 2),
        "machine": f"{platform.machine()}, {_processor()}, one thread",
        "drawn": measure(model, samples(SEED, options.pictures)),
    }
    if options.photos:
        photos = _photos(options.photos)
        painter = Painter(SEED)
        composed = [painter.sample(photos[each % len(photos)]) for each in range(options.pictures // 2)]
        result["over photographs"] = measure(model, composed)
        result["photographs alone"] = _alone(model, photos)
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=Path(__file__).parent)
    parser.add_argument("--photos", type=Path, help="Folder of photographs without test cards.")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measure(model: Model, pictures: Sequence[Sample]) -> dict[str, Any]:
    """MAP at IoU 0.5, AP of each label, and at the threshold: recall by size, and wrong answers a picture."""
    verdicts: list[Verdict] = []
    sizes: list[tuple[float, bool]] = []
    counts = [0] * len(LABELS)
    for sample in pictures:
        judged = judge(model.find(sample.picture), [Known(card.label, card.box) for card in sample.cards])
        verdicts.extend(judged)
        seen = {each.object for each in judged if each.score >= THRESHOLD}
        for place, card in enumerate(sample.cards):
            counts[card.label] += 1
            sizes.append((_side(card), place in seen))
    precisions = {
        name: average_precision([each for each in verdicts if each.label == label], counts[label])
        for label, name in enumerate(LABELS)
    }
    sure = [each for each in verdicts if each.score >= THRESHOLD]
    return {
        "pictures": len(pictures),
        "cards": sum(counts),
        "mAP@0.5": round(statistics.mean(precisions.values()), 4),
        "AP@0.5": {name: round(value, 4) for name, value in precisions.items()},
        f"precision at {THRESHOLD}": round(
            sum(each.object is not None for each in sure) / max(1, len(sure)), 4
        ),
        f"recall at {THRESHOLD}": round(sum(hit for _, hit in sizes) / max(1, len(sizes)), 4),
        f"recall at {THRESHOLD} by size in pixels": {
            f"{low}-{high}": round(sum(hits) / len(hits), 4)
            for low, high in itertools.pairwise(SIZES)
            if (hits := [hit for side, hit in sizes if low <= side < high])
        },
    }


def _side(card: Card) -> float:
    return max(card.box[2] - card.box[0], card.box[3] - card.box[1])


def _photos(folder: Path) -> list[Picture]:
    """Each photograph whole, letterboxed, and its four quarters; all as the model's input sees them."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".png", ".bmp"})
    pictures = []
    for path in found:
        whole = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
        high, wide = whole.shape[0] // 2, whole.shape[1] // 2
        parts = (whole, whole[:high, :wide], whole[:high, wide:], whole[high:, :wide], whole[high:, wide:])
        pictures.extend(cv2.resize(part, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for part in parts)
    return [np.asarray(each, np.uint8) for each in pictures]


def _alone(model: Model, photos: Sequence[Picture]) -> dict[str, Any]:
    """Cards that are seen where there is none."""
    scores = [each.score for photo in photos for each in model.find(photo)]
    return {
        "pictures": len(photos),
        f"cards seen at {THRESHOLD}": sum(score >= THRESHOLD for score in scores),
        "highest score": round(max(scores, default=0.0), 3),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
