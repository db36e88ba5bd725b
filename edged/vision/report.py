"""What `edged model inspect` says of a bundle, as plain JSON values."""

from dataclasses import asdict

from edged.domain.tensors import TensorSpec
from edged.vision.bundle import Bundle
from edged.vision.manifest import OWN_KEYS
from edged.vision.quantities import plain_quantities


def describe(bundle: Bundle) -> dict[str, object]:
    """The bundle as a JSON object: task, decoder, compiled, inputs, outputs, labels, warnings, and more."""
    manifest = bundle.manifest
    own = OWN_KEYS[manifest.decoder]
    return {
        "name": manifest.name,
        "task": manifest.task,
        "decoder": manifest.decoder,
        "compiled": bundle.compiled,
        "inputs": [describe_tensor(spec) for spec in bundle.inputs],
        "outputs": [describe_tensor(spec) for spec in bundle.outputs],
        "roles": None if bundle.undecided else dict(manifest.roles),
        "activation": manifest.activation,
        "background": manifest.background,
        "strides": list(manifest.strides),
        "coordinates": manifest.coordinates if "coordinates" in own else None,
        "nms": asdict(manifest.nms) if "nms" in own else None,
        "values": plain_quantities(manifest.values),
        "collapse": manifest.collapse if "collapse" in own else None,
        "blank": manifest.blank if "blank" in own else None,
        "keypoints": list(manifest.keypoints) if "keypoints" in own else None,
        "labels": {"count": len(bundle.labels), "source": bundle.labels.source},
        "cpu": str(bundle.cpu) if bundle.cpu else None,
        "edgetpu": str(bundle.edgetpu) if bundle.edgetpu else None,
        "sha": {"cpu": bundle.cpu_sha, "edgetpu": bundle.edgetpu_sha},
        "ops": bundle.ops,
        "custom_ops": list(bundle.custom_ops),
        "placement": {
            "decided_by": "compiler" if bundle.placement.compiled else "documentation",
            "on_edgetpu": bundle.placement.on_edgetpu,
            "on_cpu": [asdict(left) for left in bundle.placement.on_cpu],
        },
        "warnings": list(bundle.warnings),
    }


def describe_tensor(spec: TensorSpec) -> dict[str, object]:
    """A tensor as a JSON object; scale and zero point are null where it isn't quantised."""
    quantization = spec.quantization
    return {
        "name": spec.name,
        "shape": list(spec.shape),
        "dtype": spec.dtype,
        "scale": quantization.scale if quantization else None,
        "zero_point": quantization.zero_point if quantization else None,
    }
