"""Model files with bits turned over: each runs or is refused in one line, and the parent survives them all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.rig, pytest.mark.timeout(3600)]
REPOSITORY = Path(__file__).resolve().parents[2]
FLIPS = int(os.environ.get("EDGED_FUZZ_FLIPS", "25"))
"""Damaged copies of each model."""


@pytest.fixture(scope="module")
def counts(test_data: Path) -> list[Any]:
    """How the damaged copies of each model ended."""
    models = sorted(map(str, (test_data / "models").rglob("*.tflite")))
    command = [sys.executable, "-m", "tests.fuzz", "--json", "--flips", str(FLIPS), "--samples", "1", *models]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(models)
    return found


def test_nothing_hangs_and_nothing_gets_an_exception_out_of_the_parent(counts: list[Any]) -> None:
    """Every end is a run, a refusal in one line with what to do, or a child that died or was too late."""
    assert [fault for count in counts for fault in count["faults"]] == []
    assert {sum(count["ends"].values()) for count in counts} == {FLIPS}


def test_a_real_child_ends_in_the_same_way(counts: list[Any]) -> None:
    """What ran in a copy of the fuzzer runs in a child of its own, and what was refused there is refused here."""
    for count in counts:
        for end in count["spawned"]:
            before, _, after = end.partition(" -> ")
            if before in {"ran", "refused"}:  # what a runtime dies of is at times chance
                assert (before == "ran") == (after == "ran"), (count["model"], end)


def test_reading_takes_no_time(counts: list[Any]) -> None:
    """No damaged file keeps the parent for seconds."""
    assert max(count["slowest_parse_s"] for count in counts) < 3
