"""A follower of a camera's ring is shown frames that a reader has used, and is in nobody's way."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edged.transport.borrower import Borrower, Borrowers, Loan
from tests.fakes.ring import Ring


class Reader:
    """Uses frames without end, as an accelerator does, and notes which."""

    def __init__(self, frames: Borrowers, hold_s: float = 0.001) -> None:
        self.used: set[int] = set()
        self._frames = frames
        self._hold_s = hold_s
        self._going = True
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while self._going:
            loan = self._frames.next()
            if loan.stream == 0:
                self.used.add(loan.seq)
            time.sleep(self._hold_s)

    def stop(self) -> None:
        """Ends after the next frame."""
        self._going = False
        self._thread.join(5)


def shown(follower: Borrower) -> Loan:
    """The next frame that is shown to a follower."""
    follower.ask()
    for _ in range(250):
        if loan := follower.take(stale=False):  # waits 20 ms at most
            return loan
    raise AssertionError("nothing was shown")


@pytest.fixture
def ring() -> Iterator[Ring]:
    """Three thousand frames a second, of which a reader uses some."""
    ring = Ring(lossless=False, pause_s=0.0003)
    yield ring
    ring.close()


def test_a_follower_is_shown_only_what_was_used(ring: Ring) -> None:
    """A hundred frames in turn, each whole for as long as it is held, and each one that the reader had."""
    frames = Borrowers()
    frames.add(ring.borrow())
    follower = ring.borrow(follows=True)
    reader = Reader(frames)
    seqs = []
    for turn in range(100):
        loan = shown(follower)
        time.sleep(0.002 * (turn % 3))
        assert (loan.pixels.reshape(-1).view(np.uint32) == loan.seq).all()
        seqs.append(loan.seq)
        follower.give_back()
    reader.stop()
    assert seqs == sorted(set(seqs))
    assert set(seqs) <= reader.used


def test_a_frame_that_was_swapped_for_a_newer_one_is_not_shown(ring: Ring) -> None:
    """Two cameras share a reader, which swaps what had to wait for it: the follower sees what it took instead."""
    other = Ring(lossless=False, pause_s=0.001)
    frames = Borrowers()
    frames.add(ring.borrow(stream=0))
    frames.add(other.borrow(stream=1))
    follower = ring.borrow(follows=True)
    reader = Reader(frames, hold_s=0.003)
    seqs = set()
    for _ in range(50):
        seqs.add(shown(follower).seq)
        follower.give_back()
    reader.stop()
    other.close()
    assert len(seqs) == 50
    assert seqs <= reader.used


def test_a_follower_without_a_wish_is_shown_nothing(ring: Ring) -> None:
    """Having given its frame back it has peace until it asks again."""
    frames = Borrowers()
    frames.add(ring.borrow())
    follower = ring.borrow(follows=True)
    reader = Reader(frames)
    shown(follower)
    follower.give_back()
    assert follower.take(stale=False) is None
    reader.stop()


def test_a_follower_that_never_gives_back_holds_nobody_up(ring: Ring) -> None:
    """The writer and the reader go on with the other three slots, and its frame stays as it was."""
    frames = Borrowers()
    frames.add(ring.borrow())
    reader = Reader(frames)
    loan = shown(ring.borrow(follows=True))
    before = len(reader.used)
    time.sleep(0.3)
    assert len(reader.used) > before + 20
    assert (loan.pixels.reshape(-1).view(np.uint32) == loan.seq).all()
    reader.stop()


def test_followers_that_vanish_give_their_frames_back(ring: Ring) -> None:
    """Fifty of them in turn end with a frame in their hands, and the next one still gets one."""
    frames = Borrowers()
    frames.add(ring.borrow())
    reader = Reader(frames)
    for _ in range(50):
        follower = ring.borrow(follows=True)
        shown(follower)
        follower.sock.close()
    reader.stop()


def test_a_follower_is_no_reader_of_a_source_that_can_wait() -> None:
    """With `lossless`, what it does never counts as an answer: the reader gets every frame."""
    ring = Ring(lossless=True, pause_s=0)
    follower = ring.borrow(follows=True)
    follower.ask()
    assert follower.take(stale=False) is None  # nobody has used one
    frames = Borrowers()
    frames.add(ring.borrow())
    seqs, looks = [], []
    for _ in range(200):
        seqs.append(frames.next().seq)
        if loan := follower.take(stale=False):
            looks.append(loan.seq)
            follower.give_back()
            follower.ask()
    ring.close()
    assert seqs == list(range(1, 201))
    assert len(looks) > 50
    assert looks == sorted(set(looks) & set(seqs))
