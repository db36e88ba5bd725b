"""A running daemon reads its configuration again: what changes, what goes on, and what is refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from edged.adapters.system.asking import ask
from edged.daemon.answer import Answer
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.machine import REPOSITORY, Machine, descriptors, survivors
from tests.system.parts import camera, colours, on_cpu, pattern


class Running:
    """A daemon that speaks to a broker, what a subscriber hears of it, and its configuration."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder = folder
        self.red = colours(folder / "red", ["red"])
        self.port = broker.port
        self.heard = Subscriber(broker.port, "edged/rig/#")
        self.machine = Machine(folder / "run", self.config(), to_broker=True)
        self.socket = folder / "run" / "state" / "control.sock"
        self.wait(self.goes_on)

    def config(self, *, front: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """One camera that sees red, and reports red and green; with changes."""
        changed = {"threshold": 0.6, "labels": {"red": {}, "green": {}}, "source": self.red, **(front or {})}
        mqtt = {"host": "127.0.0.1", "port": self.port}
        return {**on_cpu(front=camera(**changed)), "mqtt": mqtt, **more}

    def write(self, *, front: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Changes the file."""
        base = {"device": "rig", "state_dir": str(self.folder / "run" / "state")}
        self.machine.file.write_text(yaml.safe_dump({**base, **self.config(front=front, **more)}))

    def reload(self, *, front: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """Changes the file, and has it read."""
        self.write(front=front, **more)
        return ask([self.socket], "reload", timeout_s=30)

    def wait(self, fact: Callable[[], object], timeout_s: float = 10) -> None:
        """Fails with the log where a fact does not come true in time."""
        assert eventually(fact, timeout_s), self.machine.log()

    def payloads(self, topic: str) -> list[Any]:
        """All payloads of a topic; None for one that was cleared."""
        return [json.loads(each) if each else None for each in self.heard.payloads(f"edged/rig/{topic}")]

    def info(self) -> Any:
        """How the daemon describes the camera, and the sum of its configuration."""
        said = self.payloads("info")[-1]
        return said["cameras"]["front"], said["config_sha"]

    def events(self) -> list[str]:
        """The codes of what the device did."""
        return [each["code"] for each in self.payloads("event")]

    def problems(self) -> set[str]:
        """The codes of the problems that last."""
        return {each["code"] for each in self.payloads("problem")[-1]["problems"]}

    def goes_on(self) -> bool:
        """Whether frames are judged from now on."""
        before = len(self.payloads("front/frame"))
        return eventually(lambda: len(self.payloads("front/frame")) > before + 2)

    def states(self, label: str) -> list[str | None]:
        """The states of a label so far, None where its topic was cleared."""
        return [each and each["state"] for each in self.payloads(f"front/object/{label}")]

    def connects(self) -> int:
        """How often it said `online`."""
        return self.heard.payloads("edged/rig/status").count(b"online")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One daemon for all tests of this module."""
    folder = tmp_path_factory.mktemp("reload")
    broker = Mosquitto(folder)
    broker.start()
    running = Running(folder, broker)
    yield running
    running.machine.close()
    running.heard.close()
    broker.stop()
    assert "Traceback" not in running.machine.log()


@pytest.fixture
def running(shared: Running) -> Running:
    """The daemon with its first configuration."""
    assert shared.reload().exit_code == 0
    shared.wait(lambda: shared.info()[0]["labels"] == {"red": 0.6, "green": 0.6})
    shared.wait(lambda: shared.states("red")[-1] == "ON")
    return shared


def edged(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Runs a command."""
    command = [sys.executable, "-m", "edged", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=40, check=False)


def test_rules_change_while_everything_goes_on(running: Running) -> None:
    """Processes, connection and what is ON stay; topics that went are cleared, new ones OFF, `info` is new."""
    children, connects, on = running.machine.children(), running.connects(), running.states("red").count("ON")
    before = running.info()
    answer = running.reload(front={"threshold": 0.5, "labels": {"red": {}, "blue": {}}}, stats_interval_s=1)
    assert (answer.exit_code, answer.text.split(":")[0]) == (0, "reloaded")
    running.wait(lambda: running.states("green")[-1] is None)
    running.wait(lambda: running.states("blue")[-1:] == ["OFF"])
    running.wait(lambda: running.info()[0]["threshold"] == 0.5)
    assert running.info()[0]["labels"] == {"red": 0.5, "blue": 0.5}
    assert running.info()[1] != before[1]
    assert running.events()[-1] == "config_reloaded"
    stats = len(running.payloads("stats"))
    running.wait(lambda: len(running.payloads("stats")) > stats + 1, 4)
    assert running.goes_on()
    assert running.machine.children() == children
    assert (running.connects(), running.states("red").count("ON")) == (connects, on)


def test_a_threshold_is_lowered_down_to_the_decoder(running: Running) -> None:
    """What the model said too softly before is heard in `frame` at once, on the same processes."""
    running.reload(front={"threshold": 1.0, "labels": {}})
    running.wait(lambda: running.payloads("front/frame")[-1]["top"] == [])
    children = running.machine.children()
    running.reload(front={"threshold": 0.0, "labels": {}, "top_k": 4})
    running.wait(lambda: len(running.payloads("front/frame")[-1]["top"]) == 4)
    assert running.machine.children() == children


def test_labels_that_are_all_reported_keep_their_topics(running: Running) -> None:
    """Where every label counts, before and after, none of their topics is cleared by a reload."""
    running.reload(front={"labels": {}})
    running.wait(lambda: running.states("red")[-1] == "ON")
    running.reload(front={"labels": {}, "threshold": 0.5})
    running.wait(lambda: running.info()[0]["threshold"] == 0.5)
    assert running.goes_on()
    assert running.states("red")[-1] == "ON"


def test_a_bad_file_is_refused_with_all_its_mistakes(running: Running) -> None:
    """The command prints what `edged check` prints and ends with 78; the old configuration goes on."""
    children, before = running.machine.children(), running.info()
    running.write(front={"threshold": 60, "labels": {"redd": {}}, "modle": "main"})
    checked = edged("check", running.machine.file)
    refused = edged("reload", "--socket", running.socket)
    assert (refused.returncode, refused.stdout) == (78, "")
    assert refused.stderr.splitlines()[:-1] == checked.stdout.splitlines()[:-1]
    assert len(refused.stderr.splitlines()) == 3
    running.wait(lambda: running.problems() == {"config_refused"})
    running.wait(lambda: running.events()[-1] == "config_refused")
    (problem,) = running.payloads("problem")[-1]["problems"]
    assert problem["message"].startswith(refused.stderr.splitlines()[0])
    assert running.goes_on()
    assert (running.machine.children(), running.info()) == (children, before)
    assert running.reload().exit_code == 0
    running.wait(lambda: running.problems() == set())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"front": {"labels": {"purple": {}}}}, "model main has no such label"),
        ({"models": {"main": {"path": "/nowhere.tflite"}}}, "there is no /nowhere.tflite"),
        ({"state_dir": "/var/tmp/elsewhere"}, "state_dir: cannot change while the daemon runs"),
        (
            {"mqtt": {"host": "127.0.0.1", "username": "x", "password_file": "/nowhere"}},
            "the password cannot be read",
        ),
    ],
    ids=["label", "model", "state folder", "password"],
)
def test_what_a_start_would_refuse_is_refused(running: Running, changes: dict[str, Any], words: str) -> None:
    """A label that the model lacks, a file that is not there: found before anything that runs is touched."""
    children = running.machine.children()
    answer = running.reload(**changes)
    assert (answer.exit_code, words in answer.text) == (78, True), answer
    assert answer.text.endswith("refused: the configuration before it goes on")
    assert running.machine.children() == children


def test_other_changes_start_new_processes_in_the_same_daemon(running: Running) -> None:
    """A second camera: the parent is the same, all children are new, and no event is lost or out of order."""
    pid, children = running.machine.pid, running.machine.children()
    more = {"front": running.config()["cameras"]["front"], "back": camera(pattern())}
    answer = running.reload(cameras=more)
    assert (answer.exit_code, "2 of 2 cameras online" in answer.text) == (0, True), answer
    assert running.machine.process.pid == pid
    assert running.machine.process.poll() is None
    assert not {*children} & {*running.machine.children()}
    assert len(running.machine.children()) == 3
    running.wait(lambda: running.states("red")[-1] == "ON")
    assert running.reload().exit_code == 0
    running.wait(lambda: running.events()[-1] == "config_reloaded")
    seqs = [
        json.loads(each.payload)["seq"]
        for each in list(running.heard.messages)
        if each.topic.endswith("/event")
    ]
    assert sorted(set(seqs)) == [*range(min(seqs), max(seqs) + 1)]
    assert list(dict.fromkeys(seqs)) == sorted(set(seqs))
    late = Subscriber(running.port, "edged/rig/back/#")
    time.sleep(0.2)
    assert [each.topic for each in late.messages if each.payload] == []
    late.close()


def test_what_cannot_run_is_taken_back(running: Running) -> None:
    """A source that turns out to be none after the old one has ended: the old one runs again, exit 78."""
    (running.folder / "film.mp4").write_text("no film")
    pid = running.machine.pid
    broken = {"type": "video", "path": str(running.folder / "film.mp4")}
    answer = running.reload(front={"source": broken})
    assert (answer.exit_code, "not a video" in answer.text) == (78, True), answer
    assert answer.text.endswith("refused: the configuration before it goes on; 1 of 1 cameras online")
    running.wait(lambda: running.problems() == {"config_refused"})
    assert running.goes_on()
    assert running.machine.pid == pid
    assert running.events()[-1] == "config_refused"


@pytest.mark.rig
def test_changes_leave_nothing_behind(running: Running) -> None:
    """After several rebuilds the parent has as many descriptors and children as before."""

    def rebuild(fps: int) -> None:
        assert running.reload(front={"source": {**running.red, "fps": fps}}).exit_code == 0
        running.wait(running.goes_on)

    rebuild(21)
    before = descriptors(running.machine.pid), len(running.machine.children())
    for fps in (22, 23, 24):
        rebuild(fps)
    assert (descriptors(running.machine.pid), len(running.machine.children())) == before


def test_a_signal_does_the_same(running: Running) -> None:
    """SIGHUP reads the file too; the outcome is in the log."""
    running.write(front={"threshold": 0.55})
    running.machine.process.send_signal(signal.SIGHUP)
    running.wait(lambda: running.info()[0]["threshold"] == 0.55)
    running.write(front={"threshold": -1})
    running.machine.process.send_signal(signal.SIGHUP)
    running.wait(lambda: running.problems() == {"config_refused"})
    assert "must be a number between 0 and 1, but is -1" in running.machine.log()


def test_many_at_once_are_all_answered(running: Running) -> None:
    """Reloads that come during a reload wait for their turn; each hears of a file read after it asked."""
    answers: list[Answer] = []
    running.write(front={"threshold": 0.45})
    threads = [
        threading.Thread(target=lambda: answers.append(ask([running.socket], "reload", timeout_s=20)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [answer.exit_code for answer in answers] == [0] * 5


def test_events_in_memory_are_not_given_up_for_a_change(running: Running, tmp_path: Path) -> None:
    """While the disk refuses events a start would lose them: such a change is put off, one of rules is not."""
    (tmp_path / "run" / "state" / "outbox.db").mkdir(parents=True)
    machine = Machine(tmp_path / "run", {**running.config(), "device": "other"}, to_broker=True)
    try:
        control = tmp_path / "run" / "state" / "control.sock"
        machine.wait_for(lambda: control.exists() and "outbox" in machine.log())
        machine.file.write_text(machine.file.read_text().replace("fps: 20", "fps: 10"))
        answer = ask([control], "reload", timeout_s=20)
        assert "events wait in memory" in answer.text, answer
        machine.file.write_text(
            machine.file.read_text().replace("fps: 10", "fps: 20").replace("threshold: 0.6", "threshold: 0.7")
        )
        assert ask([control], "reload", timeout_s=20).exit_code == 0
    finally:
        machine.close()


def test_without_a_daemon_the_command_says_so(tmp_path: Path) -> None:
    """Exit 69, and where it has looked."""
    done = edged("reload", "--socket", tmp_path / "none.sock")
    assert (done.returncode, f"no daemon listens (looked for {tmp_path}/none.sock)" in done.stderr) == (
        69,
        True,
    )


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


def until(manager: socket.socket, word: str) -> list[str]:
    """What the manager hears up to a word, without the watchdog's."""
    said: list[str] = []
    while not said or not said[-1].startswith(word):
        heard = manager.recv(4096).decode()
        if heard != "WATCHDOG=1":
            said.append(heard)
    return said


def short(words: list[str]) -> list[str]:
    """The words without their values, STATUS left out."""
    return [each.split("=")[0] for each in words if not each.startswith("STATUS=")]


def test_the_service_manager_follows_every_step(manager: socket.socket, tmp_path: Path) -> None:
    """Start, reload, rebuild and stop are told in systemd's words, each with the time that it may take."""
    machine = Machine(tmp_path / "run", on_cpu())
    try:
        assert short(until(manager, "READY")) == ["EXTEND_TIMEOUT_USEC", "EXTEND_TIMEOUT_USEC", "READY"]
        until(manager, "STATUS=1 of 1 cameras online")
        machine.file.write_text(machine.file.read_text().replace("fps: 30", "fps: 300000"))
        machine.process.send_signal(signal.SIGHUP)
        began_usec = time.monotonic_ns() // 1000
        reloading = until(manager, "RELOADING")[-1]
        assert abs(int(reloading.split("MONOTONIC_USEC=")[1]) - began_usec) < 1_000_000
        assert short(until(manager, "READY")) == ["READY"]
        until(manager, "STATUS=1 of 1 cameras online")
        machine.file.write_text(machine.file.read_text().replace("fps: 300000", "fps: 25"))
        machine.process.send_signal(signal.SIGHUP)
        words = short(until(manager, "READY"))
        assert words == ["RELOADING", "RELOADING", "EXTEND_TIMEOUT_USEC", "EXTEND_TIMEOUT_USEC", "READY"]
        machine.process.send_signal(signal.SIGTERM)
        assert short(until(manager, "EXTEND"))[-2:] == ["STOPPING", "EXTEND_TIMEOUT_USEC"]
        assert machine.finished(10) == 0
    finally:
        machine.close()


@pytest.mark.rig
def test_an_end_during_a_change_is_an_end(tmp_path: Path) -> None:
    """SIGTERM while new processes are being started ends the daemon with 0, and nothing is left."""
    machine = Machine(tmp_path / "run", on_cpu())
    try:
        machine.next_frame_s(0)
        for delay_s in (0.0, 0.05, 0.15):
            machine.children()
            machine.file.write_text(machine.file.read_text().replace("fps: ", "fps: 1"))
            machine.process.send_signal(signal.SIGHUP)
            time.sleep(delay_s)
        machine.process.send_signal(signal.SIGTERM)
        assert machine.finished(10) == 0
        assert eventually(lambda: not survivors(machine.pids_seen), 3)
    finally:
        machine.close()
    assert os.path.lexists(tmp_path / "run" / "edged.yaml")
