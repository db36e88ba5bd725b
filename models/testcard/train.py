"""Trains the test card's detector on drawn pictures and writes it as a fully int8-quantised TFLite file.

    pip install tensorflow-cpu==2.21.0 opencv-python-headless -e .
    python models/testcard/train.py [--pictures 24000] [--passes 6] [--seed 1] [--out models/testcard]

The same seed and arguments give the same pictures and the same training on the same machine. Takes about half an
hour on two cores, 6 GB of temporary files and 4 GB of memory. `evaluate.py` then measures what came out.
"""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from network import network
from pictures import FILL, LABELS, SIZE
from targets import CHUNK, STRIDE, Pictures, scratch, training_set
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

BATCH = 32
PEAK_RATE = 2e-3
WARM_UP = 200
"""Steps until the learning rate is at its peak."""
CALIBRATION = 400
"""Pictures that set the scales of the quantised tensors."""
FOCUS = 2.0
"""Exponent of the quality focal loss."""
BOX_WEIGHT = 2.0
MANIFEST = """\
# Written by train.py.
name: testcard
task: detection
decoder: fcos
input: {{resize: letterbox, place: centre, fill: {fill}, colour: rgb, mean: 127.5, std: 127.5}}
roles: {{boxes: 0, scores: 1}}
activation: none
strides: [{stride}]
nms: {{iou: 0.5, per_class: false}}
cpu: {{path: testcard.tflite, sha256: {model}}}
labels: {{path: labels.txt, sha256: {labels}}}
source: made by models/testcard/train.py of this project
licence: Apache-2.0
"""


def main() -> None:
    """Makes the pictures, trains, quantises, writes."""
    options = _options()
    keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()
    with scratch() as folder:
        start = time.monotonic()
        made = training_set(options.seed, options.pictures // CHUNK * CHUNK, Path(folder), options.processes)
        print(f"{len(made.pictures)} pictures in {time.monotonic() - start:.0f} s", flush=True)
        model = _train(made, options)
        exported = network(SIZE, len(LABELS), for_export=True)
        for layer in model.layers:
            exported.get_layer(layer.name).set_weights(layer.get_weights())
        data = _quantised(exported, made.pictures[:CALIBRATION])
    write_bundle(options.out, data)
    print(f"{options.out}: {len(data)} bytes")


def write_bundle(folder: Path, model: bytes) -> None:
    """The model, its labels, and the manifest with the sums of both."""
    labels = "".join(f"{label}\n" for label in LABELS).encode()
    (folder / "testcard.tflite").write_bytes(model)
    (folder / "labels.txt").write_bytes(labels)
    sums = {"model": hashlib.sha256(model).hexdigest(), "labels": hashlib.sha256(labels).hexdigest()}
    (folder / "model.yaml").write_text(MANIFEST.format(fill=FILL, stride=STRIDE, **sums), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=24_000)
    parser.add_argument("--passes", type=int, default=6, help="How often each picture is seen.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="That draw pictures.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--full-precision", action="store_true", help="float32 in place of bfloat16.")
    return parser.parse_args()


def _train(made: Pictures, options: argparse.Namespace) -> keras.Model:
    if not options.full_precision:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = network(SIZE, len(LABELS))
    keras.mixed_precision.set_global_policy("float32")
    steps = options.passes * (len(made.pictures) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - WARM_UP), warmup_target=PEAK_RATE, warmup_steps=WARM_UP
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.02, clipnorm=5.0)
    step = _step(model, optimizer)
    start, sums = time.monotonic(), np.zeros(2)
    for number, (pictures, targets) in enumerate(_batches(made, options), 1):
        sums += [float(each) for each in step(tf.constant(pictures), tf.constant(targets))]
        if number % 50 == 0 or number == steps:
            score, box = sums / (number % 50 or 50)
            sums[:] = 0
            print(
                f"{time.monotonic() - start:6.0f} s  step {number}/{steps}  score {score:.4f}  box {box:.4f}",
                flush=True,
            )
    return model


def _batches(made: Pictures, options: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """Each picture once a pass in a new order, half of them mirrored, channels shuffled."""
    chance = np.random.default_rng(options.seed)
    left, right = len(LABELS), len(LABELS) + 2
    for _ in range(options.passes):
        order = chance.permutation(len(made.pictures))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = np.sort(order[start : start + BATCH])
            pictures, targets = made.pictures[chosen], made.targets[chosen]
            mirrored = chance.random(BATCH) < 0.5  # noqa: PLR2004  half of them
            pictures[mirrored] = pictures[mirrored][:, :, ::-1]
            flipped = targets[mirrored][:, :, ::-1].copy()
            flipped[..., [left, right]] = flipped[..., [right, left]]
            targets[mirrored] = flipped
            yield pictures[..., chance.permutation(3)], targets


def _step(model: keras.Model, optimizer: Any) -> Any:
    @tf.function
    def step(pictures: Any, targets: Any) -> tuple[Any, Any]:
        wanted = tf.cast(targets, tf.float32)
        with tf.GradientTape() as tape:
            found = model(tf.cast(pictures, tf.float32) / 127.5 - 1, training=True)
            score = _score_loss(found["scores"], wanted[..., : len(LABELS)])
            box = _box_loss(found["boxes"], wanted[..., len(LABELS) : -1], wanted[..., -1])
            total = score + BOX_WEIGHT * box
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return score, box

    return step


def _score_loss(logits: Any, wanted: Any) -> Any:
    """Quality focal loss (Li et al. 2020, arXiv 2006.04388) over the number of cards."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
    away = tf.abs(wanted - tf.sigmoid(logits)) ** FOCUS
    cards = tf.reduce_sum(tf.cast(wanted >= 1, tf.float32))
    return tf.reduce_sum(away * entropy) / tf.maximum(cards, 1.0)


def _box_loss(found: Any, wanted: Any, weight: Any) -> Any:
    """Generalised IoU (Rezatofighi et al. 2019, arXiv 1902.09630) of distances from the same point."""
    least, most = tf.minimum(found, wanted), tf.maximum(found, wanted)
    common = (least[..., 0] + least[..., 2]) * (least[..., 1] + least[..., 3])
    hull = (most[..., 0] + most[..., 2]) * (most[..., 1] + most[..., 3])
    union = _area(found) + _area(wanted) - common
    overlap = common / tf.maximum(union, 1e-6) - (hull - union) / tf.maximum(hull, 1e-6)
    return tf.reduce_sum((1 - overlap) * weight) / tf.maximum(tf.reduce_sum(weight), 1.0)


def _area(sides: Any) -> Any:
    return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])


def _quantised(model: keras.Model, pictures: Any) -> bytes:
    """Integers throughout: int8 in and out, weights a scale for each channel."""

    @tf.function(input_signature=[tf.TensorSpec((1, SIZE, SIZE, 3), tf.float32, name="picture")])
    def serve(picture: Any) -> Any:
        return model(picture, training=False)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [each[None].astype(np.float32) / np.float32(127.5) - 1] for each in pictures
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


if __name__ == "__main__":
    sys.exit(main())
