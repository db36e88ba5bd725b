"""The demo for as long as somebody looks at it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RESULT = re.compile(r"(\d+) of (\d+) cards shown .* the first one after ([\d.]+) s; (\d+) wrong reports")

pytestmark = pytest.mark.rig


def test_nine_of_ten_cards_are_reported_right(tmp_path: Path) -> None:
    """In twenty seconds nine cards and more are shown; nine of ten are named right, the first within five seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "edged", "demo", "--seconds", "20"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = RESULT.search(done.stdout)
    assert found, done.stdout
    right, shown, first_s, wrong = (float(each) for each in found.groups())
    assert shown >= 9
    assert right >= 0.9 * shown
    assert first_s <= 5
    assert wrong <= 1
