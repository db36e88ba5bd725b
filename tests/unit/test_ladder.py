"""What is tried when an accelerator fails, and for how long."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from edged.daemon.ladder import (
    BACKOFF_FIRST_S,
    BACKOFF_MOST_S,
    BACKOFF_WORKED_S,
    DEATHS_ALLOWED,
    RECENT_NS,
    RETRY_FIRST_S,
    RETRY_MOST_S,
    Ladder,
    Step,
)

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Happening:
    """Something that a ladder is told: a failure, a result or a minute without trouble."""

    kind: str
    rung: int
    after_s: int
    had_results: bool


def happenings(rungs: int) -> st.SearchStrategy[list[Happening]]:
    return st.lists(
        st.builds(
            Happening,
            st.sampled_from(["failed", "failed", "failed", "settled"]),
            st.integers(0, rungs - 1),
            st.integers(0, 90),
            st.booleans(),
        ),
        max_size=40,
    )


def tell(ladder: Ladder, happening: Happening, now_ns: int) -> tuple[Step, ...]:
    if happening.kind == "settled":
        ladder.settled(happening.rung)
    else:
        return ladder.failed(happening.rung, had_results=happening.had_results, now_ns=now_ns)
    return ()


@given(st.integers(1, 4).flatmap(lambda rungs: st.tuples(st.just(rungs), happenings(rungs))))
def test_a_step_always_names_a_rung_that_exists(case: tuple[int, list[Happening]]) -> None:
    """Whatever happens, there is a next step, on a rung of the ladder, and its wait is bounded."""
    rungs, history = case
    ladder, now_ns = Ladder(rungs), 0
    for happening in history:
        now_ns += happening.after_s * SECOND
        steps = tell(ladder, happening, now_ns)
        assert bool(steps) == (happening.kind == "failed")
        for step in steps:
            assert 0 <= step.rung < rungs
            assert 0 <= step.delay_s <= {"retry": RETRY_MOST_S, "restart": BACKOFF_MOST_S}.get(step.kind, 0)


@given(st.integers(1, 4).flatmap(lambda rungs: st.tuples(st.just(rungs), happenings(rungs))))
def test_a_rung_is_left_for_the_next_one_only_and_is_always_returned_to(
    case: tuple[int, list[Happening]],
) -> None:
    """A fall-back goes one rung down and comes with a retry of the rung that was left."""
    rungs, history = case
    ladder, now_ns = Ladder(rungs), 0
    for happening in history:
        now_ns += happening.after_s * SECOND
        match tell(ladder, happening, now_ns):
            case (Step("fall_back", down), Step("retry", back, delay_s)):
                assert (down, back) == (happening.rung + 1, happening.rung)
                assert delay_s >= RETRY_FIRST_S
            case (Step("restart", rung),):
                assert rung == happening.rung
            case steps:
                assert steps == ()


def test_three_deaths_within_a_minute_are_forgiven_and_the_fourth_is_not() -> None:
    """A process that gave results is started again at once, three times in a minute; then the CPU takes over."""
    ladder = Ladder(2)
    for second in range(DEATHS_ALLOWED):
        steps = ladder.failed(0, had_results=True, now_ns=second * SECOND)
        assert steps == (Step("restart", 0, 0.0),)
    last = ladder.failed(0, had_results=True, now_ns=RECENT_NS - SECOND)
    assert last == (Step("fall_back", 1, 0.0), Step("retry", 0, RETRY_FIRST_S))


def test_deaths_that_are_a_minute_old_are_forgotten() -> None:
    """A chip that dies every 21 s is restarted for ever and never left."""
    ladder = Ladder(2)
    for number in range(50):
        assert ladder.failed(0, had_results=True, now_ns=number * 21 * SECOND)[0].kind == "restart"


def test_a_start_that_fails_is_not_repeated_while_there_is_another_rung() -> None:
    """An Edge TPU that does not open leaves the work to the CPU at its first failure."""
    first, second = Ladder(2).failed(0, had_results=False, now_ns=0)
    assert (first.kind, first.rung, first.delay_s) == ("fall_back", 1, 0.0)
    assert (second.kind, second.rung) == ("retry", 0)


def test_the_retry_doubles_to_five_minutes_and_starts_anew_once_settled() -> None:
    """A rung that stays broken is tried after 30, 60, 120, 240 and then every 300 s."""
    ladder = Ladder(2)

    def retry_s() -> float:
        return ladder.failed(0, had_results=False, now_ns=0)[1].delay_s

    assert [retry_s() for _ in range(6)] == [30, 60, 120, 240, 300, 300]
    ladder.settled(0)
    assert retry_s() == RETRY_FIRST_S


def test_the_last_rung_is_restarted_ever_more_slowly_until_it_is_settled() -> None:
    """Where there is nowhere to fall back to, the wait doubles from 0.25 s to 30 s and no further."""
    ladder = Ladder(1)

    def wait_s() -> float:
        (step,) = ladder.failed(0, had_results=False, now_ns=0)
        assert (step.kind, step.rung) == ("restart", 0)
        return step.delay_s

    waits = [wait_s() for _ in range(12)]
    assert waits[:4] == [0.25, 0.5, 1, 2]
    assert waits[-1] == BACKOFF_MOST_S
    ladder.settled(0)
    assert wait_s() == BACKOFF_FIRST_S


def test_the_last_rung_that_dies_in_a_row_is_not_restarted_at_once_for_ever() -> None:
    """A CPU model that gives one result and dies, again and again, is restarted once a second."""
    ladder = Ladder(1)
    waits = []
    for number in range(20):
        waits += [step.delay_s for step in ladder.failed(0, had_results=True, now_ns=number * SECOND)]
    assert waits[:DEATHS_ALLOWED] == [0.0] * DEATHS_ALLOWED
    assert waits[DEATHS_ALLOWED:][:3] == [BACKOFF_FIRST_S, 0.5, BACKOFF_WORKED_S]
    assert set(waits[DEATHS_ALLOWED + 3 :]) == {BACKOFF_WORKED_S}


def test_rungs_do_not_share_their_history() -> None:
    """Failures of the Edge TPU leave the CPU's patience as it was."""
    ladder = Ladder(2)
    for number in range(8):
        ladder.failed(0, had_results=number % 2 == 0, now_ns=0)
    assert ladder.failed(1, had_results=True, now_ns=0) == (Step("restart", 1, 0.0),)
    assert ladder.failed(1, had_results=False, now_ns=0) == (Step("restart", 1, BACKOFF_FIRST_S),)


def test_a_device_whose_owner_cannot_be_ended_gets_no_second_one() -> None:
    """A process stuck in the kernel is left for the next rung, without a retry; on the last one nothing is left."""
    ladder = Ladder(2)
    assert ladder.failed(0, had_results=True, now_ns=0, stuck=True) == (Step("fall_back", 1, 0.0),)
    assert ladder.failed(1, had_results=True, now_ns=0, stuck=True) == (Step("give_up", 1, 0.0),)
