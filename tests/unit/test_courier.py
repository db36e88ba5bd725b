"""What the courier sends, when, and in which order, beside a broker that does what it is told."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.delivery.changes import ProblemChange
from edged.delivery.courier import Courier
from edged.delivery.spare import SpareOutbox
from edged.domain.errors import StorageError
from edged.domain.messages import Message, StoredEvent
from edged.ports import Acknowledged, Connected, Disconnected

S = 1_000_000_000
LOST = Disconnected("broker_lost", "lost", "wait")


class FragileOutbox(SpareOutbox):
    """An outbox whose disk can be full, cannot be changed, or cannot be read; it counts vain attempts."""

    full = False
    stuck = False
    unreadable = False
    vain = 0

    def append(
        self, build: Callable[[int], StoredEvent], *, opens: str = "", closes: str = ""
    ) -> StoredEvent:
        """Refuses while the disk is full."""
        self._refuse(when=self.full)
        return super().append(build, opens=opens, closes=closes)

    def delete(self, seqs: Iterable[int]) -> None:
        """Refuses while nothing can be changed."""
        self._refuse(when=self.stuck)
        super().delete(seqs)

    def after(self, seq: int, limit: int) -> Sequence[StoredEvent]:
        """Refuses while nothing can be read."""
        self._refuse(when=self.unreadable)
        return super().after(seq, limit)

    def _refuse(self, *, when: bool) -> None:
        if when:
            self.vain += 1
            raise StorageError("disk full", "free some")


@dataclass
class Bench:
    """A courier, what it has sent, and the time."""

    limit: int = 4000
    opened: bool = True
    outbox: FragileOutbox = field(default_factory=lambda: FragileOutbox("disk00"))
    spare: SpareOutbox = field(default_factory=lambda: SpareOutbox("spare0"))
    sent: list[tuple[int, Message]] = field(default_factory=list)
    changes: list[ProblemChange] = field(default_factory=list)
    now_ns: int = 0
    takes: bool = True
    spare_limit: int = 20

    def __post_init__(self) -> None:
        self.courier = Courier(
            outbox=self.outbox if self.opened else None,
            spare=self.spare,
            send=self.send,
            report=self.changes.append,
            limit=self.limit,
            spare_limit=self.spare_limit,
        )

    def send(self, message: Message) -> int | None:
        """Takes a message unless the network is stuck."""
        if not self.takes:
            return None
        self.sent.append((len(self.sent) + 1, message))
        return len(self.sent)

    def event(self, topic: str = "a/event", count: int = 1, **track: str) -> None:
        """Emits events whose payload is their id."""
        for _ in range(count):
            self.courier.event(
                lambda epoch, seq: StoredEvent(seq, topic, f"{epoch}-{seq}".encode(), 9),
                now_ns=self.now_ns,
                **track,
            )

    def stored(self) -> list[str]:
        """The payloads on disk."""
        return [event.payload.decode() for event in SpareOutbox.after(self.outbox, 0, 10**6)]

    def hiccup(self, count: int = 1, **track: str) -> None:
        """Emits events while the disk is full, and waits until it is tried again."""
        self.outbox.full = True
        self.event(count=count, **track)
        self.outbox.full = False
        self.now_ns += 11 * S

    def connect(self, receive_maximum: int = 100) -> None:
        """The broker is there."""
        self.courier.notice(Connected(receive_maximum), self.now_ns)
        self.pump()

    def lose(self) -> None:
        """The connection is lost."""
        self.courier.notice(LOST, self.now_ns)
        self.pump()

    def pump(self) -> None:
        """The thread comes by."""
        self.courier.pump(self.now_ns)

    def take(self) -> list[tuple[int, Message]]:
        """What was sent since the last look."""
        fresh = [one for one in self.sent if one[0] not in self.seen]
        self.seen.update(token for token, _ in fresh)
        return fresh

    seen: set[int] = field(default_factory=set)

    def taken(self) -> list[str]:
        """The payloads of `take`."""
        return [message.payload.decode() for _, message in self.take()]

    def acknowledge(self, sent: Sequence[tuple[int, Message]], refused: str = "") -> None:
        """The broker answers."""
        for token, _ in sent:
            self.courier.notice(Acknowledged(token, refused), self.now_ns)
        self.pump()

    def serve(self) -> list[str]:
        """Acknowledges everything until nothing more comes."""
        heard: list[str] = []
        while fresh := self.take():
            heard += [message.payload.decode() for _, message in fresh]
            self.acknowledge(fresh)
        return heard

    def open_problems(self) -> set[str]:
        """Codes of the problems that are on."""
        last = {change.code: change.problem for change in self.changes}
        return {code for code, problem in last.items() if problem}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_is_sent_before_the_broker_is_there(bench: Bench) -> None:
    """Events and states wait for a connection, telemetry is dropped and counted."""
    bench.event(count=3)
    bench.courier.state("status", b"online")
    bench.courier.telemetry(Message("stats", b"{}"), 0)
    bench.pump()
    assert bench.sent == []
    assert bench.courier.stats().dropped == {"offline": 1}
    bench.connect()
    assert bench.serve() == ["online", "disk00-1", "disk00-2", "disk00-3"]
    bench.courier.flush(0)
    assert (bench.courier.stats().published, bench.outbox.pending()) == (3, 0)
    assert bench.courier.settled


@pytest.mark.parametrize(("receive_maximum", "window"), [(100, 16), (16, 16), (5, 5), (0, 1)])
def test_the_window_is_kept(bench: Bench, receive_maximum: int, window: int) -> None:
    """No more messages of QoS 1 are under way than 16 and than the broker allows."""
    bench.event(count=40)
    bench.courier.state("s", b"1")
    bench.connect(receive_maximum)
    assert len(bench.sent) == window
    bench.acknowledge(bench.take()[:1])
    assert len(bench.take()) == 1


def test_what_was_not_acknowledged_is_sent_again_in_order(bench: Bench) -> None:
    """After a reconnect the oldest unacknowledged event comes first, with the same payload."""
    bench.event(count=6)
    bench.connect()
    sent = bench.take()
    bench.acknowledge(sent[1:3])
    bench.lose()
    bench.event()
    assert bench.taken() == []
    bench.connect()
    assert bench.serve() == ["disk00-1", "disk00-4", "disk00-5", "disk00-6", "disk00-7"]
    assert bench.courier.stats().reconnects == 1


def test_late_acknowledgements_of_an_old_connection_mean_nothing(bench: Bench) -> None:
    """A token that is not under way is ignored."""
    bench.event()
    bench.connect()
    sent = bench.take()
    bench.lose()
    bench.acknowledge(sent)
    bench.connect()
    assert bench.serve() == ["disk00-1"]


def test_states_keep_the_last_value_and_come_again(bench: Bench) -> None:
    """Only the last value of a topic is sent, only where it changed, and all again after each connect."""
    for value in (b"1", b"2", b"2"):
        bench.courier.state("s", value)
    bench.connect()
    assert bench.serve() == ["2"]
    bench.courier.state("s", b"2")
    bench.pump()
    assert bench.taken() == []
    bench.lose()
    bench.connect()
    sent = bench.take()
    assert [(message.payload, message.retain, message.qos) for _, message in sent] == [(b"2", True, 1)]
    bench.courier.state("s", b"3")
    bench.acknowledge(sent)
    assert bench.serve() == ["3"]
    assert bench.outbox.retained_topics() == {"s"}


def test_retained_topics_of_earlier_runs_are_cleared(bench: Bench) -> None:
    """What is no longer configured gets an empty retained payload, and is forgotten once that is acknowledged."""
    bench.outbox.remember_retained(["old", "kept"])
    bench.courier.state("kept", b"OFF")
    bench.courier.keep_only(frozenset(["kept"]), 0)
    bench.connect()
    bench.lose()
    assert bench.outbox.retained_topics() == {"old", "kept"}
    bench.connect()
    sent = bench.take()
    assert [message.payload for _, message in sent if message.topic == "old"] == [b"", b""]
    bench.acknowledge(sent)
    assert bench.outbox.retained_topics() == {"kept"}
    bench.lose()
    bench.connect()
    assert bench.taken() == ["OFF"]


def test_a_denied_topic_is_tried_again_slowly_and_holds_nobody_up(bench: Bench) -> None:
    """Events that the broker denies stay, other topics go on, one probe goes every 30 s, and order is kept."""
    bench.event("denied", count=3)
    bench.event("open", count=2)
    bench.connect(1)
    bench.acknowledge(bench.take(), "denied")
    assert bench.open_problems() == {"publish_denied"}
    assert bench.serve() == ["disk00-4", "disk00-5"]
    bench.now_ns += 29 * S
    bench.pump()
    assert bench.taken() == []
    bench.now_ns += 2 * S
    bench.pump()
    probe = bench.take()
    assert [message.payload for _, message in probe] == [b"disk00-1"]
    bench.acknowledge(probe, "denied")
    bench.now_ns += 31 * S
    bench.pump()
    assert bench.serve() == ["disk00-1", "disk00-2", "disk00-3"]
    assert bench.open_problems() == set()
    assert bench.courier.settled


@pytest.mark.parametrize("reason", ["too_large", "malformed"])
def test_what_no_retry_would_change_is_given_up(bench: Bench, reason: str) -> None:
    """A message that the broker can never take is counted and does not block the next one."""
    bench.event(count=2)
    bench.courier.state("s", b"huge")
    bench.connect(1)
    bench.acknowledge(bench.take(), reason)
    bench.acknowledge(bench.take(), reason)
    assert bench.serve() == ["disk00-2"]
    assert bench.courier.stats().dropped == {reason: 2}


def test_a_full_disk_moves_events_to_memory_and_back(bench: Bench) -> None:
    """While the disk is full events go on under ids of their own, in order, with the problem on."""
    bench.event(count=2)
    bench.outbox.full = True
    bench.event(count=2)
    assert bench.open_problems() == {"outbox_failed"}
    bench.outbox.full = False
    bench.event()
    assert bench.spare.pending() == 3
    bench.now_ns += 11 * S
    bench.event()
    assert bench.open_problems() == set()
    assert bench.stored() == ["disk00-1", "disk00-2", "spare0-1", "spare0-2", "spare0-3", "disk00-6"]
    bench.connect()
    assert bench.serve() == ["disk00-1", "disk00-2", "spare0-1", "spare0-2", "spare0-3", "disk00-6"]
    bench.courier.flush(bench.now_ns)
    assert bench.courier.stats().pending == 0


def test_one_refused_write_costs_no_event(bench: Bench) -> None:
    """While the broker is away, events go to disk again ten seconds after one write had failed."""
    bench.hiccup()
    bench.event(count=3000)
    assert (bench.spare.pending(), bench.outbox.pending()) == (0, 3001)
    assert bench.courier.stats().dropped == {}
    assert bench.open_problems() == set()
    bench.connect()
    assert bench.serve() == ["spare0-1", *(f"disk00-{n}" for n in range(2, 3002))]


def test_events_leave_memory_without_a_new_one(bench: Bench) -> None:
    """A quiet house is no reason to keep events in memory, nor the problem on."""
    bench.hiccup(count=5)
    bench.pump()
    assert (bench.spare.pending(), len(bench.stored())) == (0, 5)
    assert bench.open_problems() == set()


def test_many_events_leave_memory_in_steps(bench: Bench) -> None:
    """Each step takes 64 events to disk, and what comes meanwhile stays behind them."""
    bench = Bench(spare_limit=1000)
    bench.hiccup(count=100)
    bench.event()
    assert (bench.outbox.pending(), bench.spare.pending()) == (64, 37)
    bench.event()
    assert bench.stored() == [*(f"spare0-{n}" for n in range(1, 102)), "disk00-102"]


def test_what_is_under_way_may_move(bench: Bench) -> None:
    """An event that moves to disk while the broker has it is deleted there, or sent again, as any other."""
    bench.connect(2)
    bench.hiccup(count=3)
    bench.pump()
    second = bench.take()[1]
    assert bench.spare.pending() == 0
    bench.acknowledge([second])
    assert bench.taken() == ["spare0-3"]
    bench.lose()
    bench.connect(2)
    assert bench.serve() == ["spare0-1", "spare0-3"]
    bench.courier.flush(bench.now_ns)
    assert (bench.stored(), bench.courier.stats().pending) == ([], 0)


def test_a_disk_that_fails_again_keeps_the_rest_in_memory(bench: Bench) -> None:
    """A move that fails loses nothing and is tried again ten seconds later, once."""
    bench.hiccup(count=2)
    bench.outbox.full, bench.outbox.vain = True, 0
    for _ in range(5):
        bench.pump()
        bench.event()
    assert (bench.outbox.vain, bench.spare.pending()) == (1, 7)
    assert bench.open_problems() == {"outbox_failed"}
    bench.outbox.full = False
    bench.courier.put_away(bench.now_ns)
    assert bench.stored() == [f"spare0-{n}" for n in range(1, 8)]


def test_an_event_is_stored_once_though_no_room_can_be_made(bench: Bench) -> None:
    """Where the oldest events cannot be deleted the newest is on disk, and not in memory as well."""
    bench = Bench(limit=10)
    bench.outbox.stuck = True
    bench.event(count=11)
    assert (bench.outbox.pending(), bench.spare.pending()) == (11, 0)
    assert bench.open_problems() == {"outbox_failed"}
    bench.outbox.stuck = False
    bench.now_ns += 11 * S
    bench.event()
    dropped = bench.courier.stats().dropped["outbox_full"]
    assert bench.stored() == [f"disk00-{n}" for n in range(dropped + 1, 13)]


@pytest.mark.parametrize("delivered", [False, True])
def test_tracks_end_on_disk_though_they_ended_in_memory(bench: Bench, *, delivered: bool) -> None:
    """The disk learns which tracks started and ended while it refused, so that no later run ends one twice."""
    for track in "ab":
        bench.event(opens=track)
    bench.outbox.full = True
    bench.event(closes="a")
    bench.event(opens="c")
    bench.event(opens="d")
    bench.event(closes="d")
    if delivered:
        bench.connect()
        bench.serve()
        bench.courier.flush(bench.now_ns)
    bench.hiccup()
    bench.event(closes="c")
    bench.event(opens="e")
    assert [track for track, _ in bench.outbox.open_tracks()] == ["b", "e"]
    bench.connect()
    bench.serve()
    assert len({message.payload for _, message in bench.sent}) == len(bench.sent) == 9


def test_a_disk_that_refuses_is_left_alone_for_a_while(bench: Bench) -> None:
    """A locked disk is asked to delete or to read once in ten seconds, not in every round."""
    bench.event(count=40)
    bench.connect()
    bench.outbox.stuck = True
    bench.serve()
    for _ in range(10):
        bench.pump()
    assert bench.outbox.vain == 1
    assert bench.open_problems() == {"outbox_failed"}
    bench.outbox.stuck = False
    bench.now_ns += 11 * S
    bench.pump()
    assert (bench.outbox.pending(), bench.open_problems()) == (0, set())
    bench.outbox.vain, bench.outbox.unreadable = 0, True
    bench.event(count=3)
    for _ in range(10):
        bench.pump()
    assert bench.outbox.vain == 1
    bench.outbox.unreadable = False
    bench.now_ns += 11 * S
    bench.pump()
    assert bench.serve() == ["disk00-41", "disk00-42", "disk00-43"]


def test_without_an_outbox_memory_is_bounded(bench: Bench) -> None:
    """Until the outbox can be opened the oldest events make room in memory; then all that is left goes there."""
    bench = Bench(opened=False)
    bench.courier.outbox_refused(StorageError("no disk", "plug it in"), bench.now_ns)
    bench.event(count=30)
    assert bench.spare.pending() <= 20
    assert bench.open_problems() == {"outbox_failed"}
    kept = bench.courier.stats().pending
    bench.courier.adopt(bench.outbox, bench.now_ns)
    bench.pump()
    assert (bench.outbox.pending(), bench.spare.pending()) == (kept, 0)
    assert bench.open_problems() == set()


def test_an_outbox_that_opens_late_still_knows_old_topics(bench: Bench) -> None:
    """Topics of earlier runs are cleared when the outbox opens; those of this run are noted there."""
    bench = Bench(opened=False)
    bench.outbox.remember_retained(["old", "kept"])
    bench.courier.state("kept", b"ON")
    bench.courier.keep_only(frozenset(["kept", "more"]), 0)
    bench.courier.state("own", b"ON")
    bench.connect()
    assert bench.serve() == ["ON", "ON"]
    bench.courier.adopt(bench.outbox, 0)
    bench.pump()
    sent = bench.take()
    assert [(message.topic, message.payload) for _, message in sent] == [("old", b"")]
    bench.acknowledge(sent)
    assert bench.outbox.retained_topics() == {"kept", "own"}


def test_the_oldest_events_make_room(bench: Bench) -> None:
    """A full outbox drops its oldest events and counts them; the newest are delivered."""
    bench.outbox.full = True
    bench.event(count=25)
    bench.connect()
    heard = bench.serve()
    dropped = bench.courier.stats().dropped["outbox_full"]
    assert heard == [f"spare0-{n}" for n in range(dropped + 1, 26)]
    assert len(heard) <= 20


def test_broker_problems_begin_and_end(bench: Bench) -> None:
    """Each way of not having a broker is a problem that replaces the last one and ends with the connection."""
    bench.courier.notice(Disconnected("broker_unreachable", "m", "f"), 5)
    assert bench.open_problems() == {"broker_unreachable"}
    bench.courier.notice(Disconnected("broker_refused", "m", "f"), 6)
    assert bench.open_problems() == {"broker_refused"}
    bench.connect()
    assert bench.open_problems() == set()
    bench.lose()
    assert bench.open_problems() == {"broker_lost"}


def test_telemetry_does_not_pile_up(bench: Bench) -> None:
    """Telemetry that the network does not take in time is dropped and counted."""
    bench.connect()
    for _ in range(40):
        bench.courier.telemetry(Message("frame", b"{}"), 0)
    assert bench.courier.stats().dropped == {"congested": 8}
    bench.acknowledge(bench.take())
    bench.courier.telemetry(Message("frame", b"{}"), 0)
    assert len(bench.take()) == 1


def test_telemetry_that_is_too_large_is_counted(bench: Bench) -> None:
    """A picture that is larger than the broker's packets is given up, and `dropped` says why."""
    bench.connect()
    bench.courier.telemetry(Message("snapshot", b"0", retain=True), 0)
    bench.acknowledge(bench.take(), "too_large")
    assert bench.courier.stats().dropped == {"too_large": 1}


def test_retained_telemetry_is_cleared_by_a_later_run(bench: Bench) -> None:
    """Its topic is noted before it is sent; what was dropped was never there."""
    bench.courier.telemetry(Message("snapshot", b"0", retain=True), 0)
    assert bench.outbox.retained_topics() == frozenset()
    bench.connect()
    bench.courier.telemetry(Message("snapshot", b"1", retain=True), 0)
    bench.courier.telemetry(Message("frame", b"2"), 0)
    assert bench.outbox.retained_topics() == {"snapshot"}
    bench.acknowledge(bench.take())
    bench.courier.keep_only(frozenset(), 0)
    bench.pump()
    ((_, cleared),) = bench.take()
    assert (cleared.topic, cleared.payload, cleared.retain) == ("snapshot", b"", True)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["event", "connect", "lose", "ack", "ack_last", "deny", "wait", "stuck"])))
def test_no_event_is_lost_or_overtakes_another(steps: list[str]) -> None:
    """Whatever happens on the way, each event arrives, and is not first sent after a later one of its topic."""
    bench, made = Bench(), 0
    heard: list[str] = []
    for step in [*steps, "wait", "connect", "wait"]:
        if step == "event":
            bench.event(f"topic{made % 2}")
            made += 1
        elif step == "connect":
            bench.takes = True
            bench.lose()
            bench.take()
            bench.connect(3)
        elif step == "lose":
            bench.lose()
        elif step == "wait":
            bench.now_ns += 31 * S
        elif step == "stuck":
            bench.takes = False
        elif fresh := bench.take()[-1 if step == "ack_last" else 0 :]:
            taken = [message.payload.decode() for _, message in fresh] if step != "deny" else []
            heard += taken
            bench.acknowledge(fresh, "denied" if step == "deny" else "")
        bench.pump()
    heard += bench.serve()
    bench.now_ns += 31 * S
    bench.pump()
    heard += bench.serve()
    assert set(heard) == {f"disk00-{n}" for n in range(1, made + 1)}
    assert bench.courier.stats().dropped == {}
    for topic in ("topic0", "topic1"):
        first = list(dict.fromkeys(int(one.payload[7:]) for _, one in bench.sent if one.topic == topic))
        assert first == sorted(first)
    assert bench.courier.settled


DISK = {"break": (True, False), "stick": (False, True), "mend": (False, False)}


def live(bench: Bench, step: str) -> set[str]:
    """Lets one thing happen; returns what the broker took."""
    heard: set[str] = set()
    if step in DISK:
        bench.outbox.full, bench.outbox.stuck = DISK[step]
    elif step == "wait":
        bench.now_ns += 31 * S
    elif step in {"connect", "lose"}:
        bench.lose()
        bench.take()
        if step == "connect":
            bench.connect(3)
    elif fresh := bench.take():
        heard = {message.payload.decode() for _, message in fresh if step == "ack"}
        bench.acknowledge(fresh, "denied" if step == "deny" else "")
    bench.pump()
    return heard


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["event", "connect", "lose", "ack", "deny", "wait", *DISK])))
def test_no_event_is_lost_where_the_disk_fails_too(steps: list[str]) -> None:
    """Whatever disk and broker do, each event arrives under one id, in order within its topic, and none stays."""
    bench, made, heard = Bench(spare_limit=1000), list[str](), set[str]()

    def build(epoch: str, seq: int) -> StoredEvent:
        made.append(f"{epoch}-{seq}")
        return StoredEvent(seq, f"topic{len(made) % 2}", made[-1].encode(), 9)

    for step in [*steps, "mend", "wait", "connect", "wait"]:
        if step == "event":
            bench.courier.event(build, now_ns=bench.now_ns)
        else:
            heard |= live(bench, step)
    for _ in range(2):
        heard.update(bench.serve())
        live(bench, "wait")
    assert heard == set(made)
    for topic in ("topic0", "topic1"):
        first = dict.fromkeys(one.payload.decode() for _, one in bench.sent if one.topic == topic)
        assert list(first) == [name for name in made if name in first]
    assert (bench.courier.stats().pending, bench.courier.stats().dropped) == (0, {})
    assert bench.open_problems() == set()
