"""Delivery over a real broker and a real disk, while both ends fail."""

import itertools
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import pytest

from edged.adapters.mqtt.paho import PahoPublisher
from edged.adapters.mqtt.settings import BrokerSettings
from edged.adapters.mqtt.stdout import StdoutPublisher
from edged.adapters.storage.outbox import SqliteOutbox
from edged.daemon.delivery import DeliveryThread
from edged.delivery.changes import ProblemChange, Report
from edged.delivery.event_payloads import detection_event
from edged.delivery.topics import Topics
from edged.domain.errors import StorageError
from edged.domain.events import TrackEnded
from edged.domain.messages import Message
from edged.domain.moment import Moment
from edged.ports import Clock, Outbox, Publisher
from tests.fakes.event_source import TOPICS, SystemClock, emit, ignored, new_delivery, started
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually

EVENTS = TOPICS.camera_event("front")
Listen: TypeAlias = Callable[..., Subscriber]
Deliver: TypeAlias = Callable[..., DeliveryThread]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def listen(broker: Mosquitto) -> Iterator[Listen]:
    """Makes subscribers to the broker."""
    made: list[Subscriber] = []

    def make(**credentials: str) -> Subscriber:
        made.append(Subscriber(broker.port, **credentials))
        return made[-1]

    yield make
    for subscriber in made:
        subscriber.close()


@pytest.fixture
def deliver(broker: Mosquitto, tmp_path: Path) -> Iterator[Deliver]:
    """Makes started delivery threads over the broker, all on the same outbox."""
    made: list[DeliveryThread] = []

    def make(**settings: Any) -> DeliveryThread:
        made.append(new_delivery(broker.port, tmp_path / "outbox.db", **settings))
        made[-1].start()
        return made[-1]

    yield make
    for delivery in made:
        delivery.stop((), 0.3)


def events(subscriber: Subscriber) -> list[dict[str, Any]]:
    """The events heard, without those whose id came before."""
    heard = [json.loads(payload) for payload in subscriber.payloads(EVENTS)]
    return list({event["id"]: event for event in reversed(heard)}.values())[::-1]


def frames(subscriber: Subscriber) -> list[int]:
    return [event["frame"]["seq"] for event in events(subscriber) if event["phase"] == "start"]


def test_no_event_is_lost_while_the_broker_restarts(
    broker: Mosquitto, listen: Listen, deliver: Deliver
) -> None:
    """A broker that stops in the midst of 500 events gets all of them, each once by id, in order."""
    broker.start()
    subscriber = listen()
    delivery = deliver()
    for number in range(1, 501):
        emit(delivery, number)
        if number == 200:
            assert eventually(lambda: delivery.stats().published > 100)
            broker.stop()
        if number == 400:
            broker.start()
        time.sleep(0.001)
    assert eventually(lambda: len(events(subscriber)) == 500, 12)
    assert frames(subscriber) == list(range(1, 501))
    assert [event["seq"] for event in events(subscriber)] == list(range(1, 501))
    assert eventually(lambda: delivery.stats().pending == 0)
    assert (delivery.stats().dropped, delivery.stats().reconnects) == ({}, 1)


def test_no_event_is_lost_when_the_process_is_killed(
    broker: Mosquitto, listen: Listen, deliver: Deliver, tmp_path: Path
) -> None:
    """A killed process leaves its will; its next run delivers what is on disk, under the same ids, and ends its track."""
    broker.start()
    subscriber = listen()
    command = [
        sys.executable,
        "-m",
        "tests.fakes.event_source",
        str(broker.port),
        str(tmp_path / "outbox.db"),
    ]
    with subprocess.Popen([*command, "5000"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert eventually(lambda: len(subscriber.messages) > 50)
        broker.stop()
        for _ in itertools.takewhile(lambda line: int(line) < 300, child.stdout):
            pass
        child.send_signal(signal.SIGKILL)
    broker.start()
    with sqlite3.connect(tmp_path / "outbox.db") as database:
        stored = {json.loads(payload)["id"] for (payload,) in database.execute("SELECT payload FROM events")}
    database.close()
    assert len(stored) > 50
    delivery = deliver()
    assert eventually(lambda: delivery.stats().published and not delivery.stats().pending)
    assert eventually(lambda: events(subscriber)[-1]["phase"] == "end")
    heard = events(subscriber)
    assert frames(subscriber) == list(range(1, len(heard)))
    assert [event["seq"] for event in heard] == list(range(1, len(heard) + 1))
    assert stored <= {event["id"] for event in heard}
    assert (heard[-1]["reason"], heard[-1]["track"]) == ("restart", heard[0]["track"])
    emit(delivery, 1, opens="front-1")
    assert eventually(lambda: events(subscriber)[-1]["phase"] == "start")
    assert events(subscriber)[-1]["track"] != heard[0]["track"]


def test_the_will_is_published_when_the_process_is_killed(
    broker: Mosquitto, listen: Listen, tmp_path: Path
) -> None:
    """Status is online while the process lives and offline after it was killed."""
    broker.start()
    subscriber = listen()
    command = [
        sys.executable,
        "-m",
        "tests.fakes.event_source",
        str(broker.port),
        str(tmp_path / "outbox.db"),
    ]
    with subprocess.Popen([*command, "1"], stdout=subprocess.DEVNULL) as child:
        assert eventually(lambda: subscriber.payloads(TOPICS.status) == [b"online"])
        child.send_signal(signal.SIGKILL)
    assert eventually(lambda: subscriber.payloads(TOPICS.status) == [b"online", b"offline"])


def test_retained_states_of_an_earlier_run_are_replaced_or_cleared(
    broker: Mosquitto, listen: Listen, deliver: Deliver
) -> None:
    """A state left ON goes OFF where its label is configured, and disappears where it no longer is."""
    broker.start()
    person, cat = (TOPICS.camera_object("front", label) for label in ("person", "cat"))
    first = deliver()
    first.state(person, b"ON")
    first.state(cat, b"ON")
    first.stop((), 2)
    live = listen()
    second = deliver()
    second.state(person, b"OFF")
    second.keep_only([person])
    assert eventually(lambda: live.payloads(cat) == [b"ON", b""])
    late = listen()
    assert eventually(lambda: late.payloads(person) == [b"OFF"])
    assert eventually(lambda: late.payloads(TOPICS.status) == [b"online"])
    assert late.payloads(cat) == []


def test_a_wrong_password_is_a_problem_until_it_is_put_right(
    broker: Mosquitto, listen: Listen, deliver: Deliver
) -> None:
    """Events wait while the broker refuses the password, and arrive once its file is corrected."""
    broker.set_password("garage", "other")
    broker.start(anonymous=False)
    changes: list[ProblemChange] = []
    delivery = deliver(username="garage", password="secret", report=changes.append)  # noqa: S106  a test's
    emit(delivery, 1)
    assert eventually(lambda: changes)
    assert changes[0].problem
    assert changes[0].code == "broker_refused"
    broker.set_password("garage", "secret")
    broker.reload()
    subscriber = listen(username="garage", password="secret")  # noqa: S106  a test's
    assert eventually(lambda: frames(subscriber) == [1])
    assert changes[-1] == ProblemChange("broker_refused", None)
    assert len(changes) == 2


def test_denied_events_stay(broker: Mosquitto, listen: Listen, deliver: Deliver) -> None:
    """An event that the access rules deny is kept, told as a problem, and does not stop other topics."""
    broker.acl.write_text(f"topic read #\ntopic write {TOPICS.status}\n")
    broker.start()
    changes: list[ProblemChange] = []
    delivery = deliver(report=changes.append)
    emit(delivery, 1)
    assert eventually(lambda: [change.code for change in changes] == ["publish_denied"])
    assert changes[0].problem
    assert EVENTS in changes[0].problem.message
    assert eventually(lambda: delivery.stats().pending == 1)
    subscriber = listen()
    assert eventually(lambda: subscriber.payloads(TOPICS.status) == [b"online"])


def test_stopping_delivers_what_is_there_and_says_goodbye(
    broker: Mosquitto, listen: Listen, deliver: Deliver, tmp_path: Path
) -> None:
    """Stop sends pending events, then the last words, then `offline`, and leaves an empty outbox."""
    broker.start()
    subscriber = listen()
    delivery = deliver()
    assert eventually(lambda: delivery.stats().connected)
    for number in range(1, 51):
        emit(delivery, number)
    delivery.stop([Message("last", b"word", 1)], 3)
    delivery.stop((), 1)
    assert not delivery.alive
    assert eventually(lambda: subscriber.payloads(TOPICS.status) == [b"online", b"offline"])
    assert frames(subscriber) == list(range(1, 51))
    assert subscriber.payloads("last") == [b"word"]
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    assert outbox.pending() == 0
    outbox.close()


def printed(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def over(
    publisher: Publisher,
    outbox: Path | Callable[[], Outbox] | None,
    report: Report = ignored,
    clock: Clock | None = None,
    spare_epoch: str = "spare0",
) -> DeliveryThread:
    return DeliveryThread(
        outbox_factory=outbox if callable(outbox) else lambda: SqliteOutbox(outbox),
        spare_epoch=spare_epoch,
        publisher=publisher,
        topics=Topics("edged", "t"),
        clock=clock or SystemClock(),
        report=report,
    )


def stdout_delivery(
    stream: TextIO,
    outbox: Path | Callable[[], Outbox] | None,
    report: Report = ignored,
    clock: Clock | None = None,
) -> DeliveryThread:
    return over(StdoutPublisher(stream), outbox, report, clock)


def test_printing_keeps_the_order_and_outlives_a_bad_builder(tmp_path: Path) -> None:
    """Events in memory are printed in order; one that cannot be built is counted, and the next ones go on."""
    with (tmp_path / "out").open("w") as stream:
        delivery = stdout_delivery(stream, None)
        delivery.start()
        assert eventually(lambda: delivery.stats().connected)
        emit(delivery, 1, opens="front-1")
        delivery.event(EVENTS, lambda ids: {"bad": float("nan")})
        now = SystemClock().now()
        start = started(1, now.monotonic_ns)
        end = TrackEnded(1, start.detection, 0.5, (), start.observation, "gone", 0.9, 1, 2)
        delivery.event(EVENTS, lambda ids: dict(detection_event(end, ids, now)), closes="front-1")
        delivery.telemetry(TOPICS.stats, b'{"v":1}', retain=True, expiry_s=90)
        delivery.stop((), 2)
    lines = printed(tmp_path / "out")
    assert [line["topic"] for line in lines if line["topic"] == TOPICS.status] == [TOPICS.status] * 2
    told = [line["payload"] for line in lines if line["topic"] == EVENTS]
    assert [(one["seq"], one["phase"]) for one in told] == [(1, "start"), (2, "end")]
    assert told[0]["track"] == told[1]["track"]
    assert delivery.stats().dropped == {"bug": 1}


def test_an_outbox_that_cannot_be_opened_is_a_problem_and_not_an_end(tmp_path: Path) -> None:
    """Without a usable outbox events are delivered from memory, with the problem on."""
    (tmp_path / "file").touch()
    changes: list[ProblemChange] = []
    with (tmp_path / "out").open("w") as stream:
        delivery = stdout_delivery(stream, tmp_path / "file" / "outbox.db", changes.append)
        delivery.start()
        emit(delivery, 1)
        delivery.stop((), 2)
    assert [change.code for change in changes] == ["outbox_failed"]
    assert [line["payload"]["id"] for line in printed(tmp_path / "out") if line["topic"] == EVENTS] == [
        "t-spare0-1"
    ]


def test_a_replaced_outbox_is_told_as_an_event(tmp_path: Path) -> None:
    """A broken outbox file is replaced, and the device says so in an event."""
    (tmp_path / "outbox.db").write_bytes(b"broken" * 1000)
    with (tmp_path / "out").open("w") as stream:
        delivery = stdout_delivery(stream, tmp_path / "outbox.db")
        delivery.start()
        delivery.stop((), 2)
    told = [line["payload"] for line in printed(tmp_path / "out") if line["topic"] == TOPICS.event]
    assert [one["code"] for one in told] == ["outbox_recovered"]
    assert "broken-1" in told[0]["message"]


class HastyClock(SystemClock):
    """A clock that can be put forward."""

    ahead_ns = 0

    def now(self) -> Moment:
        """The time, and what was added."""
        now = super().now()
        return now.at(now.monotonic_ns + self.ahead_ns)


def test_an_outbox_that_opens_late_gets_everything(tmp_path: Path) -> None:
    """Every ten seconds it is tried again; then events go to disk, old tracks are ended, and the problem is over."""
    path, clock, changes = tmp_path / "late" / "outbox.db", HastyClock(), list[ProblemChange]()
    with (tmp_path / "out").open("w") as stream:
        first = over(StdoutPublisher(stream), path, spare_epoch="before")
        first.start()
        emit(first, 1, opens="front-1")
        assert eventually(lambda: first.stats().published == 1)
        first.stop((), 2)
        path.parent.rename(tmp_path / "away")
        path.parent.touch()
        second = stdout_delivery(stream, path, changes.append, clock)
        second.start()
        assert second.wait_opened(5)
        emit(second, 2, opens="front-1")
        assert eventually(lambda: second.stats().published == 1)
        path.parent.unlink()
        (tmp_path / "away").rename(path.parent)
        clock.ahead_ns = 11_000_000_000
        assert eventually(lambda: second.stats().published == 2)
        second.stop((), 2)
    assert [(change.code, bool(change.problem)) for change in changes] == [
        ("outbox_failed", True),
        ("outbox_failed", False),
    ]
    told = [line["payload"] for line in printed(tmp_path / "out") if line["topic"] == EVENTS]
    assert [(one["phase"], one["track"]) for one in told] == [
        ("start", told[0]["track"]),
        ("start", "t-spare0-t1"),
        ("end", told[0]["track"]),
    ]
    outbox = SqliteOutbox(path)
    assert [json.loads(start.payload)["track"] for _, start in outbox.open_tracks()] == ["t-spare0-t1"]
    assert outbox.pending() == 0
    outbox.close()


def test_what_memory_holds_goes_to_disk_at_the_end(tmp_path: Path) -> None:
    """Where the disk is back when the daemon ends, events that the broker does not have are kept there."""
    path = tmp_path / "folder" / "outbox.db"
    path.parent.touch()
    publisher = PahoPublisher(BrokerSettings("127.0.0.1", "edged-t", 1), Message("t", b""))
    delivery = over(publisher, path)
    delivery.start()
    for number in range(100):
        emit(delivery, number)
    assert eventually(lambda: delivery.stats().pending == 100)
    path.parent.unlink()
    delivery.stop((), 0.3)
    outbox = SqliteOutbox(path)
    assert [json.loads(one.payload)["seq"] for one in outbox.after(0, 200)] == list(range(1, 101))
    outbox.close()


def refused() -> Outbox:
    raise StorageError("no disk", "plug it in")


def test_memory_is_bounded_while_no_outbox_can_be_opened(broker: Mosquitto) -> None:
    """Of events without disk and without broker the newest thousand are kept, and the others counted."""
    publisher = PahoPublisher(BrokerSettings("127.0.0.1", "edged-t", broker.port), Message("t", b""))
    delivery = over(publisher, refused)
    delivery.start()
    for number in range(1200):
        emit(delivery, number)
    assert eventually(
        lambda: delivery.stats().pending + delivery.stats().dropped.get("outbox_full", 0) == 1200
    )
    stats = delivery.stats()
    assert 900 < stats.pending <= 1000
    delivery.stop((), 0.3)


class SlowDisk:
    """A disk that stalls until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self) -> Outbox:
        """Opens an outbox, in the end."""
        self.go.wait(20)
        return SqliteOutbox(None)


def test_a_stalled_disk_shows(tmp_path: Path) -> None:
    """While the disk stalls the outbox is not open and the thread not responsive; idle it is, for ever."""
    disk = SlowDisk()
    with (tmp_path / "out").open("w") as stream:
        delivery = stdout_delivery(stream, disk)
        assert not delivery.responsive(9)
        delivery.start()
        assert delivery.responsive(9)
        assert not delivery.wait_opened(0.1)
        assert not delivery.responsive(0.05)
        disk.go.set()
        assert delivery.wait_opened(5)
        assert eventually(lambda: delivery.stats().connected)
        time.sleep(0.3)
        assert all(delivery.responsive(0.2) for _ in range(50))
        delivery.stop((), 1)
        assert not delivery.responsive(9)


def test_telemetry_does_not_pile_up_behind_a_stalled_disk(tmp_path: Path) -> None:
    """64 telemetry messages may wait for the thread; more are dropped and counted, while events are all kept."""
    disk = SlowDisk()
    with (tmp_path / "out").open("w") as stream:
        delivery = stdout_delivery(stream, disk)
        delivery.start()
        for number in range(100):
            delivery.telemetry(TOPICS.stats, b"{}")
            emit(delivery, number)
        disk.go.set()
        assert eventually(lambda: delivery.stats().published == 100)
        assert delivery.stats().dropped == {"congested": 36, "offline": 64}
        delivery.telemetry(TOPICS.stats, b'{"v":2}')
        delivery.stop((), 1)
    assert [line["payload"] for line in printed(tmp_path / "out") if line["topic"] == TOPICS.stats] == [
        {"v": 2}
    ]


def test_the_thread_does_not_die_silently(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where something unforeseen ends the thread, the log says so and nobody waits for it."""

    def broken() -> Outbox:
        raise LookupError("a bug")

    with (tmp_path / "out").open("w") as stream:
        delivery = stdout_delivery(stream, broken)
        delivery.start()
        assert not delivery.wait_opened(5)
        assert eventually(lambda: not delivery.alive)
        delivery.stop((), 1)
    assert "delivery has ended" in caplog.text
    assert "a bug" in caplog.text
