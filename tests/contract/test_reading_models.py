"""Models that give values and text, from the file to what a subscriber hears."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from edged.adapters.storage.bundles import load_bundle
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.machine import REPOSITORY, Machine

pytestmark = pytest.mark.runtime
COLOURS = {"r": (0, 0, 255), "g": (0, 255, 0), "-": (255, 0, 0)}
"""Blue, green, red; blue is the blank."""
GAUGE: dict[str, Any] = {
    "name": "gauge",
    "decoder": "linear",
    "values": [
        {"name": "pressure", "unit": "bar", "scale": 10, "range": [0, 10]},
        {"name": "level", "unit": "%", "scale": 200, "offset": -20, "range": [0, 100]},
        {"name": "flow", "range": [0, 0.25]},
    ],
}
PLATE = {"name": "plate", "decoder": "sequence", "collapse": "ctc", "blank": "last", "labels": "labels.txt"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bundles for values and for text, and bare files."""
    for package in ("flatbuffers", "ai_edge_litert"):
        pytest.importorskip(package, reason="writing the models needs flatbuffers and LiteRT's schema")
    from tests.fakes.readings import ACROSS, ALL, mean_model  # noqa: PLC0415  after the check for what it needs

    folder = tmp_path_factory.mktemp("models")
    bundles = {"gauge": (ALL, GAUGE), "plate": (ACROSS, PLATE)}
    for name, (axes, manifest) in bundles.items():
        (folder / name).mkdir()
        (folder / name / "mean.tflite").write_bytes(mean_model(axes))
        (folder / name / "model.yaml").write_text(yaml.safe_dump(manifest))
    (folder / "plate" / "labels.txt").write_text("r\ng\n")
    (folder / "bare.tflite").write_bytes(mean_model(ACROSS))
    (folder / "bare.txt").write_text("r\ng\n")
    (folder / "yes.tflite").write_bytes(mean_model(ALL, sigmoid=True, channels=1))
    (folder / "yes.txt").write_text("dark\nbright\n")
    (folder / "tints.tflite").write_bytes(mean_model(ALL, sigmoid=True))
    (folder / "one.tflite").write_bytes(mean_model(ALL, channels=1))
    return folder


def draw(path: Path, columns: str) -> Path:
    """A picture of sixteen columns, each of one colour."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    for at, colour in enumerate(columns):
        pixels[:, at * 4 : at * 4 + 4] = COLOURS[colour]
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """It reads `rgg`, and is a quarter red and three eighths green."""
    return draw(tmp_path / "rgg.png", "--rrrr-ggg--ggg-")


def edged(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edged", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)


def infer(model: Path, *pictures: Path, raw: bool = False) -> list[Any]:
    """The answers as JSON."""
    done = edged("infer", "--model", model, "--json", *(["--raw"] if raw else []), *pictures)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_values_are_read(models: Path, picture: Path) -> None:
    """Each has its name and unit, scaled, moved and clamped; the raw view shows from what."""
    [answer] = infer(models / "gauge", picture, raw=True)
    pressure, level, flow = answer["values"]
    assert (answer["task"], pressure["name"], pressure["unit"]) == ("value", "pressure", "bar")
    assert pressure["value"] == pytest.approx(2.5, abs=0.1)
    assert level["value"] == pytest.approx(55, abs=1)
    assert (flow["value"], flow["unit"]) == (0.25, "")
    [view] = answer["raw"]
    assert [each["name"] for each in view["values"]] == ["pressure", "level", "flow"]
    assert view["values"][0]["scaled"] == pytest.approx(pressure["value"], abs=1e-4)
    assert view["values"][0]["value"] == pytest.approx(view["values"][0]["stored"] / 255)
    done = edged("infer", "--model", models / "gauge", picture)
    assert f"  pressure: {pressure['value']:g} bar\n" in done.stdout


def test_text_is_read(models: Path, picture: Path, tmp_path: Path) -> None:
    """Columns of one colour are one letter unless a blank parts them; a picture of blanks has no text."""
    nothing = draw(tmp_path / "nothing.png", "-" * 16)
    full, empty = infer(models / "plate", picture, nothing, raw=True)
    assert (full["task"], full["text"], empty["text"]) == ("text", "rgg", "")
    assert full["score"] == pytest.approx(1, abs=0.05)
    [view] = full["raw"]
    assert view["order"] == "steps"
    assert ["rg-"[each["index"][2]] for each in view["values"]] == list("--rrrr-ggg--ggg-")
    lines = edged("infer", "--model", models / "plate", picture, nothing).stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in (lines[1], lines[3])] == ['"rgg"', "no text"]


def test_bare_models_are_known_as_far_as_they_can_be(models: Path, picture: Path) -> None:
    """What is taken for text, for yes or no, and for labels by themselves works at once, with a warning."""
    done = {
        name: edged("infer", "--model", models / f"{name}.tflite", picture)
        for name in ("bare", "yes", "tints")
    }
    assert '"rgg"' in done["bare"].stdout
    assert "taken for text" in done["bare"].stderr
    assert [line.split()[1] for line in done["yes"].stdout.splitlines()[1:]] == ["bright", "dark"]
    assert "the probability of 'bright'" in done["yes"].stderr
    assert len(done["tints"].stdout.splitlines()) == 4
    assert "taken to hold for itself" in done["tints"].stderr


def test_one_plain_value_needs_a_manifest(models: Path, picture: Path, tmp_path: Path) -> None:
    """The refusal is one line, and the manifest that it holds makes the model run."""
    done = edged("infer", "--model", models / "one.tflite", picture)
    assert (done.returncode, len(done.stderr.splitlines())) == (78, 1)
    start, end = done.stderr.index("{name:"), done.stderr.rindex("}") + 1
    (tmp_path / "model.yaml").write_text(done.stderr[start:end])
    (tmp_path / "one.tflite").write_bytes((models / "one.tflite").read_bytes())
    assert infer(tmp_path, picture)[0]["values"][0]["name"] == "value"


@pytest.mark.parametrize("name", ["gauge", "plate"])
def test_the_printed_manifest_can_be_read_again(models: Path, tmp_path: Path, name: str) -> None:
    """What inspect prints as model.yaml describes the same model."""
    text = edged("model", "inspect", models / name).stdout
    for file in (models / name).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.yaml").write_text(text.split("as far as it is known:\n", 1)[1])
    there, before = load_bundle(tmp_path), load_bundle(models / name)
    assert there.manifest == before.manifest
    assert there.labels.names == before.labels.names


def camera(
    folder: Path, columns: Sequence[str], *, model: str, loop: bool = False, **more: Any
) -> dict[str, Any]:
    """A camera that shows these pictures, one after the other."""
    folder.mkdir()
    for number, each in enumerate(columns):
        draw(folder / f"{number:03}.png", each)
    source = {"type": "images", "path": str(folder), "fps": 20, "loop": loop}
    return {"source": source, "model": model, **more}


@pytest.fixture
def start(models: Path, tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """Starts a daemon with cameras, always in the same state folder."""
    machines: list[Machine] = []

    def begin(*, port: int = 0, **cameras: dict[str, Any]) -> Machine:
        used = {each["model"] for each in cameras.values()}
        config: dict[str, Any] = {
            "models": {name: {"path": str(models / name)} for name in used},
            "accelerators": {"main": {"use": "cpu"}},
            "cameras": cameras,
        }
        if port:
            config["mqtt"] = {"host": "127.0.0.1", "port": port}
        machines.append(Machine(tmp_path / "run", config, to_broker=bool(port)))
        return machines[-1]

    yield begin
    for machine in machines:
        machine.close()
        assert "Traceback" not in machine.log()


def test_each_change_is_told_once(start: Callable[..., Machine], tmp_path: Path) -> None:
    """A folder of pictures gives the same events each time: the first value, each that changed enough, each text."""
    pictures = ["r" * 8 + "-" * 8] * 2 + ["r" * 9 + "-" * 7] * 3 + ["-" * 16] * 3
    dial = camera(tmp_path / "a", pictures, model="gauge", values={"pressure": {"smooth": 1, "change": 1}})
    slow, dial["event_interval_s"] = dict(dial), 0
    words = ["r" + "-" * 15, "rg" + "-" * 14, "rg" + "-" * 14, "rg" + "-" * 14, *["-" * 16] * 3]
    plate = camera(tmp_path / "b", words, model="plate", text={"confirm": [2, 3], "hold_s": 0.07})
    machine = start(dial=dial, plate=plate, slow=slow)
    assert machine.finished(30) == 0
    told = [each for each in machine.payloads("/dial/event") if each["name"] == "pressure"]
    assert [round(each["value"], 1) for each in told] == [5.0, 0.0], "a step of 0.6 is less than 1"
    assert [each["frame"]["seq"] for each in told] == [1, 6]
    sums_up(machine, "/dial/reading/pressure", [None, *(each["value"] for each in told), None])
    told = [each for each in machine.payloads("/slow/event") if each["name"] == "pressure"]
    assert [(round(each["value"], 1), each["frame"]["seq"]) for each in told] == [(5.0, 1), (0.0, 8)], (
        "a change soon after another is told when the folder ends"
    )
    assert [(each["text"], each["frame"]["seq"]) for each in machine.payloads("/plate/event")] == [
        ("rg", 3),
        ("", 6),
    ]
    sums_up(machine, "/plate/reading/text", [None, "rg", "", None])


def sums_up(machine: Machine, topic: str, values: list[Any]) -> None:
    """The states of a topic were these, the last one in any case; one that waits to be sent gives way to the next."""
    heard, left = [each["value"] for each in machine.payloads(topic)], iter(values)
    assert all(any(value == other for other in left) for value in heard), heard
    assert heard[-1] == values[-1]


def test_a_finer_rule_is_taken_over(start: Callable[..., Machine], tmp_path: Path) -> None:
    """A reload that changes what counts as a change touches no process, and tells nothing that was told before."""
    shown = ["r" * 8 + "-" * 8, "r" * 9 + "-" * 7]
    dial = camera(tmp_path / "a", shown, model="gauge", loop=True, publish={"frame": True})
    dial["event_interval_s"] = 0
    dial["values"] = {"pressure": {"change": 5}, "level": {"change": 50}, "flow": {"change": 1}}
    machine = start(dial=dial)

    def told() -> list[str]:
        return [each["name"] for each in machine.payloads("/dial/event")]

    machine.wait_for(lambda: len(machine.frames("dial")) > 4)
    assert sorted(told()) == ["flow", "level", "pressure"]
    children = machine.children()
    config = yaml.safe_load(machine.file.read_text())
    config["cameras"]["dial"]["values"]["pressure"] = {"change": 0.1, "smooth": 1}
    machine.file.write_text(yaml.safe_dump(config))
    machine.process.send_signal(signal.SIGHUP)
    machine.wait_for(lambda: len(told()) > 6)
    assert set(told()[3:]) == {"pressure"}
    assert machine.children() == children
    config["cameras"]["dial"]["values"]["presure"] = {}
    machine.file.write_text(yaml.safe_dump(config))
    machine.process.send_signal(signal.SIGHUP)
    machine.wait_for(lambda: "model gauge has no such value (did you mean pressure?)" in machine.log())


def test_a_dashboard_that_comes_later_knows_the_reading(
    start: Callable[..., Machine], tmp_path: Path
) -> None:
    """The last value and the last text wait at the broker; they lose their values with the daemon, and go with their camera."""
    broker = Mosquitto(tmp_path)
    broker.start()
    heard = Subscriber(broker.port, "edged/rig/#")
    dial = camera(tmp_path / "a", ["r" * 8 + "-" * 8], model="gauge", loop=True)
    plate = camera(tmp_path / "b", ["--g---r----gg---"], model="plate", loop=True, threshold=0.8)
    machine = start(port=broker.port, dial=dial, plate=plate)

    def reading(listener: Subscriber, name: str) -> Any:
        said = listener.payloads(f"edged/rig/{name}")
        return json.loads(said[-1]) if said and said[-1] else None

    def known(listener: Subscriber) -> bool:
        text, pressure = (reading(listener, name) for name in ("plate/reading/text", "dial/reading/pressure"))
        return bool(text and text["value"] == "grg" and pressure and pressure["value"])

    assert eventually(lambda: known(heard)), machine.log()
    late = Subscriber(broker.port, "edged/rig/#")
    assert eventually(lambda: known(late))
    assert reading(late, "dial/reading/pressure")["unit"] == "bar"
    assert reading(late, "plate/reading/text")["score"] > 0.9
    assert all(message.retain for message in late.messages if "/reading/" in message.topic)
    events = [json.loads(each) for each in heard.payloads("edged/rig/plate/event")]
    assert [(each["type"], each["text"], each["threshold"]) for each in events] == [("text", "grg", 0.8)]
    assert machine.end()[0] == 0
    assert eventually(lambda: reading(heard, "plate/reading/text")["value"] is None)
    machine = start(port=broker.port, dial=dial)
    assert eventually(lambda: heard.payloads("edged/rig/plate/reading/text")[-1] == b""), machine.log()
    assert eventually(lambda: reading(heard, "dial/reading/pressure")["value"]), machine.log()
    machine.end()
    for listener in (heard, late):
        listener.close()
    broker.stop()


def test_regions_that_go_take_their_readings_with_them(start: Callable[..., Machine], tmp_path: Path) -> None:
    """Each region has topics of its own; after a reload without it they are cleared, and those of others go on."""
    broker = Mosquitto(tmp_path)
    broker.start()
    heard = Subscriber(broker.port, "edged/rig/+/reading/#")
    halves = {"left": [0, 0, 0.5, 1], "right": [0.5, 0, 0.5, 1]}
    dial = camera(tmp_path / "a", ["r" * 8 + "g" * 8], model="gauge", loop=True, regions=halves)
    machine = start(port=broker.port, dial=dial)

    def kept() -> dict[str, Any]:
        last = {each.topic.rpartition("/")[2]: each.payload for each in list(heard.messages)}
        return {name: json.loads(payload)["value"] for name, payload in last.items() if payload}

    left, right = {"left_pressure": 10.0, "left_level": 0.0}, {"right_pressure": 0.0, "right_level": 100.0}
    flows = {"left_flow": 0.0, "right_flow": 0.0}
    assert eventually(lambda: kept() == {**left, **right, **flows}, 15), (kept(), machine.log())
    config = yaml.safe_load(machine.file.read_text())
    del config["cameras"]["dial"]["regions"]["right"]
    machine.file.write_text(yaml.safe_dump(config))
    machine.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: kept() == {**left, "left_flow": 0.0}, 15), (kept(), machine.log())
    assert machine.end()[0] == 0
    assert eventually(lambda: kept() == dict.fromkeys((*left, "left_flow")))
    heard.close()
    broker.stop()
