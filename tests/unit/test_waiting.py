"""How long a frame has waited, and for whom."""

from edged.daemon.waiting import Waiting

SECOND = 1_000_000_000


def looked(*looks: tuple[int, int, float]) -> Waiting:
    waiting = Waiting()
    for last_seq, taken_seq, at_s in looks:
        waiting.look(last_seq=last_seq, taken_seq=taken_seq, now_ns=int(at_s * SECOND))
    return waiting


def test_a_frame_waits_from_when_it_is_first_seen_unanswered() -> None:
    """The clock starts at the first look that shows a frame newer than the last answer."""
    waiting = looked((4, 4, 0), (5, 4, 1), (6, 4, 3))
    assert waiting.on
    assert waiting.seconds(4 * SECOND) == 3.0


def test_an_answer_starts_the_clock_anew() -> None:
    """A camera that is served never waits for longer than from one look to the next."""
    waiting = looked((5, 4, 1), (9, 8, 2))
    assert waiting.seconds(3 * SECOND) == 1.0
    assert not looked((5, 4, 1), (9, 9, 2)).on


def test_a_camera_that_stands_still_is_told_from_one_that_goes_on() -> None:
    """Newer frames while one waits show that the camera is not what hangs."""
    assert looked((5, 4, 1), (6, 4, 2)).camera_moves
    assert not looked((5, 4, 1), (5, 4, 2)).camera_moves


def test_another_process_gets_all_the_time() -> None:
    """What waited for a dead process does not count against the next."""
    waiting = looked((5, 4, 1))
    waiting.restart()
    assert waiting.seconds(9 * SECOND) == 0.0
