"""Which slot of a ring may be written, against a model of its borrowers."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edged.transport.slots import SLOTS, Held, Slots


class Ring(RuleBasedStateMachine):
    """A writer, and consumers that hold loans; a loan may be ended in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots()
        self.seq = 0
        self.loans: list[Held] = []
        self.contents: dict[int, int] = {}

    @rule(publish=st.booleans())
    def write(self, publish: bool) -> None:
        """A frame is written into a free slot, and published or given up."""
        slot = self.slots.free()
        if slot is None:
            assert {loan.slot for loan in self.loans} | {self.newest_slot} >= set(range(SLOTS))
            return
        assert 0 <= slot < SLOTS
        assert slot not in {loan.slot for loan in self.loans}, "somebody is reading it"
        assert slot != self.newest_slot, "somebody may be about to read it"
        self.contents[slot] = -1
        if publish:
            self.seq += 1
            self.contents[slot] = self.seq
            self.slots.newest = Held(slot, self.seq, self.seq, 0, 4, 4)

    @rule(behind=st.integers(0, 3))
    def borrow(self, behind: int) -> None:
        """A consumer asks for what is newer than the frame it has seen."""
        after = self.seq - behind
        loan = self.slots.lend_newer(after)
        assert (loan is not None) == (self.seq > after and self.seq > 0)
        if loan:
            assert loan.seq == self.seq
            self.loans.append(loan)

    @precondition(lambda self: self.loans)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A consumer is done with a frame."""
        loan = self.loans.pop(data.draw(st.integers(0, len(self.loans) - 1)))
        self.slots.give_back(loan.slot)

    @property
    def newest_slot(self) -> int:
        """Where the newest frame is; -1 where there is none."""
        return self.slots.newest.slot if self.slots.newest else -1

    @invariant()
    def a_lent_frame_keeps_its_pixels(self) -> None:
        """What a consumer reads is the frame that it was lent."""
        for loan in self.loans:
            assert self.contents[loan.slot] == loan.seq

    @invariant()
    def loans_balance(self) -> None:
        """Each slot is lent exactly as often as somebody holds it."""
        held = [sum(loan.slot == slot for loan in self.loans) for slot in range(SLOTS)]
        assert self.slots._lent == held


TestRing = Ring.TestCase
TestRing.settings = settings(max_examples=60, stateful_step_count=40)


def test_an_unused_ring_lends_nothing_and_has_room() -> None:
    """Before the first frame there is a slot to write and nothing to read."""
    slots = Slots()
    assert slots.lend_newer(0) is None
    assert slots.free() is not None


def test_two_slow_consumers_never_stop_the_writer() -> None:
    """With one frame lent to each of two consumers and a newer one waiting, a slot is left."""
    slots = Slots()
    for seq in (1, 2, 3):
        slot = slots.free()
        assert slot is not None
        slots.newest = Held(slot, seq, seq, 0, 4, 4)
        if seq < 3:
            assert slots.lend_newer(seq - 1)
    assert slots.free() is not None


def test_a_full_ring_says_so() -> None:
    """With three frames lent and the newest unread, nothing may be written."""
    slots = Slots()
    for seq in (1, 2, 3, 4):
        slot = slots.free()
        assert slot is not None
        slots.newest = Held(slot, seq, seq, 0, 4, 4)
        if seq < 4:
            slots.lend_newer(seq - 1)
    assert slots.free() is None
