"""What one part of a configuration demands of another; looks at plain values, so that it works on broken ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from edged.config.document import Path
from edged.config.hidden import masked
from edged.config.wording import did_you_mean
from edged.domain.hosts import is_local


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something at `path` that does not go with the rest."""

    path: Path
    message: str
    suggestion: str


def check(data: dict[str, Any]) -> Iterator[Conflict]:
    """Everything that does not fit together; values of a wrong kind are passed over."""
    cameras = _section(data, "cameras")
    names = {
        "models": list(_section(data, "models")),
        "accelerators": list(_section(data, "accelerators")) or ["main"],
    }
    for name, camera in cameras.items():
        if isinstance(camera, dict):
            yield from _check_name(("cameras", name, "model"), camera.get("model"), names["models"])
            yield from _check_accelerator(name, camera, names["accelerators"])
            yield from _check_zones(name, camera)
    yield from _check_mqtt(_section(data, "mqtt"))


def _section(data: dict[str, Any], key: str) -> dict[str, Any]:
    section = data.get(key)
    return section if isinstance(section, dict) else {}


def _check_name(path: Path, name: object, known: list[str]) -> Iterator[Conflict]:
    if isinstance(name, str) and known and name not in known:
        yield Conflict(path, f"there is no {path[-1]} called '{name}'", did_you_mean(name, known))


def _check_accelerator(camera_name: str, camera: dict[str, Any], known: list[str]) -> Iterator[Conflict]:
    path = ("cameras", camera_name, "accelerator")
    if "accelerator" in camera:
        yield from _check_name(path, camera["accelerator"], known)
    elif "main" not in known:
        yield Conflict(path, "there is no accelerator called 'main'", f"add accelerator: {known[0]}")


def _check_zones(camera_name: str, camera: dict[str, Any]) -> Iterator[Conflict]:
    """A zone for a label that the camera does not report would never say anything."""
    labels = [each for each in camera.get("labels") or () if isinstance(each, str)]
    for name, zone in _section(camera, "zones").items():
        wanted = zone.get("labels") if isinstance(zone, dict) else None
        for i, label in enumerate(wanted if isinstance(wanted, list) else ()):
            if labels and isinstance(label, str) and label not in labels:
                path = ("cameras", camera_name, "zones", name, "labels", i)
                yield Conflict(
                    path, f"the camera does not report the label '{label}'", did_you_mean(label, labels)
                )


def _check_mqtt(mqtt: dict[str, Any]) -> Iterator[Conflict]:
    checks: tuple[Callable[[dict[str, Any]], Conflict | None], ...] = (_two_passwords, _in_clear, _lonely_key)
    for each in checks:
        conflict = each(mqtt)
        if conflict:
            yield conflict


def _two_passwords(mqtt: dict[str, Any]) -> Conflict | None:
    if not (mqtt.get("password") and mqtt.get("password_file")):
        return None
    return Conflict(("mqtt", "password"), "password_file is given too", "remove the line with password")


def _in_clear(mqtt: dict[str, Any]) -> Conflict | None:
    host = mqtt.get("host", "localhost")
    key = "password" if mqtt.get("password") else "password_file"
    allowed = mqtt.get("allow_plaintext_credentials") is True or "tls" in mqtt
    if not mqtt.get(key) or allowed or not isinstance(host, str) or is_local(host):
        return None
    return Conflict(
        ("mqtt", key),
        f"would be sent without encryption to {masked(host)}",
        "add `tls: {}`, or `allow_plaintext_credentials: true` if everybody on that network may read it",
    )


def _lonely_key(mqtt: dict[str, Any]) -> Conflict | None:
    tls = _section(mqtt, "tls")
    if "key_file" not in tls or "cert_file" in tls:
        return None
    return Conflict(("mqtt", "tls", "key_file"), "is a key without its certificate", "add cert_file")
