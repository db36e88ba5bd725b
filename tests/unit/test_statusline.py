"""The line that the service manager shows."""

from dataclasses import replace

from edged.daemon.statusline import Standing, StatusLine, line_of

SECOND = 1_000_000_000
STANDING = Standing(
    cameras=2, online=2, frames=0, accelerators=[("main", "edgetpu")], connected=True, problems=[]
)


def test_the_line_says_what_matters() -> None:
    """Cameras, rate, what runs the models, broker and problems, in one line."""
    assert line_of(STANDING, 29.84) == (
        "2 of 2 cameras online; 29.8 frames/s; main: edgetpu; broker connected; no problem"
    )


def test_the_line_names_problems_once() -> None:
    """Two lost cameras are one word; an accelerator without any process says so."""
    standing = replace(
        STANDING,
        online=0,
        accelerators=[("main", "")],
        connected=False,
        problems=["camera_lost", "camera_lost", "tpu_lost"],
    )
    assert line_of(standing, 0) == (
        "0 of 2 cameras online; 0.0 frames/s; main: nothing answers; broker away; problems: camera_lost, tpu_lost"
    )


def told(frames_by_tick: list[int], *, tick_ns: int = SECOND // 4) -> list[str]:
    """What is told when the line is looked at four times a second, with so many frames judged by then."""
    said: list[str] = []
    line = StatusLine(said.append)
    for number, frames in enumerate(frames_by_tick):
        line.look(number * tick_ns, lambda frames=frames: replace(STANDING, frames=frames))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    return said


def test_nothing_new_is_not_told() -> None:
    """An idle daemon sends its line once."""
    assert len(told([0] * 400)) == 1


def test_changes_are_told_once_a_second_at_most() -> None:
    """However fast things change, ten seconds are ten lines at most."""
    said: list[str] = []
    line = StatusLine(said.append)
    for number in range(400):
        line.look(number * SECOND // 40, lambda number=number: replace(STANDING, online=number % 2))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    assert len(said) <= 10


def test_the_rate_is_measured() -> None:
    """The first rate is there after a second, later ones every five seconds."""
    said = told([int(tick * 7.5) for tick in range(60)])
    assert "; 0.0 frames/s;" in said[0]
    assert [each.split("; ")[1] for each in said[1:]] == ["30.0 frames/s"]
