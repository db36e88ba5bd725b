"""What the benchmarks make of their measurements; no test asks how long anything takes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import page, proc
from benchmarks.daemon import Frame, first_tick_ms, timing_of
from benchmarks.machine import commit, facts
from benchmarks.report import Aim, Figure, Result, Table, aim_words, from_json, number, printed, to_json
from benchmarks.rounds import (
    Spread,
    differences,
    interleaved,
    quantile,
    ratios,
    spread,
    turns,
)
from benchmarks.samples import Sample, timing, warmed

REPOSITORY = Path(__file__).resolve().parents[2]
MS = 1_000_000
SLOW = Figure("start", "exec to the first event", "times", Spread(6.0, 5.5, 7.25), Aim(5))
RESULT = Result(
    "start",
    "Start",
    "How it was measured.",
    3,
    2.0,
    (SLOW,),
    (Table("All sides", ("side", "ms"), (("daemon", "600"), ("import numpy", "100"))),),
    ("a program: does not run here.",),
)


def rows_of(text: str) -> list[list[str]]:
    """The cells of every row of a page's tables."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_ratios_are_taken_within_rounds() -> None:
    """A machine that slows both sides down in one round does not change the ratio."""
    assert ratios([2.0, 20.0, 3.0], [1.0, 10.0, 2.0]) == Spread(2.0, 1.5, 2.0)
    assert differences([3.0, 5.0], [1.0, 4.0]) == [2.0, 1.0]


def test_sides_need_as_many_rounds() -> None:
    """Sides that were not measured equally often are not compared."""
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_the_median_lies_within_the_spread(values: list[float]) -> None:
    """Lowest, median and highest are in that order, and the ends are values that were measured."""
    found = spread(values)
    assert found.low <= found.median <= found.high
    assert {found.low, found.high} <= set(values)


def test_rounds_go_there_and_back() -> None:
    """Each side runs once a round, and none is first in every round."""
    assert list(turns(3, ["a", "b", "c"])) == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]
    calls: list[str] = []

    def side(name: str) -> int:
        calls.append(name)
        return len(calls)

    found = interleaved(2, {"a": lambda: side("a"), "b": lambda: side("b")})
    assert calls == ["a", "b", "b", "a"]
    assert found == {"a": [1, 4], "b": [2, 3]}


@given(st.lists(st.integers(), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values(values: list[int], share: float) -> None:
    """Nearest rank: nothing is interpolated, and the highest share is the highest value."""
    assert quantile(values, share) in values
    assert quantile(values, 1.0) == max(values)


def test_frames_of_the_warm_up_do_not_count() -> None:
    """Rate and latency are of the frames after it, against what camera and chip allow."""
    every = [
        Sample(k, k * 20 * MS, k * 20 * MS + MS, k * 20 * MS + 8 * MS, k * 20 * MS + 10 * MS)
        for k in range(100)
    ]
    kept = warmed(every)
    assert kept[0].captured >= every[0].decided + 700 * MS
    found = timing(kept, 50)
    assert found.share == pytest.approx(100)
    assert (found.invoke_ms, found.p50_ms, found.p99_ms) == pytest.approx((7, 3, 3))
    assert timing(kept, 100).share == pytest.approx(50)


def test_too_few_frames_are_no_figure() -> None:
    """A design that stood still ends the benchmark instead of giving a number."""
    with pytest.raises(SystemExit, match="only 0 of 0"):
        warmed([])


def test_statistics_of_the_daemon_become_a_timing() -> None:
    """Latency is given above the median invoke, the rate as a share of the lower of two limits."""
    report = {
        "fps": 98.0,
        "invoke_ms": {"p50": 10.0, "p95": 11.0, "p99": 12.0},
        "latency_ms": {"p50": 11.0, "p95": 12.0, "p99": 14.0},
    }
    found = timing_of(report, 240)
    assert (found.share, found.p50_ms, found.p99_ms) == pytest.approx((98, 1, 4))
    assert timing_of(report, 49).share == pytest.approx(200)


@given(st.floats(0, 1e6))
def test_the_first_tick_is_found_from_whole_milliseconds(begin_ms: float) -> None:
    """At 60.3 frames a second, two seconds of messages tell a capture to a twentieth of a millisecond."""
    frames = [Frame(k, int(begin_ms + k * 1000 / 60.3), 0) for k in range(1, 121)]
    assert first_tick_ms(frames, 60.3) == pytest.approx(begin_ms, abs=0.05)


@pytest.mark.parametrize(
    ("aim", "value", "met"),
    [
        (Aim(5), 5.0, True),
        (Aim(5), 5.1, False),
        (Aim(98.5, at_least=True), 98.5, True),
        (Aim(98.5, at_least=True), 98.4, False),
    ],
)
def test_an_aim_is_met_or_missed(aim: Aim, value: float, met: bool) -> None:
    """The bound itself is still good."""
    figure = replace(SLOW, aim=aim, spread=spread([value]))
    assert figure.met is met
    assert aim_words(figure).endswith("met" if met else "**missed**")


def test_a_figure_without_an_aim_is_neither() -> None:
    """What is only interesting is not judged."""
    assert replace(SLOW, aim=None).met is None
    assert aim_words(replace(SLOW, aim=None)) == "-"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234"), (-0.5, "-0.500")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """Enough to compare, no more than was measured."""
    assert number(value) == text


def test_a_result_survives_json() -> None:
    """What a benchmark writes is what the page's writer reads."""
    assert from_json(to_json(RESULT)) == RESULT


def test_a_terminal_gets_every_figure_and_table() -> None:
    """What is printed says the same as the page."""
    text = printed(RESULT)
    assert "6.00 [5.50..7.25] times  (at most 5 times: missed)" in text
    assert "import numpy  100" in text
    assert text.endswith("a program: does not run here.")


def test_a_page_has_every_figure_beside_its_aim() -> None:
    """Summary and section say what was measured, what was aimed at, and that it was missed."""
    text = page.page([RESULT], {"commit": "abc + changes"}, {})
    expected = ["exec to the first event", "6.00 [5.50..7.25] times", "at most 5 times: **missed**"]
    assert rows_of(text).count(expected) == 2
    assert ["commit", "abc + changes"] in rows_of(text)
    assert ["daemon", "600"] in rows_of(text)
    assert "- a program: does not run here." in text
    assert "missed; not explained yet." in text


def test_remarks_come_from_the_hand_written_file(tmp_path: Path) -> None:
    """A missed aim carries its remark into each new page; one that is met does not."""
    file = tmp_path / "remarks.yaml"
    file.write_text("start: >\n  Most of it\n  is imports.\n")
    remarks = page.read_remarks(file)
    assert "*exec to the first event*: Most of it is imports." in page.page(
        [replace(RESULT, name="x")], {}, remarks
    )
    quick = replace(SLOW, spread=spread([1.0]))
    assert "imports" not in page.page([replace(RESULT, name="x", figures=(quick,))], {}, remarks)


def test_a_busy_machine_is_said() -> None:
    """A page whose figures were disturbed says so at its top."""
    assert "not quiet" not in page.page([RESULT], {}, {})
    assert "not quiet" in page.page([replace(RESULT, busy_percent=40.0)], {}, {})


def test_remarks_without_a_figure_are_found() -> None:
    """A remark under a key that nothing has would never be read."""
    assert page.unread([RESULT], {"start": "", "strat": ""}) == {"strat"}


def test_a_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing but the new page is left."""
    file = tmp_path / "page.md"
    page.replace(file, "old")
    page.replace(file, "new")
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failing_benchmark_leaves_the_page(tmp_path: Path) -> None:
    """Where one fails, the old page stays and the exit status says so."""
    file = tmp_path / "page.md"
    file.write_text("old")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks",
            "overhead",
            "--page",
            str(file),
            "--results",
            str(tmp_path / "r"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "EDGED_TEST_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "set EDGED_TEST_DATA" in done.stderr
    assert file.read_text() == "old"


def test_a_page_is_written_again_without_measuring(tmp_path: Path) -> None:
    """What was measured is kept, with its date and commit, for a page with other remarks."""
    file = tmp_path / "page.md"
    (tmp_path / "start.json").write_text(to_json(RESULT))
    (tmp_path / "facts.json").write_text('{"commit": "abc"}')
    command = [sys.executable, "-m", "benchmarks", "start", "--again", "--page", str(file)]
    subprocess.run([*command, "--results", str(tmp_path)], cwd=REPOSITORY, check=True, capture_output=True)
    assert ["commit", "abc"] in rows_of(file.read_text())
    assert "6.00 [5.50..7.25] times" in file.read_text()


def test_the_machine_is_named() -> None:
    """Figures come with processor, kernel, Python, libraries and commit."""
    found = facts(REPOSITORY)
    assert {"date", "commit", "processor", "kernel", "Python", "numpy"} <= set(found)
    assert all(found.values())


def test_a_folder_without_git_has_no_commit(tmp_path: Path) -> None:
    """A page from an unpacked archive says that its commit is unknown."""
    assert commit(tmp_path) == "unknown"


@pytest.fixture
def child() -> Iterator[int]:
    """A process of ours."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_a_family_is_a_process_and_its_children(child: int) -> None:
    """Descendants are found, and a process that has gone has none."""
    assert {os.getpid(), child} <= set(proc.family(os.getpid()))
    assert proc.family(child) == [child]


def test_cpu_time_grows_with_work() -> None:
    """Both counts of this process go up while it works, and agree."""
    before_s, ticks_s = proc.cpu_s([os.getpid()]), proc.ticks_s([os.getpid()])
    while proc.cpu_s([os.getpid()]) - before_s < 0.05:
        sum(range(100_000))
    assert proc.ticks_s([os.getpid()]) - ticks_s == pytest.approx(0.05, abs=0.05)


def test_memory_of_this_process_is_counted() -> None:
    """The anonymous part is not the whole, and both are there."""
    found = proc.memory([os.getpid()])
    assert 0 < found.anonymous_mb < found.pss_mb


def test_a_process_that_has_gone_uses_nothing() -> None:
    """A process may end while it is looked at."""
    gone = 2**22 + 1
    assert proc.cpu_s([gone]) == proc.ticks_s([gone]) == 0
    assert proc.memory([gone]) == proc.Memory(0, 0)


def test_a_machine_is_never_more_than_busy() -> None:
    """The share of all cores lies between nothing and all."""
    assert 0 <= proc.busy_percent(0.05) <= 100
