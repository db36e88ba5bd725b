"""A camera's ring between two processes: no reader ever sees a frame that is being written."""

import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edged.transport.borrower import Borrowers
from tests.fakes.ring import Ring


@pytest.fixture
def fast() -> Iterator[Ring]:
    """Thousands of frames a second, of which the newest counts."""
    ring = Ring(lossless=False, pause_s=0.0001)
    yield ring
    ring.close()


def take(frames: Borrowers, count: int, *, hold_s: float = 0.0) -> tuple[list[int], int]:
    """Sequence numbers of the next frames, and how many of the frames were torn while they were held."""
    seqs, torn = [], 0
    for _ in range(count):
        loan = frames.next()
        words = loan.pixels.reshape(-1).view(np.uint32)
        whole = bool((words == loan.seq).all())
        time.sleep(hold_s)
        torn += not (whole and (words == loan.seq).all())
        seqs.append(loan.seq)
    return seqs, torn


@pytest.mark.parametrize("hold_s", [0.0, 0.002])
def test_no_frame_is_torn_at_any_speed(fast: Ring, hold_s: float) -> None:
    """A frame stays as it was announced for as long as it is held, however fast the camera writes."""
    frames = Borrowers()
    frames.add(fast.borrow())
    seqs, torn = take(frames, 600, hold_s=hold_s)
    assert torn == 0
    assert seqs == sorted(set(seqs))
    if hold_s:
        assert seqs[-1] > 3 * len(seqs)  # the writer was faster and went over its four slots many times


def test_two_readers_of_one_ring_do_not_disturb_each_other(fast: Ring) -> None:
    """A slot is written to only when the last of its readers has given it back."""
    results: list[tuple[list[int], int]] = []

    def read(hold_s: float) -> None:
        frames = Borrowers()
        frames.add(fast.borrow())
        results.append(take(frames, 200, hold_s=hold_s))

    threads = [threading.Thread(target=read, args=(hold_s,)) for hold_s in (0.0, 0.003)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [torn for _, torn in results] == [0, 0]


def test_readers_that_vanish_give_their_frames_back(fast: Ring) -> None:
    """A hundred readers that end with a frame in their hands leave the writer all its slots."""
    for turn in range(100):
        borrower = fast.borrow(stream=turn)
        borrower.ask()
        loan = None
        while loan is None:
            loan = borrower.take(stale=False)
        assert int(loan.pixels.reshape(-1).view(np.uint32)[0]) == loan.seq
        borrower.sock.close()
    frames = Borrowers()
    frames.add(fast.borrow())
    assert take(frames, 50)[1] == 0


def test_a_source_that_can_wait_loses_no_frame() -> None:
    """With `lossless` each frame is replaced only after its reader has given it back."""
    ring = Ring(lossless=True, pause_s=0)
    frames = Borrowers()
    frames.add(ring.borrow())
    assert take(frames, 500, hold_s=0.0001) == (list(range(1, 501)), 0)
    ring.close()


def test_a_frame_whose_reader_died_is_lent_to_the_next() -> None:
    """With `lossless`, what a reader held when it went away is not lost with it."""
    ring = Ring(lossless=True, pause_s=0)
    first, second = Borrowers(), Borrowers()
    dying = ring.borrow()
    first.add(dying)
    assert take(first, 10)[0] == list(range(1, 11))
    dying.sock.close()
    second.add(ring.borrow(after=9))
    assert take(second, 3)[0] == [10, 11, 12]
    ring.close()


def test_a_new_reader_begins_after_what_is_already_answered(fast: Ring) -> None:
    """A frame that was answered once is not offered again to the next process."""
    first = Borrowers()
    first.add(fast.borrow())
    (last, *_), _ = take(first, 1)
    second = Borrowers()
    second.add(fast.borrow(after=last + 500))
    assert take(second, 1)[0][0] > last + 500


def test_a_camera_that_stands_still_does_not_hold_up_the_other(fast: Ring) -> None:
    """Frames of a living camera are served though another is stopped in the middle of an exchange."""
    stopped = Ring(lossless=False, pause_s=0.001)
    frames = Borrowers()
    frames.add(fast.borrow(stream=0))
    frames.add(stopped.borrow(stream=1))
    while {frames.next().stream for _ in range(10)} != {0, 1}:
        pass
    while frames.next().stream != 0:
        pass
    time.sleep(0.05)  # by now a frame of the other one waits, and is too old to be taken as it is
    stopped.process.send_signal(signal.SIGSTOP)
    time.sleep(0.05)
    started_s = time.monotonic()
    assert [frames.next().stream for _ in range(200)].count(0) >= 198
    assert time.monotonic() - started_s < 2
    stopped.process.send_signal(signal.SIGCONT)
    assert 1 in {frames.next().stream for _ in range(2000)}
    stopped.close()
