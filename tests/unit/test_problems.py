"""The conditions that last, and when a subscriber has to hear of them again."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edged.daemon.problems import Problems
from edged.domain.problems import Problem

LOST = Problem("camera_lost", "camera front is gone", "plug it in", 100, "front")
problem = st.builds(
    Problem,
    st.sampled_from(["camera_lost", "accelerator_lost"]),
    st.sampled_from(["a", "b"]),
    st.just("fix"),
    st.integers(0, 50),
    st.sampled_from(["", "front", "back"]),
)


def test_a_problem_is_new_once() -> None:
    """The second report of a condition is no news, and changes nothing."""
    problems = Problems()
    assert problems.add(LOST)
    version = problems.version
    assert not problems.add(LOST)
    assert not problems.add(replace(LOST, since_ns=500))
    assert problems.version == version
    assert problems.current() == (LOST,)


def test_the_newest_words_are_kept_with_the_oldest_beginning() -> None:
    """A condition whose reason changes has lasted since its beginning, and is published again."""
    problems = Problems()
    problems.add(LOST)
    version = problems.version
    assert not problems.add(replace(LOST, message="camera front hangs", since_ns=900))
    assert problems.current() == (replace(LOST, message="camera front hangs"),)
    assert problems.version > version


def test_two_cameras_have_two_problems() -> None:
    """The subject tells conditions of one kind apart."""
    problems = Problems()
    problems.add(LOST)
    assert problems.add(replace(LOST, subject="back"))
    assert problems.clear("camera_lost", "back")
    assert problems.current() == (LOST,)


def test_what_is_not_open_cannot_be_cleared() -> None:
    """Clearing an unknown condition is no change."""
    problems = Problems()
    problems.add(LOST)
    version = problems.version
    assert not problems.clear("camera_lost", "back")
    assert not problems.clear("camera_lost")
    assert problems.version == version


def test_a_condition_that_returns_is_new() -> None:
    """After it was cleared, the same condition begins again."""
    problems = Problems()
    problems.add(LOST)
    assert problems.clear("camera_lost", "front")
    assert problems.current() == ()
    assert problems.add(replace(LOST, since_ns=700))
    assert problems.current()[0].since_ns == 700


@given(st.lists(st.one_of(problem, st.tuples(st.just("clear"), problem)), max_size=40))
def test_the_version_changes_exactly_when_the_list_does(changes: list[Problem | tuple[str, Problem]]) -> None:
    """Whoever publishes only on a new version misses nothing and repeats nothing; the oldest comes first."""
    problems = Problems()
    for change in changes:
        before, version = problems.current(), problems.version
        if isinstance(change, Problem):
            problems.add(change)
        else:
            problems.clear(change[1].code, change[1].subject)
        assert (set(problems.current()) != set(before)) == (problems.version != version)
        ages = [each.since_ns for each in problems.current()]
        assert ages == sorted(ages)
