"""The look at both twins after a start: real processes, the stand-in for the Edge TPU, and what is published."""

import io
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from edged.adapters.mqtt.stdout import StdoutPublisher
from edged.adapters.storage.bundles import load_bundle
from edged.adapters.storage.outbox import SqliteOutbox, new_epoch
from edged.compose.plans import AcceleratorOptions, accelerator_plan
from edged.daemon.accelerator_unit import AcceleratorUnit
from edged.daemon.attempt import Attempt
from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.ladder import Step
from edged.daemon.parity import TwinWatch
from edged.daemon.reactor import Reactor
from edged.daemon.trial import try_once
from edged.domain.errors import ChildDiedError, EdgedError, ModelError
from edged.ports import Tensor
from edged.transport.results import Result
from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.fakes.event_source import TOPICS, SystemClock, ignored
from tests.system.machine import command_line

pytestmark = pytest.mark.runtime


class Watched:
    """One accelerator whose twins are watched, and what is told of them; no camera."""

    def __init__(self, model: Path, library: Path, *, late_s: float, deadline_s: float) -> None:
        self.reactor = Reactor()
        self._printed = io.StringIO()
        self._delivery = DeliveryThread(
            outbox_factory=lambda: SqliteOutbox(None),
            spare_epoch=new_epoch(),
            publisher=StdoutPublisher(self._printed),
            topics=TOPICS,
            clock=SystemClock(),
            report=ignored,
        )
        self._delivery.start()
        herald = Herald(delivery=self._delivery, topics=TOPICS, clock=SystemClock(), slugs={})
        self._twins = TwinWatch(self.reactor, herald, late_s=late_s, deadline_s=deadline_s)
        options = AcceleratorOptions(library=str(library), retry_s=0.3, start_deadline_s=10)
        self.plan = accelerator_plan(options, [load_bundle(model)])
        self.unit = AcceleratorUnit(self.plan, self.reactor, self)
        self.answered: list[str] = []
        """What took over, in order."""
        self.unit.start()

    def accelerator_took_over(self, unit: AcceleratorUnit, attempt: Attempt) -> None:
        """As the daemon does it."""
        self.answered.append(attempt.job.accelerator)
        self._twins.answers(unit.plan, attempt)

    def accelerator_result(self, unit: AcceleratorUnit, result: Result, outputs: Sequence[Tensor]) -> None:
        """No camera, no result."""

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """As the daemon does it."""
        self._twins.failed(unit.plan)

    def accelerator_stuck(self, unit: AcceleratorUnit) -> None:
        """Does not happen."""

    def accelerator_unusable(self, unit: AcceleratorUnit, error: EdgedError) -> None:
        """Ends the wait."""
        raise AssertionError(error)

    def until(self, fact: Callable[[], object], timeout_s: float = 15) -> None:
        """Lets the loop run until something is the case."""
        until_s = time.monotonic() + timeout_s

        def look() -> None:
            if fact() or time.monotonic() > until_s:
                self.reactor.stop()

        timer = self.reactor.call_every(0.01, look)
        self.reactor.run()
        timer.cancel()
        assert fact(), (self.answered, self._printed.getvalue())

    def told(self, topic: str) -> list[Any]:
        """The payloads of a topic."""
        lines = [json.loads(line) for line in self._printed.getvalue().splitlines()]
        return [line["payload"] for line in lines if line["topic"] == topic]

    def events(self) -> list[str]:
        """The codes of what the device did."""
        return [each["code"] for each in self.told(TOPICS.event)]

    def problems(self) -> list[str]:
        """The codes of what lasts."""
        said = self.told(TOPICS.problem)
        return [each["code"] for each in said[-1]["problems"]] if said else []

    def close(self) -> None:
        """Ends everything."""
        self._twins.close()
        self.unit.close()
        self._delivery.stop((), 1)
        self.reactor.close()


def children() -> set[int]:
    """The accelerator processes that this one has started and that are alive."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/status"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        if f"\nPPid:\t{os.getpid()}\n" in text and "State:\tZ" not in text:
            pid = int(entry.parent.name)
            found |= {pid} if "edged.children.accelerator" in command_line(pid) else set()
    return found


Watch = Callable[..., Watched]


@pytest.fixture
def watch(twins: Path, edgetpu_library: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Watch]:
    """Starts the accelerator; the CPU twin is tried 0.2 s after the Edge TPU has answered."""
    caplog.set_level(logging.INFO, logger="edged")
    made: list[Watched] = []

    def make(late_s: float = 0.2, deadline_s: float = 20) -> Watched:
        made.append(Watched(twins, edgetpu_library, late_s=late_s, deadline_s=deadline_s))
        return made[-1]

    yield make
    for each in made:
        each.close()
    assert children() == set()


def test_twins_that_answer_alike_are_no_problem(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    """The CPU twin is run once, in a process that stands back and is gone; a line of the log says the outcome."""
    watched = watch()
    watched.until(lambda: watched.answered == ["edgetpu"])
    chip = children()
    watched.until(lambda: children() - chip)
    (trial,) = children() - chip
    assert os.getpriority(os.PRIO_PROCESS, trial) == 10
    session = Path(f"/proc/{trial}/autogroup")
    assert not session.exists() or session.read_text().endswith("nice 10\n")
    watched.until(lambda: "of net answer alike" in caplog.text)
    assert (children(), watched.answered) == (chip, ["edgetpu"])
    assert (watched.problems(), watched.events()) == ([], [])


def test_twins_that_disagree_are_a_problem_until_they_agree(
    watch: Watch, edgetpu_control: EdgeTpuControl
) -> None:
    """The problem has its event; a chip that is started again and answers right is the end of it, with another."""
    edgetpu_control.set(offset=40)
    watched = watch()
    watched.until(lambda: watched.events() == ["twins_disagree"])
    (problem,) = watched.told(TOPICS.problem)[-1]["problems"]
    assert problem["code"] == "twins_disagree"
    assert "the Edge TPU and the CPU twin of net disagree: output Mobilenet" in problem["message"]
    assert "edged model verify" in problem["fix"]
    edgetpu_control.set(offset=None)
    before = children()
    os.kill(before.pop(), signal.SIGKILL)
    watched.until(lambda: watched.events() == ["twins_disagree", "twins_agree"])
    assert watched.problems() == []
    assert watched.unit.restarts == 1


def test_nothing_is_tried_where_the_stand_in_has_answered(
    watch: Watch, edgetpu_control: EdgeTpuControl, caplog: pytest.LogCaptureFixture
) -> None:
    """After a start on the CPU the two are compared as soon as the Edge TPU is there, and no process is started."""
    edgetpu_control.set(create="error", offset=40)
    watched = watch(late_s=0.05)
    watched.until(lambda: watched.answered == ["cpu"])
    edgetpu_control.set(create=None)
    watched.until(lambda: watched.answered == ["cpu", "edgetpu"])
    assert "twin of net disagree" in caplog.text
    watched.until(lambda: watched.problems() == ["twins_disagree"])
    assert len(children()) == 1


def test_a_cpu_twin_that_cannot_be_run_is_a_line_in_the_log(
    watch: Watch, twins: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was broken since the start is no problem of the Edge TPU, which goes on."""
    watched = watch()
    watched.until(lambda: watched.answered == ["edgetpu"])
    (twins / "net.tflite").write_bytes(b"no model at all, and long enough to be read as one")
    watched.until(lambda: "the CPU twin was not compared" in caplog.text)
    assert (watched.problems(), watched.answered, watched.unit.restarts) == ([], ["edgetpu"], 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_trial_that_dies_or_stands_still_changes_nothing(
    watch: Watch, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    """It is ended after its deadline, without waiting for it, and the chip's process is the same as before."""
    watched = watch(deadline_s=1)
    watched.until(lambda: watched.answered == ["edgetpu"])
    chip = children()
    watched.until(lambda: children() - chip)
    os.kill((children() - chip).pop(), number)
    watched.until(lambda: "the CPU twin was not compared: the process of the CPU" in caplog.text)
    assert (children(), watched.problems(), watched.unit.restarts) == (chip, [], 0)


def test_a_chip_that_fails_first_puts_the_trial_off(
    watch: Watch, edgetpu_control: EdgeTpuControl, caplog: pytest.LogCaptureFixture
) -> None:
    """While the machine is busy with a failure no further process is started; the stand-in shows the same."""
    watched = watch(late_s=0.5)
    watched.until(lambda: watched.answered == ["edgetpu"])
    edgetpu_control.set(create="error")
    os.kill(children().pop(), signal.SIGKILL)
    watched.until(lambda: watched.answered == ["edgetpu", "cpu"])
    watched.until(lambda: "of net answer alike" in caplog.text)
    time.sleep(0.6)
    watched.until(lambda: len(children()) <= 2)
    assert caplog.text.count("answer alike") == 1


def test_the_end_ends_a_trial(watch: Watch) -> None:
    """Whoever closes the daemon in the midst of it leaves no process behind (the fixture looks)."""
    watched = watch(late_s=0)
    watched.until(lambda: watched.answered == ["edgetpu"])
    watched.until(lambda: len(children()) == 2)


def test_one_try_tells_or_raises(twins: Path, edgetpu_library: Path, edgetpu_control: EdgeTpuControl) -> None:
    """A process for one look says what a model answered; one that fails or is late raises why, and is gone."""
    plan = accelerator_plan(AcceleratorOptions(library=str(edgetpu_library)), [load_bundle(twins)])
    edgetpu, cpu = plan.rungs
    (model,) = try_once(cpu, 20).models
    assert [len(digest.values) for digest in model.digests] == [251]
    edgetpu_control.set(invoke="hang")
    with pytest.raises(
        ChildDiedError, match=r"the process of the Edge TPU had not run its models after 0.7 s"
    ):
        try_once(edgetpu, 0.7)
    (twins / "net.tflite").write_bytes(b"TFL3 and nothing of a model")
    with pytest.raises((ModelError, ChildDiedError)):
        try_once(cpu, 20)
    assert children() == set()
