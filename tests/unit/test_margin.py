"""How early the next frame is fitted: late ones widen the margin quickly, punctual ones narrow it slowly."""

from edged.children.hotpath import EARLY_NS, IN_TIME_STEP_NS, LATE_STEP_NS, MOST_EARLY_NS, margin


def test_a_late_fit_widens_the_margin_up_to_a_limit() -> None:
    """A busy machine gets more time, but frames never become more than a millisecond older for it."""
    assert margin(EARLY_NS, late=True) == EARLY_NS + LATE_STEP_NS
    assert margin(MOST_EARLY_NS, late=True) == MOST_EARLY_NS


def test_a_quiet_machine_gets_back_to_the_smallest_margin() -> None:
    """Fits in time narrow the margin again, so that one busy second leaves no trace."""
    early_ns = MOST_EARLY_NS
    for _ in range((MOST_EARLY_NS - EARLY_NS) // IN_TIME_STEP_NS):
        early_ns = margin(early_ns, late=False)
    assert early_ns == EARLY_NS
    assert margin(EARLY_NS, late=False) == EARLY_NS


def test_one_fit_in_two_hundred_may_be_late() -> None:
    """The margin stays where it is if 0.5% of the fits end after the invoke."""
    early_ns = start_ns = (EARLY_NS + MOST_EARLY_NS) // 2
    for number in range(LATE_STEP_NS // IN_TIME_STEP_NS + 1):
        early_ns = margin(early_ns, late=number == 0)
    assert early_ns == start_ns
