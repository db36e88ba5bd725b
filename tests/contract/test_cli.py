"""The command line: help, exit codes, one line for each error, and a demo that leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edged import __version__
from edged.adapters.cameras.cards import CardScene
from edged.adapters.pixels.opencv import encode_jpeg
from edged.adapters.system.broker import find_mosquitto
from edged.cli import outcome
from edged.domain.geometry import Box
from tests.fakes.mosquitto import Subscriber, eventually

REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"
EDGED = [sys.executable, "-m", "edged"]
COMMANDS = [
    [],
    ["run"],
    ["demo"],
    ["infer"],
    ["check"],
    ["model"],
    ["model", "inspect"],
    ["model", "list"],
    ["model", "pull"],
    ["reload"],
]
PORT = re.compile(r"mqtt: \{host: 127\.0\.0\.1, port: (\d+)\}")
GOOD = """\
device: bench
state_dir: {folder}
models: {{colours: {{path: {model}}}}}
accelerators: {{main: {{use: cpu}}}}
cameras: {{scene: {{source: {{type: pattern, scene: colours, fps: 60, frames: 30}}, model: colours}}}}
"""


def edged(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*EDGED, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


Inside = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Runs the command line in this process: enough for what ends before any child is started."""
    monkeypatch.chdir(REPOSITORY)

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        words = [str(each) for each in arguments]
        code = outcome(words)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "edged")
def test_every_command_explains_itself(command: list[str], inside: Inside) -> None:
    """--help prints usage, a sentence and the options, and exits 0."""
    done = inside(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(['edged', *command])} ")
    assert "--help" in done.stdout


def test_the_version_is_the_packages() -> None:
    """--version prints one line."""
    done = edged("--version")
    assert (done.returncode, done.stdout) == (0, f"edged, version {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "edged")
def test_an_unknown_option_is_a_usage_error(command: list[str], inside: Inside) -> None:
    """A typing mistake exits 64, names the option and prints nothing to stdout."""
    done = inside(*command, "--no-such-option")
    assert (done.returncode, done.stdout) == (64, "")
    assert "--no-such-option" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["model", "nonsense"],
        ["infer"],
        ["infer", "--model", COLOURS],
        ["infer", "--model", COLOURS, "--threshold", "2", "a.jpg"],
        ["infer", "--model", COLOURS, "--top", "0", "a.jpg"],
        ["run", "--publish", "pigeon"],
        ["demo", "--seconds", "soon"],
        ["model", "inspect"],
    ],
    ids=lambda arguments: " ".join(str(each) for each in arguments[-4:]),
)
def test_a_wrong_argument_is_a_usage_error(arguments: list[object], inside: Inside) -> None:
    """Missing, unknown and impossible arguments exit 64."""
    done = inside(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    assert "Traceback" not in done.stderr


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def one_line_of_ours(done: "subprocess.CompletedProcess[str]") -> str:
    (line,) = done.stderr.splitlines()
    assert line.startswith("edged: ")
    return line.removeprefix("edged: ")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--config", "{tmp}/none.yaml"], 78, "{tmp}/none.yaml: there is no such file"),
        (["run", "--config", "{tmp}/bad.yaml"], 78, "{tmp}/bad.yaml:1:"),
        (["infer", "--model", "{tmp}/none.tflite", "a.jpg"], 78, "{tmp}/none.tflite"),
        (["infer", "--model", "{tmp}/text.tflite", "a.jpg"], 78, "{tmp}/text.tflite"),
        (["infer", "--model", "{tmp}", "a.jpg"], 78, "several models"),
        (["infer", "--model", COLOURS, "--labels", "{tmp}/none.txt", "a.jpg"], 78, "{tmp}/none.txt"),
        (["infer", "--model", COLOURS, "--use", "edgetpu", "a.jpg"], 78, "not compiled for the Edge TPU"),
        (["model", "inspect", "{tmp}/none.tflite"], 78, "{tmp}/none.tflite"),
        (["model", "inspect", "{tmp}/text.tflite"], 78, "{tmp}/text.tflite"),
    ],
)
def test_an_error_is_one_line_with_its_code(
    tmp_path: Path, inside: Inside, arguments: list[object], code: int, words: str
) -> None:
    """What is wrong and what to do, in one line that starts with our name; never a traceback."""
    write(tmp_path / "bad.yaml", "device: [1, 2\n")
    write(tmp_path / "text.tflite", "this is no model " * 20)
    write(tmp_path / "other.tflite", "nor is this")
    done = inside(*(str(each).format(tmp=tmp_path) for each in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert words.format(tmp=tmp_path) in one_line_of_ours(done)


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    """The process ends with the code, and a picture that is missing is a failed check."""
    assert edged("infer", "--no-such-option").returncode == 64
    done = edged("infer", "--model", COLOURS, tmp_path / "none.jpg")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path}/none.jpg: no such file" in one_line_of_ours(done)


def test_a_bug_is_one_line_too_and_can_be_looked_into() -> None:
    """Anything unforeseen exits 70 and says where; EDGED_TRACEBACK shows the rest."""
    code = (
        "import sys, click, edged.cli as c\n"
        "class Broken:\n    def main(self, *a, **k): raise ZeroDivisionError('by design')\n"
        "c.cli = Broken(); sys.exit(c.outcome([]))"
    )
    for value, traces in (("", False), ("1", True)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
            env={**os.environ, "EDGED_TRACEBACK": value},
        )
        assert done.returncode == 70
        assert "edged: bug: ZeroDivisionError: by design at <string>:3" in done.stderr
        assert ("Traceback" in done.stderr) == traces


def test_check_says_ok(tmp_path: Path) -> None:
    """A good file exits 0, with one line for people and one object for programs."""
    file = write(tmp_path / "edged.yaml", GOOD.format(folder=tmp_path, model=COLOURS))
    done = edged("check", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "edged.yaml: no errors\n", "")
    found = json.loads(edged("check", "--json", file).stdout)
    assert found == {"file": str(file), "ok": True, "errors": [], "warnings": []}


def test_check_names_every_mistake_at_its_place(tmp_path: Path) -> None:
    """Two mistakes are two lines with file, line and column, and exit code 78."""
    text = (
        GOOD.format(folder=tmp_path, model=COLOURS)
        .replace("fps: 60", "fsp: 60")
        .replace("use: cpu", "use: gpu")
    )
    file = write(tmp_path / "edged.yaml", text)
    done = edged("check", file)
    assert done.returncode == 78
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(re.match(rf"{re.escape(str(file))}:\d+:\d+: ", line) for line in lines[:2])
    assert lines[2] == "edged.yaml: 2 errors"


def test_a_finite_source_ends_the_daemon(tmp_path: Path) -> None:
    """`run --publish stdout` prints one JSON object a line, first and last its status, and ends with 0."""
    file = write(tmp_path / "edged.yaml", GOOD.format(folder=tmp_path, model=COLOURS))
    done = edged("run", "--config", file, "--publish", "stdout")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (lines[0]["topic"], lines[0]["payload"]) == ("edged/bench/status", "online")
    assert (lines[-1]["topic"], lines[-1]["payload"]) == ("edged/bench/status", "offline")
    assert any(line["topic"] == "edged/bench/scene/event" for line in lines)
    assert not (tmp_path / "outbox.db").exists(), "stdout touches no outbox"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`edged run --publish stdout | head -1` ends without a word about pipes."""
    file = write(tmp_path / "edged.yaml", GOOD.format(folder=tmp_path, model=COLOURS))
    command = [*EDGED, "run", "--config", str(file), "--publish", "stdout"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(15) == 0
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_a_reader_of_answers_may_go_away_too(tmp_path: Path) -> None:
    """`edged infer ... | head -1` is no failed check: 1 is for pictures that cannot be read."""
    picture = tmp_path / "black.jpg"
    picture.write_bytes(encode_jpeg(np.zeros((32, 32, 3), np.uint8), 90))
    command = [*EDGED, "infer", "--model", str(COLOURS), str(picture)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(15) == 0


def test_a_threshold_that_is_no_number_is_a_usage_error(tmp_path: Path) -> None:
    """`--threshold nan` would hide every answer without a word."""
    assert edged("infer", "--model", COLOURS, "--threshold", "nan", tmp_path / "a.jpg").returncode == 64


class Demo:
    """A running `edged demo`, with its output in a file."""

    def __init__(self, folder: Path, *arguments: str, path: str | None = None) -> None:
        self.output = folder / "demo.out"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        environment = {**os.environ, "TMPDIR": str(self.temporary)}
        if path is not None:
            environment["PATH"] = path
        self.began = time.monotonic()
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [*EDGED, "demo", *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**environment, "PYTHONUNBUFFERED": "1"},
            )

    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    def port(self) -> int:
        """The port of its broker."""
        assert eventually(lambda: PORT.search(self.text()), 5), self.text()
        found = PORT.search(self.text())
        assert found
        return int(found[1])

    def family(self) -> list[int]:
        """The processes that it started."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if _parent(pid) == self.process.pid]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[list[Demo]]:
    """Demos to be ended, with whatever they started, after the test."""
    running: list[Demo] = []
    yield running
    for demo in running:
        family = demo.family()
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()
        for pid in filter(_lives, family):
            os.kill(pid, signal.SIGKILL)


needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


@needs_mosquitto
def test_the_demo_shows_a_card_to_any_subscriber(tmp_path: Path, demos: list[Demo]) -> None:
    """Within five seconds a second subscriber hears of the right card; after its time the demo ends with 0."""
    demo = Demo(tmp_path, "--seconds", "2")
    demos.append(demo)
    topic = "edged/demo/scene/event"
    assert eventually(lambda: _listens(demo.port()), 5)
    listener = Subscriber(demo.port(), "edged/demo/#")
    assert eventually(lambda: listener.payloads(topic), 5)
    assert time.monotonic() - demo.began < 5
    event = json.loads(listener.payloads(topic)[0])
    shown = CardScene(width=640, height=480, fps=30, seed=0).at(event["frame"]["seq"])
    assert shown
    assert (event["type"], event["label"]) == ("detection", shown.label)
    assert Box(**event["box"]).overlap(shown.box) > 0.5
    family = demo.family()
    assert demo.process.wait(10) == 0
    assert eventually(lambda: listener.payloads("edged/demo/status")[-1:] == [b"offline"], 2)
    listener.close()
    text = demo.text()
    assert "edged/demo/scene/event" in text
    assert "right: card 1" in text
    assert re.search("cards shown were reported|before the first card", text)
    assert "What next:" in text
    assert "Traceback" not in text
    assert not any(map(_lives, family))
    assert list(demo.temporary.iterdir()) == []


@needs_mosquitto
def test_ctrl_c_ends_the_demo_and_all_that_it_started(tmp_path: Path, demos: list[Demo]) -> None:
    """SIGINT is a wish, not an error: exit code 0, no process, no port and no folder is left."""
    demo = Demo(tmp_path)
    demos.append(demo)
    assert eventually(lambda: "scene/event" in demo.text(), 8), demo.text()
    family, port = demo.family(), demo.port()
    assert len(family) == 3, "broker, camera and accelerator"
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(8) == 0
    assert not any(map(_lives, family))
    assert not _listens(port)
    assert list(demo.temporary.iterdir()) == []
    assert re.search(r"edged/demo/status +offline", demo.text())
    assert "Traceback" not in demo.text()


@needs_mosquitto
def test_a_demo_that_is_killed_leaves_no_process(tmp_path: Path, demos: list[Demo]) -> None:
    """Broker and children end with the demo, however it ends."""
    demo = Demo(tmp_path)
    demos.append(demo)
    assert eventually(lambda: re.search(r"scene/status +online", demo.text()), 8), demo.text()
    family = demo.family()
    demo.process.kill()
    demo.process.wait()
    try:
        assert eventually(lambda: not any(map(_lives, family)), 1.5), family
    finally:
        for pid in filter(_lives, family):
            os.kill(pid, signal.SIGKILL)


def _hides_mosquitto() -> list[str]:
    """A command prefix that runs a program where the broker is not installed; empty where that is impossible.

    An empty file is mounted over the broker, in a mount namespace of the program's own.
    """
    program = find_mosquitto()
    if program is None:
        return ["env"]
    for ways in (["unshare", "-m"], ["unshare", "-rm"], ["sudo", "-n", "-E", "unshare", "-m"]):
        prefix = [*ways, "sh", "-c", f'mount --bind /dev/null {program} && exec "$@"', "sh"]
        there = shutil.which(ways[0])
        if there and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return []


def test_without_mosquitto_the_demo_prints_what_it_would_publish(tmp_path: Path) -> None:
    """The messages are JSON lines, the text says what to install, and the exit code is 0."""
    prefix = _hides_mosquitto()
    if not prefix:
        pytest.skip("mosquitto is installed and cannot be hidden: that takes mount namespaces")
    done = subprocess.run(
        [*prefix, *EDGED, "demo", "--seconds", "1.5"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "mosquitto is not installed (apt-get install mosquitto)" in done.stdout
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"topic"')]
    assert {"edged/demo/status", "edged/demo/scene/event"} <= {message["topic"] for message in messages}
    assert "What next:" in done.stdout
    assert list(tmp_path.iterdir()) == []
