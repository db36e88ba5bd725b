"""The parent's loop: timers, descriptors and calls from other threads."""

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from edged.daemon.reactor import Reactor

LATEST_S = 3.0


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    loop = Reactor()
    loop.call_later(LATEST_S, lambda: pytest.fail("the loop was not stopped"))
    yield loop
    loop.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_timers_fire_in_the_order_of_their_times(reactor: Reactor) -> None:
    """Calls come by time, and by the order they were arranged in where the times are one."""
    heard: list[str] = []
    reactor.call_later(0.03, reactor.stop)
    for name, delay_s in (("c", 0.02), ("a", 0.0), ("b", 0.01), ("a2", 0.0)):
        reactor.call_later(delay_s, lambda name=name: heard.append(name))  # type: ignore[misc]  # bound on purpose
    reactor.run()
    assert heard == ["a", "a2", "b", "c"]


def test_a_timer_is_never_early(reactor: Reactor) -> None:
    """A call comes when its delay has passed, not before."""
    began = time.monotonic()
    reactor.call_later(0.05, reactor.stop)
    reactor.run()
    assert time.monotonic() - began >= 0.05


def test_a_cancelled_timer_does_not_fire(reactor: Reactor) -> None:
    """Cancelling works before its time, from another timer of the same instant, and afterwards."""
    heard: list[str] = []
    timer = reactor.call_later(0.01, lambda: heard.append("cancelled"))
    at_once = reactor.call_later(0.02, lambda: None)
    reactor.call_later(0.0, timer.cancel)
    reactor.call_later(0.03, at_once.cancel)
    reactor.call_later(0.03, reactor.stop)
    reactor.run()
    timer.cancel()
    assert heard == []


def test_a_timer_fires_once(reactor: Reactor) -> None:
    """A timer that has fired is spent."""
    heard: list[int] = []
    timer = reactor.call_later(0.0, lambda: heard.append(1))
    reactor.call_later(0.01, timer.fire)
    reactor.call_later(0.02, reactor.stop)
    reactor.run()
    assert heard == [1]


def test_calls_at_an_interval_go_on(reactor: Reactor) -> None:
    """`call_every` calls until the loop ends, at its interval or later."""
    times: list[float] = []

    def tick() -> None:
        times.append(time.monotonic())
        if len(times) == 4:
            reactor.stop()

    reactor.call_every(0.01, tick)
    reactor.run()
    assert len(times) == 4
    assert times[-1] - times[0] >= 0.03


def test_calls_at_an_interval_can_be_cancelled(reactor: Reactor) -> None:
    """A rhythm ends when it is cancelled, from inside one of its calls or from elsewhere."""
    calls: list[str] = []

    def once() -> None:
        calls.append("once")
        first.cancel()

    first = reactor.call_every(0.001, once)
    second = reactor.call_every(0.001, lambda: calls.append("never"))
    second.cancel()
    assert not second.pending
    reactor.call_later(0.03, reactor.stop)
    reactor.run()
    assert calls == ["once"]


def test_a_loop_may_run_again(reactor: Reactor) -> None:
    """What was arranged in one run is kept for the next, and a stop that came between them counts."""
    calls: list[int] = []
    reactor.call_later(0.02, lambda: calls.append(1))
    for _ in range(2):
        reactor.call_from_thread(reactor.stop)
        reactor.run()
    assert calls == []
    reactor.call_later(0.05, reactor.stop)
    reactor.run()
    assert calls == [1]


def test_a_call_at_an_interval_survives_its_own_error(reactor: Reactor) -> None:
    """The next call is arranged before this one is made, so an error does not end the rhythm."""
    calls: list[int] = []

    def tick() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError
        reactor.stop()

    reactor.call_every(0.001, tick)
    with pytest.raises(ValueError, match=r"^$"):
        reactor.run()
    reactor.run()
    assert len(calls) == 2


def test_another_thread_wakes_the_loop(reactor: Reactor) -> None:
    """A loop that waits for nothing makes a thread's call at once, in its own thread."""
    heard: list[tuple[threading.Thread, float]] = []
    began: list[float] = []

    def call() -> None:
        heard.append((threading.current_thread(), time.monotonic()))
        reactor.stop()

    def other() -> None:
        time.sleep(0.05)
        began.append(time.monotonic())
        reactor.call_from_thread(call)

    thread = threading.Thread(target=other)
    thread.start()
    reactor.run()
    thread.join()
    assert heard[0][0] is threading.current_thread()
    assert heard[0][1] - began[0] < 1.0


def test_calls_of_a_thread_stay_in_order_and_none_is_lost(reactor: Reactor) -> None:
    """Two threads that call as fast as they can are both heard completely."""
    heard: list[tuple[int, int]] = []

    def call(thread: int, number: int) -> Callable[[], None]:
        def note() -> None:
            heard.append((thread, number))
            if len(heard) == 2000:
                reactor.stop()

        return note

    def flood(thread: int) -> None:
        for number in range(1000):
            reactor.call_from_thread(call(thread, number))

    threads = [threading.Thread(target=flood, args=(thread,)) for thread in (0, 1)]
    for each in threads:
        each.start()
    reactor.run()
    for each in threads:
        each.join()
    for thread in (0, 1):
        assert [number for by, number in heard if by == thread] == list(range(1000))


def test_a_call_that_arranges_another_is_heard_with_it(reactor: Reactor) -> None:
    """`call_from_thread` may be used by a call that came through it."""
    reactor.call_from_thread(lambda: reactor.call_from_thread(reactor.stop))
    reactor.run()


def test_a_descriptor_is_read_when_there_is_something(reactor: Reactor, pipe: tuple[int, int]) -> None:
    """A reader is called for data and, again and again, until the data is taken."""
    calls: list[int] = []

    def read() -> None:
        calls.append(1)
        if len(calls) == 2:
            assert os.read(pipe[0], 10) == b"x"
            reactor.stop()

    def write() -> None:
        os.write(pipe[1], b"x")

    reactor.add_reader(pipe[0], read)
    reactor.call_later(0.01, write)
    reactor.run()
    assert len(calls) == 2


def test_the_other_side_hanging_up_is_told(reactor: Reactor) -> None:
    """A closed pipe calls its reader, which then reads nothing."""
    ours, theirs = os.pipe()
    heard: list[bytes] = []

    def read() -> None:
        heard.append(os.read(ours, 10))
        reactor.stop()

    reactor.add_reader(ours, read)
    os.close(theirs)
    reactor.run()
    reactor.remove_reader(ours)
    os.close(ours)
    assert heard == [b""]


def test_a_reader_may_be_removed_by_itself(reactor: Reactor, pipe: tuple[int, int]) -> None:
    """A reader that removes itself is not called again though data still waits; twice does no harm."""
    calls: list[int] = []

    def read() -> None:
        calls.append(1)
        reactor.remove_reader(pipe[0])
        reactor.remove_reader(pipe[0])

    reactor.add_reader(pipe[0], read)
    os.write(pipe[1], b"x")
    reactor.call_later(0.03, reactor.stop)
    reactor.run()
    assert calls == [1]


def test_a_reader_removed_by_another_one_of_the_same_instant_is_not_called(reactor: Reactor) -> None:
    """Two descriptors are ready together; whichever comes first removes both, and the other stays silent."""
    pairs = [os.pipe(), os.pipe()]
    calls: list[int] = []

    def read() -> None:
        calls.append(1)
        for ours, _ in pairs:
            reactor.remove_reader(ours)

    for ours, theirs in pairs:
        reactor.add_reader(ours, read)
        os.write(theirs, b"x")
    reactor.call_later(0.03, reactor.stop)
    reactor.run()
    assert calls == [1]
    for end in (end for pair in pairs for end in pair):
        os.close(end)


def test_a_removed_descriptor_can_be_added_again(reactor: Reactor, pipe: tuple[int, int]) -> None:
    """The number of a closed descriptor is soon another one's; it must be free."""
    reactor.add_reader(pipe[0], lambda: pytest.fail("this one was removed"))
    reactor.remove_reader(pipe[0])
    reactor.add_reader(pipe[0], reactor.stop)
    os.write(pipe[1], b"x")
    reactor.run()


def test_a_due_timer_is_not_starved_by_a_busy_descriptor(reactor: Reactor, pipe: tuple[int, int]) -> None:
    """A reader that never takes its data does not keep timers from their turn."""
    reactor.add_reader(pipe[0], lambda: None)
    os.write(pipe[1], b"x")
    reactor.call_later(0.02, reactor.stop)
    reactor.run()


def test_closing_twice_is_harmless(reactor: Reactor) -> None:
    """The loop gives its descriptors back once."""
    reactor.close()
    reactor.close()
