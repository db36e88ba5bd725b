"""What a pose and a map of classes really said, for the raw view."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.manifest import Manifest
from edged.vision.maphead import map_layout
from edged.vision.posehead import BOX, pose_layout
from edged.vision.rawnumbers import highest, number

Shown = tuple[str, list[dict[str, Any]]]


def explain_shape(
    output: Tensor,
    spec: TensorSpec,
    values: NDArray[np.float64],
    role: str,
    manifest: Manifest,
    limit: int,
) -> Shown | None:
    """In which order a pose's or a map's elements are shown, and those; None for any other output."""
    match manifest.decoder, role:
        case "yolov8pose", "head":
            return "highest", explain_pose_head(output, spec, values, manifest, limit)
        case "movenet", "keypoints":
            return "first", explain_points(output, values, manifest)
        case "classmap", "map":
            return "commonest", explain_map(output, spec, limit)
    return None


def explain_points(output: Tensor, values: NDArray[np.float64], manifest: Manifest) -> list[dict[str, Any]]:
    """MoveNet's points, each by its name with y, x and score; nothing for what is no list of them."""
    names = manifest.keypoints if output.size == 3 * len(manifest.keypoints) else ()
    return [
        {
            "point": name,
            "index": [int(each) for each in np.unravel_index(3 * at, output.shape)],
            **_parts(output, values, range(3 * at, 3 * at + 3), ("y", "x", "score")),
        }
        for at, name in enumerate(names)
    ]


def explain_map(output: Tensor, spec: TensorSpec, limit: int) -> list[dict[str, Any]]:
    """How many cells each class has in the whole tensor, padding included, the commonest first; nothing for no map."""
    layout = map_layout(spec)
    if layout is None:
        return []
    ids, counts = np.unique(layout.ids(output), return_counts=True)
    return [
        {"class": int(ids[at]), "cells": int(counts[at])} for at in highest(counts.astype(np.float64), limit)
    ]


def explain_pose_head(
    output: Tensor, spec: TensorSpec, values: NDArray[np.float64], manifest: Manifest, limit: int
) -> list[dict[str, Any]]:
    """The highest class scores of the rows, each with its row's box and points; nothing for what is no such head."""
    layout = pose_layout(spec, len(manifest.keypoints), 0)
    if layout is None:
        return []
    places = layout.rows.rows_of(np.arange(output.size).reshape(output.shape)).astype(np.intp)
    scores = places[:, BOX : layout.points]
    shown = []
    for rank in highest(values[scores].reshape(-1), limit):
        row, column = divmod(rank, layout.classes)
        at = int(scores[row, column])
        points = places[row, layout.points :].reshape(-1, layout.numbers).tolist()
        shown.append(
            {
                "index": [int(each) for each in np.unravel_index(at, output.shape)],
                **number(output, values, at),
                "box": [number(output, values, each) for each in places[row, :BOX].tolist()],
                "keypoints": [
                    {"point": name} | _parts(output, values, each, ("x", "y", "score"))
                    for name, each in zip(manifest.keypoints, points, strict=True)
                ],
            }
        )
    return shown


def _parts(
    output: Tensor, values: NDArray[np.float64], places: Sequence[int], names: Sequence[str]
) -> dict[str, Any]:
    """The numbers of a point, each by what it is."""
    return {name: number(output, values, at) for name, at in zip(names, places, strict=False)}
