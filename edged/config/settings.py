"""The whole configuration, each key described once: validation, sample, reference and schema come from here."""

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from edged.config.fields import BASE_PATTERN, CameraId, FilePath, Id, Section, legal_id, setting
from edged.config.settings_cameras import CameraSettings
from edged.config.settings_mqtt import MqttSettings


class ModelSettings(Section):
    """A model that cameras may use."""

    path: FilePath = setting(
        "Folder with a `model.yaml`, a bare .tflite file, or `bundled:testcard`, which ships with edged.",
        example="/var/lib/edged/models/ssd_mobilenet_v2",
    )
    labels_file: FilePath | None = setting(
        "Label file to use instead of the one that the model brings.", None, example="labels.txt"
    )


class AcceleratorSettings(Section):
    """A chip, or the processor, that runs models."""

    use: Literal["auto", "edgetpu", "cpu"] = setting(
        "edgetpu, cpu, or auto: an Edge TPU where there is one, else the CPU.", "auto", example="edgetpu"
    )
    library: Annotated[str, StringConstraints(min_length=1)] = setting(
        "File name of the Edge TPU library.", "libedgetpu.so.1", example="/usr/lib/libedgetpu.so.1"
    )
    device: str = setting(
        "Which Edge TPU, as the library names it; empty means the first free one.", "", example="usb:0"
    )
    start_deadline_s: float = setting(
        "Seconds until the chip must be ready; a USB one may take many tries.", 60.0, gt=0, le=600, example=90
    )
    deadline_s: float = setting(
        "Seconds that one run of a model may take before the chip counts as hanging.",
        5.0,
        gt=0,
        le=600,
        example=10,
    )
    retry_s: float = setting(
        "Seconds until a chip that failed is tried again; each vain try doubles the time, up to 300.",
        30.0,
        ge=1,
        le=3600,
        example=60,
    )
    cpu_threads: int = setting("Threads that a model uses on the CPU.", 1, ge=1, le=64, example=2)


class Settings(Section):
    """The configuration of one device."""

    device: Id = setting(
        "Name of this device in topics; the host name where it is left out.",
        default_factory=lambda: legal_id(socket.gethostname()),
        example="garage",
    )
    base: Annotated[str, StringConstraints(pattern=BASE_PATTERN)] = setting(
        "First part of every topic; it may hold up to three slashes.", "edged", example="acme/site7/edged"
    )
    state_dir: FilePath = setting(
        "Folder for the outbox; $STATE_DIRECTORY or ~/.local/state/edged where it is left out.",
        default_factory=lambda: Path.home() / ".local/state/edged",
        example="/var/lib/edged",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "How much is written to the log.", "info", example="debug"
    )
    stats_interval_s: float = setting(
        "Seconds between two `stats` messages.", 30.0, ge=1, le=3600, example=60
    )
    mqtt: MqttSettings = setting("The broker.", default_factory=MqttSettings)
    models: Annotated[dict[Id, ModelSettings], Field(min_length=1)] = setting(
        "Models by name.", example={"objects": {"path": "/var/lib/edged/models/ssd_mobilenet_v2"}}
    )
    accelerators: Annotated[dict[Id, AcceleratorSettings], Field(min_length=1)] = setting(
        "Accelerators by name.", default_factory=lambda: {"main": AcceleratorSettings()}
    )
    cameras: Annotated[dict[CameraId, CameraSettings], Field(min_length=1, max_length=64)] = setting(
        "Cameras by name.", example={"front": {"source": {"type": "picamera2"}, "model": "objects"}}
    )
