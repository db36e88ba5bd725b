"""Pictures of a whole daemon: which frame they show, who gets them, and what happens when their process fails."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edged.adapters.pixels.drawing import colour_of
from edged.adapters.pixels.opencv import prepare, read_picture
from edged.adapters.system.asking import ask
from edged.ports import Pixels
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.conftest import Start
from tests.system.machine import REPOSITORY, Machine
from tests.system.parts import camera, colours, on_cpu, pattern

pytestmark = pytest.mark.rig
NAMES = {"red": 0, "green": 1, "blue": 2}
FAINT = 40
"""By how much JPEG changes a colour at most."""


@pytest.fixture(autouse=True)
def quiet() -> None:
    """OpenCV says nothing."""
    prepare()


def with_pictures(source: dict[str, Any], **publish: Any) -> dict[str, Any]:
    """A camera that publishes frames and pictures."""
    made = camera(source)
    return {**made, "publish": {**made["publish"], "snapshot": True, "snapshot_interval_s": 1, **publish}}


def pictures(machine: Machine, folder: Path, name: str = "front") -> list[Pixels]:
    """What was published so far, decoded."""
    found = [base64.b64decode(each["base64"]) for each in machine.payloads(f"/rig/{name}/snapshot")]
    return [opened(jpeg, folder) for jpeg in found]


def opened(jpeg: bytes, folder: Path) -> Pixels:
    """A JPEG as RGB."""
    file = folder / "picture.jpg"
    file.write_bytes(jpeg)
    return read_picture(file)


def is_right(picture: Pixels) -> bool:
    """Whether the colour behind the best class's name is that class's, and the picture's that of the class.

    The words stand in the top left corner, on the colour of their class.
    """
    ground = picture[-1, -1].astype(int)
    shown = ("red", "green", "blue")[int(ground.argmax())]
    return bool((abs(picture[1, 1] - np.array(colour_of(NAMES[shown]))) < FAINT).all())


def painter_of(machine: Machine) -> int:
    """The process that makes the pictures."""
    (pid,) = machine.wait_for(lambda: machine.children("painter"))
    return pid


def test_what_is_drawn_belongs_to_the_very_frame(start: Start, tmp_path: Path) -> None:
    """Colours change with each of twenty frames a second, and no picture has the class of the frame before or after."""
    source = colours(tmp_path / "shown", ("red", "green", "blue"))
    machine = start(on_cpu(front=with_pictures(source), back=with_pictures({**source, "fps": 13})))
    machine.wait_for(lambda: len(machine.payloads("/rig/front/snapshot")) >= 4, 20)
    machine.wait_for(lambda: len(machine.payloads("/rig/back/snapshot")) >= 4, 20)
    found = pictures(machine, tmp_path) + pictures(machine, tmp_path, "back")
    assert [is_right(picture) for picture in found] == [True] * len(found)
    assert len({picture[-1, -1].argmax() for picture in found}) > 1
    assert machine.problems() == set()


def test_the_mask_of_a_model_of_areas_is_in_the_picture(
    start: Start, test_data: Path, tmp_path: Path
) -> None:
    """It is what `edged infer --draw` draws over the same picture, but for what JPEG costs."""
    folder, drawn = tmp_path / "shown", tmp_path / "drawn.png"
    folder.mkdir()
    (folder / "cat.bmp").symlink_to(test_data / "images" / "cat.bmp")
    model = test_data / "models" / "deeplabv3_mnv2_dm05_pascal_quant.tflite"
    command = [sys.executable, "-m", "edged", "infer", "--use", "cpu", "--model", str(model)]
    subprocess.run([*command, "--draw", str(drawn), str(folder / "cat.bmp")], check=True, cwd=REPOSITORY)
    source = {"type": "images", "path": str(folder), "loop": True, "fps": 4}
    front = with_pictures(source, snapshot_side=1920, snapshot_max_kb=1000)
    machine = start(on_cpu(model=model, front={**front, "top_k": 5}))
    machine.wait_for(lambda: machine.payloads("/rig/front/snapshot"), 30)
    ours, theirs = pictures(machine, tmp_path)[0], read_picture(drawn)
    plain = read_picture(folder / "cat.bmp")
    assert ours.shape == theirs.shape == plain.shape
    assert abs(ours.astype(int) - theirs).mean() < 3
    assert abs(ours.astype(int) - plain).mean() > 10


def test_a_picture_is_no_larger_than_allowed(start: Start, test_data: Path, tmp_path: Path) -> None:
    """Twelve kilobytes and 300 pixels hold photographs too, in their proportions."""
    source = {"type": "images", "path": str(test_data / "images"), "loop": True, "fps": 5}
    front = with_pictures(source, snapshot_side=300, snapshot_max_kb=12)
    machine = start(on_cpu(front={**front, "regions": {"left": [0, 0, 0.5, 1], "right": [0.5, 0, 0.5, 1]}}))
    machine.wait_for(lambda: len(machine.payloads("/rig/front/snapshot")) >= 4, 20)
    sizes = [len(base64.b64decode(each["base64"])) for each in machine.payloads("/rig/front/snapshot")]
    assert max(sizes) <= 12_000
    assert all(max(picture.shape) <= 300 for picture in pictures(machine, tmp_path))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_only_pictures_suffer_from_their_process(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    """A problem until the next picture is there; every frame is answered meanwhile, and no process is left over."""
    machine = start(on_cpu(front=with_pictures(pattern(fps=20))))
    machine.wait_for(lambda: machine.payloads("/rig/front/snapshot"))
    before = len(machine.frames())
    first = painter_of(machine)
    os.kill(first, number)
    machine.wait_for(lambda: "snapshot_failed" in machine.problems(), 20)
    count = len(machine.payloads("/rig/front/snapshot"))
    machine.wait_for(lambda: len(machine.payloads("/rig/front/snapshot")) > count, 20)
    machine.wait_for(lambda: machine.problems() == set())
    seqs = [each.payload["frame"]["seq"] for each in machine.frames()[before:]]
    assert len(seqs) >= 0.95 * (seqs[-1] - seqs[0] + 1)
    assert painter_of(machine) != first
    assert machine.system_events() == []
    assert machine.end()[0] == 0


def test_what_failed_is_tried_again_soon_and_its_problem_ends(
    start: Start, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Ten seconds later, however seldom a picture is due; and nobody reads of a picture that nobody wants any more."""
    mosquitto.start()
    heard = Subscriber(mosquitto.port, "edged/rig/problem")
    asked = start({**on_cpu(), "mqtt": {"host": "127.0.0.1", "port": mosquitto.port}}, to_broker=True)
    seldom = start(on_cpu(front=with_pictures(pattern(), snapshot_interval_s=3600)))
    seldom.wait_for(lambda: seldom.payloads("/rig/front/snapshot"))
    os.kill(painter_of(seldom), signal.SIGKILL)
    seldom.wait_for(lambda: "snapshot_failed" in seldom.problems())
    with ThreadPoolExecutor() as pool:
        wish = pool.submit(snapshot, asked, "front", folder=tmp_path)
        os.kill(painter_of(asked), signal.SIGKILL)
        assert wish.result().returncode in {75, 0}  # a picture may be faster than we are
    assert eventually(lambda: any(b"snapshot_failed" in each for each in heard.payloads("edged/rig/problem")))
    assert eventually(lambda: b"snapshot_failed" not in heard.payloads("edged/rig/problem")[-1], 20)
    seldom.wait_for(lambda: len(seldom.payloads("/rig/front/snapshot")) == 2, 20)
    seldom.wait_for(lambda: seldom.problems() == set())
    heard.close()


def test_pictures_follow_a_camera_that_is_started_again(start: Start, tmp_path: Path) -> None:
    """Its process is killed, and the next picture is one of the new process's frames."""
    machine = start(on_cpu(front=with_pictures(colours(tmp_path / "shown"))))
    machine.wait_for(lambda: machine.payloads("/rig/front/snapshot"))
    (first,) = machine.children("camera")
    os.kill(first, signal.SIGKILL)
    killed_s = time.monotonic()
    machine.next_frame_s(killed_s + 0.1)
    count = len(machine.payloads("/rig/front/snapshot"))
    machine.wait_for(lambda: len(machine.payloads("/rig/front/snapshot")) >= count + 2)
    found = pictures(machine, tmp_path)
    assert [is_right(picture) for picture in found] == [True] * len(found)
    assert "snapshot_failed" not in machine.problems()


def test_nobody_paints_where_no_picture_is_wanted(start: Start, mosquitto: Mosquitto) -> None:
    """Without the option, or without a broker to send to, there is no process for it."""
    machine = start(on_cpu(front=camera(pattern())))
    machine.wait_for(machine.frames)
    config = on_cpu(front=with_pictures(pattern()))
    lonely = start({**config, "mqtt": {"host": "127.0.0.1", "port": mosquitto.port}}, to_broker=True)
    time.sleep(3)
    assert len(machine.children("camera")) == len(lonely.children("camera")) == 1
    assert machine.children("painter") == lonely.children("painter") == []
    mosquitto.start()
    painter_of(lonely)


def test_a_picture_goes_with_its_option(start: Start, mosquitto: Mosquitto) -> None:
    """Retained for who comes later; cleared by the reload that takes the option out, while the camera goes on."""
    mosquitto.start()
    heard = Subscriber(mosquitto.port, "edged/rig/#")
    config = {
        **on_cpu(front=with_pictures(pattern())),
        "mqtt": {"host": "127.0.0.1", "port": mosquitto.port},
    }
    machine = start(config, to_broker=True)
    assert eventually(lambda: heard.payloads("edged/rig/front/snapshot"), 15)
    late = Subscriber(mosquitto.port, "edged/rig/front/snapshot")
    assert eventually(lambda: late.messages and late.messages[0].retain)
    assert 0 < late.messages[0].properties.MessageExpiryInterval <= 4  # type: ignore[union-attr]  # of MQTT 5
    children = machine.children("camera")
    kept = yaml.safe_load(machine.file.read_text())
    kept["cameras"]["front"]["publish"] = {"frame": True}
    machine.file.write_text(yaml.safe_dump(kept))
    answer = ask([Path(kept["state_dir"]) / "control.sock"], "reload", timeout_s=30)
    assert answer.text.startswith("reloaded: the new rules count")
    assert eventually(lambda: heard.payloads("edged/rig/front/snapshot")[-1] == b"")
    time.sleep(2)
    assert heard.payloads("edged/rig/front/snapshot")[-1] == b""
    assert machine.children("camera") == children
    later = Subscriber(mosquitto.port, "edged/rig/front/snapshot")
    time.sleep(0.5)
    assert later.messages == []
    for each in (heard, late, later):
        each.close()


def snapshot(machine: Machine, *arguments: str, folder: Path) -> "subprocess.CompletedProcess[bytes]":
    """`edged snapshot`, asked of this daemon."""
    socket = Path(yaml.safe_load(machine.file.read_text())["state_dir"]) / "control.sock"
    command = [sys.executable, "-P", "-m", "edged", "snapshot", *arguments, "--socket", str(socket)]
    return subprocess.run(command, capture_output=True, check=False, cwd=folder, timeout=100)


def answer_once_online(
    machine: Machine, name: str, folder: Path
) -> "subprocess.CompletedProcess[bytes] | None":
    """What is answered for a camera that has shown its first frame; None before."""
    said = snapshot(machine, name, folder=folder)
    return None if b"delivers no frames" in said.stderr else said


def test_a_technician_takes_a_picture(start: Start, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Of any camera, with or without a broker; into a file, another one or a pipe; each mistake has its own exit code."""
    source = colours(tmp_path / "shown", ("red", "green", "blue"))
    config = on_cpu(front=camera(source), gone=camera(pattern(frames=2)), slow=camera(pattern(fps=0.07)))
    machine = start({**config, "mqtt": {"host": "127.0.0.1", "port": mosquitto.port}}, to_broker=True)
    machine.wait_for(lambda: "camera gone: end of source" in machine.log(), 30)
    machine.wait_for(lambda: snapshot(machine, "front", folder=tmp_path).returncode == 0, 30)
    assert is_right(read_picture(tmp_path / "front.jpg"))
    for _ in range(5):
        piped = snapshot(machine, "front", "-o", "-", folder=tmp_path)
        assert is_right(opened(piped.stdout, tmp_path))
    told = json.loads(snapshot(machine, "front", "-o", "a.jpg", "--json", folder=tmp_path).stdout)
    assert (told["camera"], told["file"], told["seq"] > 0) == ("front", "a.jpg", True)
    assert told["bytes"] == (tmp_path / "a.jpg").stat().st_size <= 140_000
    unknown = snapshot(machine, "frnt", folder=tmp_path)
    assert (unknown.returncode, b"there are: front, gone, slow" in unknown.stderr) == (64, True)
    gone = snapshot(machine, "gone", folder=tmp_path)
    assert (gone.returncode, gone.stderr) == (75, b"camera gone delivers no frames\n")
    slow = machine.wait_for(lambda: answer_once_online(machine, "slow", tmp_path), 40)
    assert (slow.returncode, b"no frame of camera slow was answered for 10 s" in slow.stderr) == (75, True)
    nowhere = snapshot(machine, "front", "-o", "no/such/folder.jpg", folder=tmp_path)
    assert (nowhere.returncode, b"cannot be written: no such file" in nowhere.stderr) == (69, True)
    machine.end()
    assert snapshot(machine, "front", folder=tmp_path).returncode == 69


def test_the_process_goes_when_nobody_wants_a_picture(
    start: Start, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A minute after the last one its memory is free again, and the next picture starts another; one in use stays."""
    used = start(on_cpu(front=with_pictures(pattern())))
    used.wait_for(lambda: len(used.payloads("/rig/front/snapshot")) >= 2)
    in_use = painter_of(used)
    config = {**on_cpu(), "mqtt": {"host": "127.0.0.1", "port": mosquitto.port}}
    machine = start(config, to_broker=True)
    machine.wait_for(lambda: snapshot(machine, "front", folder=tmp_path).returncode == 0, 30)
    painter_of(machine)
    machine.wait_for(lambda: not machine.children("painter"), 75)
    assert painter_of(used) == in_use
    assert snapshot(machine, "front", folder=tmp_path).returncode == 0
    assert machine.problems() == set()
