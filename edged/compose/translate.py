"""Settings as the inner layers want them: plain values, nothing of the configuration's library."""

from collections.abc import Mapping
from typing import Any

from edged.adapters.mqtt.settings import BrokerSettings, TlsSettings
from edged.compose.plans import AcceleratorOptions
from edged.compose.readings import event_interval_s, lowest_score, text_rule, value_rules
from edged.config.settings import Settings
from edged.config.settings_cameras import CameraSettings, PublishSettings
from edged.daemon.camera_unit import CameraPlan
from edged.daemon.watch import SnapshotPlan, WatchPlan
from edged.domain.geometry import Box
from edged.domain.regions import Region
from edged.policy.rules import CameraRules, LabelRule, Zone
from edged.vision.manifest import Manifest
from edged.vision.snapshot import Sheet


def broker_settings(settings: Settings, password: str | None) -> BrokerSettings:
    """Where the broker is and how to log in."""
    mqtt = settings.mqtt
    tls = mqtt.tls
    return BrokerSettings(
        host=mqtt.host,
        port=mqtt.broker_port,
        client_id=f"edged-{settings.device}",
        username=mqtt.username,
        password=password or "",
        tls=TlsSettings(tls.ca_file, tls.cert_file, tls.key_file, tls.insecure) if tls else None,
        keepalive_s=mqtt.keepalive_s,
        protocol=mqtt.protocol,
        allow_plaintext_credentials=mqtt.allow_plaintext_credentials,
    )


def accelerator_options(settings: Settings) -> dict[str, AcceleratorOptions]:
    """The accelerators that some camera uses, by name."""
    used = {camera.accelerator for camera in settings.cameras.values()}
    return {
        name: AcceleratorOptions(
            name,
            each.use,
            each.library,
            each.device,
            each.start_deadline_s,
            each.deadline_s,
            each.retry_s,
            each.cpu_threads,
        )
        for name, each in settings.accelerators.items()
        if name in used
    }


def camera_plan(name: str, camera: CameraSettings) -> CameraPlan:
    """The source as its child is told of it; what can wait loses no frame."""
    source: Mapping[str, Any] = camera.source.model_dump(mode="json")
    waits = source["type"] == "images" or (source["type"] == "video" and not source["realtime"])
    interval_s = 1 / source["fps"] if source.get("fps") else 1.0
    deadline_s = camera.deadline_s or max(10.0, 3 * interval_s)
    return CameraPlan(name, source, lossless=waits, deadline_s=deadline_s)


def watch_plan(name: str, camera: CameraSettings, manifest: Manifest) -> WatchPlan:
    """The rules of a camera whose model is this one."""
    threshold = lowest_score(camera, manifest)
    rules = CameraRules(
        default=LabelRule(threshold),
        labels={
            label: LabelRule(
                threshold if rule.threshold is None else rule.threshold,
                rule.min_area,
                rule.confirm,
                rule.hold_s,
            )
            for label, rule in camera.label_settings.items()
        },
        zones=tuple(
            Zone(zone, tuple(each.polygon), frozenset(each.labels)) for zone, each in camera.zones.items()
        ),
        values=value_rules(camera, manifest),
        text=text_rule(camera, manifest),
        event_interval_s=event_interval_s(camera, manifest),
    )
    publish = camera.publish
    return WatchPlan(
        name,
        rules,
        publish.frame_max_fps if publish.frame else None,
        _snapshot_plan(publish) if publish.snapshot else None,
        tuple(camera.regions),
    )


def _snapshot_plan(publish: PublishSettings) -> SnapshotPlan:
    sheet = Sheet(publish.snapshot_side, publish.snapshot_max_kb * 1000)
    return SnapshotPlan(publish.snapshot_interval_s, sheet)


def camera_regions(camera: CameraSettings) -> tuple[Region, ...]:
    """The parts of the frame that are shown to the model, in the order of the file."""
    return tuple(Region(name, Box(*region)) for name, region in camera.regions.items())
