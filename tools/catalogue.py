"""Writes the catalogue of public models that `edged model pull` knows.

`python tools/catalogue.py FILES FOLDER`: FILES is a table (path, git blob id, bytes, sha256; tabs between, a line of
headings first, the last two may be empty) of the files of google-coral/test_data at COMMIT. FOLDER has the label
files of that commit. The result is held against both by the tests, and changes only when this list of models does.
"""

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from edged.adapters.storage.catalogue import DATA  # noqa: E402  the path above comes first
from edged.adapters.storage.reading import load_labels  # noqa: E402  the path above comes first
from edged.vision.document import TASKS  # noqa: E402  the path above comes first
from edged.vision.labels import PLACEHOLDERS  # noqa: E402  the path above comes first
from edged.vision.manifest import DecoderName  # noqa: E402  the path above comes first

COMMIT = "104342d2d3480b3e66203073dac24f4e2dbb4c41"
HEAD = {
    "repository": "google-coral/test_data",
    "commit": COMMIT,
    "url": f"https://raw.githubusercontent.com/google-coral/test_data/{COMMIT}/",
    "licence": "Apache-2.0",
}
"""Licence: the file LICENSE of that repository."""
Row = tuple[str, str, int, str]
Rule = Mapping[str, str | int]
STRETCH = {"resize": "stretch"}
CORNER = {"resize": "letterbox", "place": "corner"}
"""EfficientDet is trained on frames that are padded right and below."""
CORNER_GREY: Rule = {**CORNER, "fill": 127}
"""DeepLab too, with the mean of all pixels (research/deeplab/input_preprocess.py of tensorflow/models)."""
CENTRE = {"resize": "letterbox"}
"""MoveNet takes what TensorFlow's resize_with_pad makes."""
# Name, CPU file without .tflite, side of the input in pixels, label file without _labels.txt.
CLASSIFIERS = [
    ("mobilenet_v1_025_128", "mobilenet_v1_0.25_128_quant", 128, "imagenet"),
    ("mobilenet_v1_050_160", "mobilenet_v1_0.5_160_quant", 160, "imagenet"),
    ("mobilenet_v1_075_192", "mobilenet_v1_0.75_192_quant", 192, "imagenet"),
    ("mobilenet_v1", "mobilenet_v1_1.0_224_quant", 224, "imagenet"),
    ("mobilenet_v2", "mobilenet_v2_1.0_224_quant", 224, "imagenet"),
    ("tf2_mobilenet_v1", "tf2_mobilenet_v1_1.0_224_ptq", 224, "imagenet"),
    ("tf2_mobilenet_v2", "tf2_mobilenet_v2_1.0_224_ptq", 224, "imagenet"),
    ("tf2_mobilenet_v3", "tf2_mobilenet_v3_edgetpu_1.0_224_ptq", 224, "imagenet"),
    ("efficientnet_edgetpu_s", "efficientnet-edgetpu-S_quant", 224, "imagenet"),
    ("efficientnet_edgetpu_m", "efficientnet-edgetpu-M_quant", 240, "imagenet"),
    ("efficientnet_edgetpu_l", "efficientnet-edgetpu-L_quant", 300, "imagenet"),
    ("inception_v1", "inception_v1_224_quant", 224, "imagenet"),
    ("inception_v2", "inception_v2_224_quant", 224, "imagenet"),
    ("inception_v3", "inception_v3_299_quant", 299, "imagenet"),
    ("inception_v4", "inception_v4_299_quant", 299, "imagenet"),
    ("resnet_50", "tfhub_tf2_resnet_50_imagenet_ptq", 224, "imagenet"),
    ("inat_bird", "mobilenet_v2_1.0_224_inat_bird_quant", 224, "inat_bird"),
    ("inat_insect", "mobilenet_v2_1.0_224_inat_insect_quant", 224, "inat_insect"),
    ("inat_plant", "mobilenet_v2_1.0_224_inat_plant_quant", 224, "inat_plant"),
]
DETECTORS = [
    ("ssd_mobilenet_v1", "ssd_mobilenet_v1_coco_quant_postprocess", 300, "coco"),
    ("ssd_mobilenet_v2", "ssd_mobilenet_v2_coco_quant_postprocess", 300, "coco"),
    ("tf2_ssd_mobilenet_v2", "tf2_ssd_mobilenet_v2_coco17_ptq", 300, "coco"),
    ("tf2_ssd_mobilenet_v1_fpn", "tf2_ssd_mobilenet_v1_fpn_640x640_coco17_ptq", 640, "coco"),
    ("ssdlite_mobiledet", "ssdlite_mobiledet_coco_qat_postprocess", 320, "coco"),
    ("ssd_face", "ssd_mobilenet_v2_face_quant_postprocess", 320, "face"),
    ("ssd_pets", "ssd_mobilenet_v1_fine_tuned_pet", 300, "pet"),
]
PADDED = [
    ("efficientdet_lite0", "efficientdet_lite0_320_ptq", 320, "coco"),
    ("efficientdet_lite1", "efficientdet_lite1_384_ptq", 384, "coco"),
    ("efficientdet_lite2", "efficientdet_lite2_448_ptq", 448, "coco"),
    ("efficientdet_lite3", "efficientdet_lite3_512_ptq", 512, "coco"),
    ("efficientdet_lite3x", "efficientdet_lite3x_640_ptq", 640, "coco"),
]
POSES = [
    ("movenet_lightning", "movenet_single_pose_lightning_ptq", 192, ""),
    ("movenet_thunder", "movenet_single_pose_thunder_ptq", 256, ""),
]
MAPS = [
    ("deeplab_v3", "deeplabv3_mnv2_pascal_quant", 513, "pascal_voc_segmentation"),
    ("deeplab_v3_050", "deeplabv3_mnv2_dm05_pascal_quant", 513, "pascal_voc_segmentation"),
    (
        "deeplab_slim_cityscapes",
        "deeplab_mobilenet_edgetpu_slim_cityscapes_quant",
        513,
        "cityscapes_segmentation",
    ),
]


def files(table: Path) -> dict[str, dict[str, object]]:
    """What the table says of each path."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))[1:]
    return {
        path: {
            "path": path,
            "blob": blob,
            **({"bytes": int(size)} if size else {}),
            **({"sha256": sha256} if sha256 else {}),
        }
        for path, blob, size, sha256 in rows
    }


def model(row: Row, decoder: DecoderName, rule: Rule, table: Path, folder: Path) -> dict[str, object]:
    """An entry of the catalogue."""
    name, stem, side, labels = row
    known = files(table)
    classes, background = count(folder / f"{labels}_labels.txt") if labels else (1, "none")
    return {
        "name": name,
        "task": TASKS[decoder],
        "decoder": decoder,
        "side": side,
        "input": rule,
        "classes": classes,
        "background": background,
        "cpu": known[f"{stem}.tflite"],
        "edgetpu": known[f"{stem}_edgetpu.tflite"],
        "labels": known[f"{labels}_labels.txt"] if labels else None,
    }


def count(path: Path) -> tuple[int, str]:
    """How many names a label file has, and at which end of it the background stands."""
    names = load_labels(path).labels.names
    ends = {"first": names.get(0), "last": names[max(names)]}
    background = next((end for end, name in ends.items() if name == "background"), "none")
    return sum(name not in {*PLACEHOLDERS, "background"} for name in names.values()), background


def main() -> int:
    """Writes the file; returns the exit code."""
    table, folder = map(Path, sys.argv[1:3])
    groups: list[tuple[list[Row], DecoderName, Rule]] = [
        (CLASSIFIERS, "classification", STRETCH),
        (DETECTORS, "ssd", STRETCH),
        (PADDED, "ssd", CORNER),
        (POSES, "movenet", CENTRE),
        (MAPS, "classmap", CORNER_GREY),
    ]
    models = [model(row, decoder, rule, table, folder) for rows, decoder, rule in groups for row in rows]
    DATA.write_text(json.dumps(HEAD | {"models": models}, indent=1) + "\n", encoding="utf-8")
    print(f"written: {DATA.relative_to(REPOSITORY)}: {len(models)} models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
