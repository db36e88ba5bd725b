"""Typical mistakes of a technician: each is told at its line and column, in his words."""

from pathlib import Path

import pytest

from edged.config.document import Document
from edged.config.findings import Finding
from edged.config.settings import Settings
from edged.config.settings_cameras import LabelSettings
from edged.config.settings_sources import Picamera2Source
from edged.config.translate import validate
from edged.config.yamlfile import parse

CONTEXT = {"folder": Path("/etc/edged"), "home": Path("/home/pi")}
GOOD = """\
device: garage
mqtt:
  host: broker.lan
  port: 1883
models:
  objects: {path: models/ssd}
cameras:
  front:
    source: {type: picamera2, size: [640, 480], fps: 15}
    model: objects
    threshold: 0.5
    labels:
      person: {confirm: [3, 5], hold_s: 2}
    zones:
      drive: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [person]}
"""


def document(text: str) -> Document:
    return parse(text.encode(), "f")


def settings(text: str) -> Settings:
    value, findings = validate(document(text), CONTEXT)
    assert value, findings
    return value


def findings(text: str) -> tuple[Finding, ...]:
    return validate(document(text), CONTEXT)[1]


def test_a_good_file() -> None:
    """Values arrive in their types, defaults fill the rest, relative paths start at the file's folder."""
    value = settings(GOOD)
    front = value.cameras["front"]
    assert isinstance(front.source, Picamera2Source)
    assert (front.source.size, front.source.rotate, front.accelerator) == ((640, 480), 0, "main")
    assert value.models["objects"].path == Path("/etc/edged/models/ssd")
    assert value.accelerators["main"].use == "auto"
    assert front.zones["drive"].polygon[1] == (1.0, 0.0)


# What is replaced in GOOD, by what, and the finding.
MISTAKES = [
    ("threshold: 0.5", "threshold: 60", "f:11:16: cameras.front.threshold: must be a number between 0 and 1, but is 60 (did you mean 0.6?)"),
    ("threshold: 0.5", 'threshold: "0,6"', "f:11:16: cameras.front.threshold: must be a number between 0 and 1, but is '0,6' (write 0.6)"),
    ("threshold: 0.5", "threshold: 60%", "f:11:16: cameras.front.threshold: must be a number between 0 and 1, but is '60%' (did you mean 0.6?)"),
    ("threshold: 0.5", "threshold: high", "f:11:16: cameras.front.threshold: must be a number between 0 and 1, but is 'high'"),
    ("threshold: 0.5", "threshold:", "f:11:15: cameras.front.threshold: must be a number between 0 and 1, but is empty (give it a value, or remove the line)"),
    ("threshold: 0.5", "threshold: .nan", "f:11:16: cameras.front.threshold: must be a number between 0 and 1, but is .nan"),
    ("threshold: 0.5", "treshold: 0.5", "f:11:5: cameras.front.treshold: unknown key (did you mean threshold?)"),
    ("    threshold: 0.5", "    port: 1883", "f:11:5: cameras.front.port: unknown key (it belongs under mqtt: check the indentation)"),
    ("threshold: 0.5", "gadget: 0.5", "f:11:5: cameras.front.gadget: unknown key (known here: source, model, accelerator, threshold, top_k, labels, zones, values, text, regions, deadline_s, publish)"),
    ("threshold: 0.5", "publish: yes", "f:11:14: cameras.front.publish: must be a section with keys such as frame, frame_max_fps, snapshot, snapshot_interval_s, but is yes (put its keys on the lines below, indented by two spaces)"),
    ("threshold: 0.5", "publish: {frame: 'on'}", "f:11:22: cameras.front.publish.frame: must be true or false, but is 'on' (write true)"),
    ("threshold: 0.5", "top_k: 2.5", "f:11:12: cameras.front.top_k: must be a whole number between 1 and 100, but is 2.5"),
    ("threshold: 0.5", "accelerator: tpu", "f:11:18: cameras.front.accelerator: there is no accelerator called 'tpu' (there is main)"),
    ("fps: 15", "fps: fast", "f:9:54: cameras.front.source.fps: must be a number above 0 and up to 240, but is 'fast'"),
    ("fps: 15", "fps: 15fps", "f:9:54: cameras.front.source.fps: must be a number above 0 and up to 240, but is '15fps' (write 15)"),
    ("fps: 15", "fps: '15'", "f:9:54: cameras.front.source.fps: must be a number above 0 and up to 240, but is '15' (write 15 without quotes)"),
    ("[640, 480]", "640x480", "f:9:37: cameras.front.source.size: must be a list of 2 numbers such as [640, 480], but is '640x480' (write [640, 480])"),
    ("[640, 480]", "[640]", "f:9:37: cameras.front.source.size: must be a list of 2 numbers such as [640, 480], but is a list of 1"),
    ("[640, 480]", "[641, 480]", "f:9:38: cameras.front.source.size[0]: must be an even whole number between 16 and 8192, but is 641"),
    ("fps: 15", "rotate: 90", "f:9:57: cameras.front.source.rotate: must be one of 0, 180, but is 90"),
    ("fps: 15", "camera: []", "f:9:57: cameras.front.source.camera: must be a whole number or text, but is empty"),
    ("type: picamera2", "type: picamera", "f:9:20: cameras.front.source.type: must be one of picamera2, video, images, pattern, but is 'picamera' (did you mean picamera2?)"),
    ("type: picamera2", "type: rtsp", "f:9:20: cameras.front.source.type: the source type rtsp is not in this version (use one of picamera2, video, images, pattern)"),
    ("type: picamera2, ", "", "f:9:5: cameras.front.source.type: this key is missing (one of picamera2, video, images, pattern)"),
    ("{type: picamera2, size: [640, 480], fps: 15}", "picamera2", "f:9:13: cameras.front.source: must be a section with a type, such as {type: picamera2} (write {type: picamera2})"),
    ("{type: picamera2, size: [640, 480], fps: 15}", "{type: images, path: [a, 3]}", "f:9:38: cameras.front.source.path[1]: must be a path, but is 3"),
    ("    model: objects\n", "", "f:8:3: cameras.front.model: this key is missing (add model: objects)"),
    ("model: objects", "model: object", "f:10:12: cameras.front.model: there is no model called 'object' (did you mean objects?)"),
    ("  front:", "  event:", "f:8:3: cameras.event: a camera may not be called 'event': the topic means something else (call it event_cam, for instance)"),
    ("  front:", "  Front Door:", "f:8:3: cameras.Front Door: must be a name of 1 to 32 of the characters a-z, 0-9, _ and -, but is 'Front Door' (write front_door)"),
    ("device: garage", "device: on", 'f:1:9: device: must be a name of 1 to 32 of the characters a-z, 0-9, _ and -, but is on (write "on" in quotes: without them YAML reads true or false)'),
    ("device: garage", "device: 12", 'f:1:9: device: must be a name of 1 to 32 of the characters a-z, 0-9, _ and -, but is 12 (write "12" in quotes)'),
    ("device: garage", "device: Garage", "f:1:9: device: must be a name of 1 to 32 of the characters a-z, 0-9, _ and -, but is 'Garage' (write garage)"),
    ("device: garage", "base: a/b/c/d/e", 'f:1:7: base: must be text such as "acme/site7/edged", but is \'a/b/c/d/e\''),
    ("port: 1883", "port: 99999", "f:4:9: mqtt.port: must be a whole number between 1 and 65535, but is 99999"),
    ("port: 1883", "port: 1883x", "f:4:9: mqtt.port: must be a whole number between 1 and 65535, but is '1883x' (write 1883)"),
    ("port: 1883", "keepalive_s: 5s", "f:4:16: mqtt.keepalive_s: must be a whole number between 5 and 3600, but is '5s' (write 5)"),
    ("host: broker.lan", "host: mqtt://broker", "f:3:9: mqtt.host: must be text of at most 253 characters such as \"broker.lan\", but is 'mqtt://broker'"),
    ("port: 1883", "tls:", "f:4:7: mqtt.tls: must be a section with keys such as ca_file, cert_file, key_file, insecure, but is empty"),
    ("port: 1883", "tls: {key_file: x}", "f:4:19: mqtt.tls.key_file: is a key without its certificate (add cert_file)"),
    ("port: 1883", "password_file: pw", "f:4:18: mqtt.password_file: would be sent without encryption to broker.lan (add `tls: {}`, or"),
    ("mqtt:\n  host: broker.lan\n  port: 1883", "mqtt:\n  host:broker.lan", "f:3:3: mqtt: must be a section with keys such as host, port, username, password_file, but is 'host:broker.lan' (put a space after the colon: host: broker.lan)"),
    ("{path: models/ssd}", "{pth: models/ssd}", "f:6:13: models.objects.pth: unknown key (did you mean path?)"),
    ("{path: models/ssd}", "models/ssd", "f:6:12: models.objects: must be a section with keys such as path, labels_file, but is 'models/ssd'"),
    ("models:\n  objects: {path: models/ssd}\n", "", "f:1:1: models: this key is missing (add models: {objects: {path: "),
    ("[3, 5]", "[5, 3]", "f:13:25: cameras.front.labels.person.confirm: the first number may not be larger than the second: 5 of the last 3 frames is impossible (write [3, 5])"),
    ("[3, 5]", "3", "f:13:25: cameras.front.labels.person.confirm: must be a list of 2 numbers such as [3, 5], but is 3"),
    ("hold_s: 2", "hold_s: -1", "f:13:41: cameras.front.labels.person.hold_s: must be a number between 0 and 3600, but is -1"),
    ("[1, 1]]", "[1, 2]]", "f:15:45: cameras.front.zones.drive.polygon[2][1]: must be a number between 0 and 1, but is 2 (corners are fractions of the frame, not pixels: divide by its width and height)"),
    ("[[0, 0], [1, 0], [1, 1]]", "[[0, 0], [1, 0]]", "f:15:24: cameras.front.zones.drive.polygon: must be a list of at least 3 items such as "),
    ("labels: [person]", "labels: [persn]", "f:15:59: cameras.front.zones.drive.labels[0]: the camera does not report the label 'persn' (did you mean person?)"),
    ("labels: [person]", "labels: person", "f:15:58: cameras.front.zones.drive.labels: must be a list such as [\"person\"], but is 'person' (write [person])"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "text"), MISTAKES, ids=[new.strip()[:30] for _, new, _ in MISTAKES])
def test_a_mistake_is_told_once_and_in_its_place(old: str, new: str, text: str) -> None:
    """One mistake gives one finding: file, line, column, key, what is wrong and what to write."""
    assert old in GOOD
    found = [str(finding) for finding in findings(GOOD.replace(old, new))]
    assert len(found) == 1, found
    assert found[0].startswith(text)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("cameras: {}\n", "f:1:10: cameras: must be a section with a name for each entry, but is empty"),
        ("cameras:\n  - front\n", "f:2:3: cameras: must be a section with a name for each entry, but is a list (write `name:`"),
        ("accelerators: {x: {use: tpu}}\n", "f:1:25: accelerators.x.use: must be one of auto, edgetpu, cpu, but is 'tpu' (did you mean edgetpu?)"),
        ("mqtt: {password: 123456}\n", "f:1:18: mqtt.password: must be text, but is something else"),
    ],
)  # fmt: skip
def test_mistakes_in_other_files(text: str, start: str) -> None:
    """Empty sections, lists for sections and values of an unknown choice are told among other findings."""
    assert any(str(finding).startswith(start) for finding in findings(text)), findings(text)


def test_a_password_is_never_shown() -> None:
    """A finding about the password does not repeat it, and neither does the settings' text."""
    assert "123456" not in str(findings("mqtt: {password: 123456}\n"))
    secret = settings(GOOD.replace("port: 1883", "password: hunter2\n  tls: {}"))
    assert "hunter2" not in repr(secret)


def test_all_mistakes_at_once_in_the_order_of_the_file() -> None:
    """Nothing hides behind another mistake, and the findings are sorted by place."""
    text = GOOD.replace("1883", "x").replace("model: objects", "model: nothing").replace("0.5", "50")
    assert [finding.line for finding in findings(text)] == [4, 10, 11]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_password_may_go_to_this_machine(host: str) -> None:
    """A password needs no encryption where it does not leave the machine."""
    assert settings(GOOD.replace("broker.lan", f'"{host}"').replace("port: 1883", "password_file: pw"))


@pytest.mark.parametrize("extra", ["tls: {}", "allow_plaintext_credentials: true"])
def test_a_password_may_leave_encrypted_or_when_allowed(extra: str) -> None:
    """A password goes to another host with TLS, or when the file says that it may go in clear."""
    value = settings(GOOD.replace("port: 1883", f"password_file: pw\n  {extra}"))
    assert value.mqtt.password_file == Path("/etc/edged/pw")


def test_the_port_follows_tls() -> None:
    """Without a port it is 1883, with TLS 8883; a given one stays."""
    assert settings(GOOD.replace("  port: 1883\n", "")).mqtt.broker_port == 1883
    assert settings(GOOD.replace("port: 1883", "tls: {}")).mqtt.broker_port == 8883
    assert settings(GOOD.replace("1883", "1999")).mqtt.broker_port == 1999


@pytest.mark.parametrize("labels", ["[person, cat]", "{person: , cat: {}}"])
def test_labels_are_a_list_or_a_section(labels: str) -> None:
    """Labels without rules may be a list, or names with nothing after the colon."""
    text = GOOD.replace("\n      person: {confirm: [3, 5], hold_s: 2}", f" {labels}")
    assert settings(text).cameras["front"].label_settings == {
        "person": LabelSettings(),
        "cat": LabelSettings(),
    }


def test_paths_may_start_at_home() -> None:
    """`~/` is the home folder, an absolute path stays."""
    assert settings(GOOD.replace("models/ssd", "~/m")).models["objects"].path == Path("/home/pi/m")
    assert settings(GOOD.replace("models/ssd", "/m")).models["objects"].path == Path("/m")
