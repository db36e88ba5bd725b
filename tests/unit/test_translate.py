"""Settings become plans: what each unit is told, which rungs a ladder gets, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.compose.plans import AcceleratorOptions, Use, accelerator_plan, model_plan
from edged.compose.translate import accelerator_options, broker_settings, camera_plan, watch_plan
from edged.config.settings import Settings
from edged.config.translate import validate
from edged.config.yamlfile import parse
from edged.domain.errors import ConfigurationError, DeviceUnavailableError, EdgedError, ModelError
from edged.domain.predictions import ModelId
from edged.policy.rules import LabelRule, Zone
from edged.vision.bundle import Bundle
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule, Manifest

BASE = """\
device: garage
models: {objects: {path: m}}
cameras: {front: {source: {type: pattern}, model: objects}}
"""
MANIFEST = Manifest("ssd", "classification", "classification", InputRule(), (("scores", 0),))


def settings(text: str = BASE) -> Settings:
    value, findings = validate(
        parse(text.encode(), "f"), {"folder": Path("/etc/edged"), "home": Path("/home/pi")}
    )
    assert value, findings
    return value


def with_camera(lines: str) -> Settings:
    return settings(f"{BASE.rsplit('cameras', 1)[0]}cameras:\n  front:\n    model: objects\n{lines}")


def bundle(name: str = "ssd", *, cpu: bool = True, edgetpu: bool = True, undecided: bool = False) -> Bundle:
    """A model with one file, the other or both."""
    return Bundle(
        replace(MANIFEST, name=name),
        Labels(),
        Path(f"/m/{name}.tflite") if cpu else None,
        Path(f"/m/{name}_edgetpu.tflite") if edgetpu else None,
        "c0ffee00" if cpu else "",
        "7e57ab1e" if edgetpu else "",
        (),
        (),
        compiled=edgetpu,
        ops=1,
        custom_ops=(),
        undecided=undecided,
    )


def rungs(use: Use, *bundles: Bundle, ours: bool = True) -> list[str]:
    plan = accelerator_plan(AcceleratorOptions(use=use), bundles, tpu_is_ours=ours)
    return [job.accelerator for job in plan.rungs]


def test_the_broker_is_told_as_it_was_written() -> None:
    """Address, credentials and certificates arrive; the client's name is the device's."""
    text = "mqtt: {host: broker.lan, username: pi, tls: {ca_file: ca.pem}, protocol: 311, keepalive_s: 9}\n"
    broker = broker_settings(settings(BASE + text), "secret")
    assert (broker.host, broker.port, broker.client_id) == ("broker.lan", 8883, "edged-garage")
    assert (broker.username, broker.password, broker.keepalive_s, broker.protocol) == ("pi", "secret", 9, 311)
    assert broker.tls
    assert broker.tls.ca_file == Path("/etc/edged/ca.pem")


def test_an_empty_tls_section_encrypts() -> None:
    """`tls: {}` is not the same as no section."""
    assert broker_settings(settings(BASE + "mqtt: {tls: {}}\n"), None).tls is not None
    assert broker_settings(settings(), None).tls is None


def test_a_password_in_clear_is_refused_until_it_is_meant() -> None:
    """A password for another host needs TLS, or a word that the network is trusted."""
    text = BASE + "mqtt: {host: broker.lan, username: pi}\n"
    with pytest.raises(ConfigurationError, match=r"broker\.lan:1883"):
        broker_settings(settings(text), "secret")
    meant = text.replace("pi}", "pi, allow_plaintext_credentials: true}")
    assert broker_settings(settings(meant), "secret").password == "secret"  # noqa: S105  a test's
    assert broker_settings(settings(text), None).password == ""


def test_only_accelerators_that_a_camera_uses_are_started() -> None:
    """A section that nobody refers to costs no process."""
    text = "accelerators: {main: {use: cpu, cpu_threads: 3, deadline_s: 2}, spare: {device: 'usb:1'}}\n"
    options = accelerator_options(settings(BASE + text))
    assert options == {"main": AcceleratorOptions("main", "cpu", cpu_threads=3, deadline_s=2.0)}


def test_defaults_of_both_layers_agree() -> None:
    """An accelerator without a word is the same from a file and from the command line."""
    assert accelerator_options(settings()) == {"main": AcceleratorOptions()}


@pytest.mark.parametrize(
    ("source", "lossless", "deadline_s"),
    [
        ("{type: pattern}", False, 10.0),
        ("{type: picamera2, fps: 0.1}", False, 30.0),
        ("{type: images, path: p}", True, 10.0),
        ("{type: images, path: [a.jpg, b.jpg], fps: 0.05}", True, 60.0),
        ("{type: video, path: v.mp4}", False, 10.0),
        ("{type: video, path: v.mp4, realtime: false}", True, 10.0),
    ],
)
def test_sources_that_can_wait_lose_no_frame(source: str, lossless: bool, deadline_s: float) -> None:
    """Files wait for the model, cameras do not; the deadline follows the rate of the frames."""
    camera = with_camera(f"    source: {source}\n").cameras["front"]
    plan = camera_plan("front", camera)
    assert (plan.name, plan.lossless) == ("front", lossless)
    assert plan.deadline_s == pytest.approx(deadline_s)


def test_a_source_is_told_in_plain_values() -> None:
    """What a child gets survives JSON: paths are absolute strings, sizes are lists."""
    camera = with_camera("    source: {type: images, path: [a.jpg], loop: true}\n").cameras["front"]
    source: Any = camera_plan("front", camera).source
    assert source == {"type": "images", "path": ["/etc/edged/a.jpg"], "loop": True, "fps": 1.0}
    pattern: Any = camera_plan("front", settings().cameras["front"]).source
    assert pattern["size"] == [640, 480]


def test_a_label_without_a_threshold_has_the_cameras() -> None:
    """A label's own threshold wins, also where it is 0; the rest of its rule is its own."""
    camera = with_camera("""\
    source: {type: pattern}
    threshold: 0.7
    labels:
      person:
      dog: {threshold: 0, confirm: [2, 3], hold_s: 1.5, min_area: 0.1}
    zones: {drive: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [person]}}
""").cameras["front"]
    plan = watch_plan("front", camera)
    assert plan.rules.default == LabelRule(0.7)
    assert plan.rules.labels == {"person": LabelRule(0.7), "dog": LabelRule(0.0, 0.1, (2, 3), 1.5)}
    assert plan.rules.floor == 0.0
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    assert plan.rules.zones == (Zone("drive", corners, frozenset({"person"})),)
    assert plan.frame_max_fps is None


def test_no_labels_mean_all_labels() -> None:
    """A list, a section or nothing: a list has default rules, nothing reports every label."""
    camera = settings().cameras["front"]
    assert watch_plan("front", camera).rules.labels == {}
    assert watch_plan("front", camera).rules.rule("anything") == LabelRule(0.5)
    listed = with_camera("    source: {type: pattern}\n    labels: [cat]\n").cameras["front"]
    assert watch_plan("front", listed).rules.labels == {"cat": LabelRule(0.5)}
    assert watch_plan("front", listed).rules.rule("dog") is None


def test_the_threshold_follows_the_task() -> None:
    """Without a threshold of its own a camera counts areas from a hundredth of the picture on, all else from 0.5."""
    plain = with_camera("    source: {type: pattern}\n").cameras["front"]
    areas = Manifest("m", "areas", "classmap", InputRule(), (("map", 0),))
    pose = Manifest("m", "pose", "movenet", InputRule(), (("keypoints", 0),))
    plans = [watch_plan("front", plain, manifest) for manifest in (None, pose, areas)]
    assert [plan.rules.default.threshold for plan in plans] == [0.5, 0.5, 0.01]
    given = with_camera("    source: {type: pattern}\n    threshold: 0.2\n    labels: [cat]\n").cameras[
        "front"
    ]
    assert watch_plan("front", given, areas).rules.labels == {"cat": LabelRule(0.2)}


def test_frames_are_published_only_where_asked_for() -> None:
    """The cap means nothing without `frame: true`."""
    capped = with_camera("    source: {type: pattern}\n    publish: {frame_max_fps: 2}\n")
    assert watch_plan("front", capped.cameras["front"]).frame_max_fps is None
    asked = with_camera("    source: {type: pattern}\n    publish: {frame: true, frame_max_fps: 2}\n")
    assert watch_plan("front", asked.cameras["front"]).frame_max_fps == 2.0


BOTH, CPU_ONLY, TPU_ONLY = bundle("both"), bundle("plain", edgetpu=False), bundle("compiled", cpu=False)
CASES: list[tuple[Use, list[Bundle], bool, list[str]]] = [
    ("auto", [BOTH], True, ["edgetpu", "cpu"]),
    ("auto", [BOTH], False, ["cpu"]),
    ("auto", [CPU_ONLY], True, ["cpu"]),
    ("auto", [TPU_ONLY], True, ["edgetpu"]),
    ("auto", [BOTH, CPU_ONLY], True, ["cpu"]),
    ("auto", [BOTH, TPU_ONLY], True, ["edgetpu"]),
    ("edgetpu", [BOTH], True, ["edgetpu", "cpu"]),
    ("edgetpu", [TPU_ONLY], True, ["edgetpu"]),
    ("cpu", [BOTH], True, ["cpu"]),
    ("cpu", [BOTH], False, ["cpu"]),
    ("cpu", [CPU_ONLY], True, ["cpu"]),
]


@pytest.mark.parametrize(("use", "bundles", "ours", "expected"), CASES)
def test_the_rungs_follow_from_the_files(
    use: Use, bundles: list[Bundle], ours: bool, expected: list[str]
) -> None:
    """The Edge TPU comes first where all models are compiled, the CPU follows where all have a twin."""
    assert rungs(use, *bundles, ours=ours) == expected


REFUSED: list[tuple[Use, list[Bundle], bool, type[EdgedError], str]] = [
    ("edgetpu", [CPU_ONLY], True, ModelError, r"plain\.tflite is not compiled"),
    ("edgetpu", [BOTH, CPU_ONLY], True, ModelError, r"plain\.tflite is not compiled"),
    ("edgetpu", [BOTH], False, DeviceUnavailableError, "another process"),
    ("cpu", [TPU_ONLY], True, ModelError, r"compiled_edgetpu\.tflite .* no CPU twin"),
    ("cpu", [BOTH, TPU_ONLY], True, ModelError, r"compiled_edgetpu\.tflite .* no CPU twin"),
    ("auto", [TPU_ONLY], False, DeviceUnavailableError, "another process"),
]


@pytest.mark.parametrize(("use", "bundles", "ours", "kind", "words"), REFUSED)
def test_what_cannot_run_is_refused_with_the_file_and_a_way_out(
    use: Use, bundles: list[Bundle], ours: bool, kind: type[EdgedError], words: str
) -> None:
    """Nothing runs on the CPU in silence, and nothing touches a chip that another process uses."""
    with pytest.raises(kind, match=words) as caught:
        rungs(use, *bundles, ours=ours)
    assert caught.value.fix


def test_a_compiled_and_a_plain_model_cannot_share_an_accelerator() -> None:
    """One model that is only compiled and one that is not have no rung in common; the message says which."""
    with pytest.raises(ModelError, match=r"plain") as caught:
        rungs("auto", TPU_ONLY, CPU_ONLY)
    assert "another process" not in str(caught.value)


@given(
    st.sampled_from(["auto", "edgetpu", "cpu"]),
    st.lists(
        st.sampled_from([BOTH, CPU_ONLY, TPU_ONLY, bundle("ssd", undecided=True)]), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_every_rung_names_the_right_file_of_every_model(use: Use, bundles: list[Bundle], ours: bool) -> None:
    """A plan is refused, or each of its rungs loads all models in order, each from the file for that rung."""
    options = AcceleratorOptions(
        "tpu", use, "lib.so", "usb:0", start_deadline_s=30, deadline_s=3, cpu_threads=2
    )
    try:
        plan = accelerator_plan(options, bundles, tpu_is_ours=ours)
    except EdgedError:
        return
    assert (plan.name, plan.start_deadline_s, plan.deadline_s) == ("tpu", 30, 3)
    assert plan.gives_up == (use != "edgetpu")
    for job in plan.rungs:
        on_tpu = job.accelerator == "edgetpu"
        assert [model.path for model in job.models] == [
            str(each.edgetpu if on_tpu else each.cpu) for each in bundles
        ]
        assert [model.name for model in job.models] == [each.manifest.name for each in bundles]
        assert [bool(model.roles) for model in job.models] == [not each.undecided for each in bundles]
        assert (job.library, job.device, job.threads) == ("lib.so" if on_tpu else None, "usb:0", 2)
        assert ours or not on_tpu


def test_answers_name_the_file_that_gave_them() -> None:
    """A model's identity differs from rung to rung, in the order of the rungs."""
    plan = accelerator_plan(AcceleratorOptions(), [BOTH])
    model = model_plan("objects", BOTH, plan)
    assert model.ids == (ModelId("objects", "7e57ab1e"), ModelId("objects", "c0ffee00"))
