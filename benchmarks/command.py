"""The command line that every benchmark has."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.proc import busy_percent
from benchmarks.report import Result, printed, to_json

_LOOK_S = 1.0


def run_alone(measure: Callable[[int, float], Result], *, rounds: int) -> None:
    """Measures, prints, and writes JSON where asked; `measure` takes the rounds and how busy the machine is."""
    parser = argparse.ArgumentParser(prog=Path(sys.argv[0]).name)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"times that each side runs ({rounds})")
    parser.add_argument("--json", type=Path, help="file for the result")
    options = parser.parse_args()
    result = measure(options.rounds, busy_percent(_LOOK_S))
    print(printed(result))
    if options.json:
        options.json.write_text(to_json(result), encoding="utf-8")
