"""Counts how damaged copies of models end; exits 1 if one hangs the parent or gets an exception out of it."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import Count, run


def main() -> int:
    """Runs, prints a block for each model, returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, help=".tflite files")
    parser.add_argument("--flips", type=int, default=1000, help="damaged copies of each")
    parser.add_argument("--first", type=int, default=0, help="number of the first copy, to repeat one")
    parser.add_argument("--samples", type=int, default=2, help="real children for each kind of end")
    parser.add_argument("--json", action="store_true", help="one JSON object a model")
    options = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            cases = range(options.first, options.first + options.flips)
            count = run(model, Path(folder), cases=cases, samples=options.samples)
            faults += len(count.faults)
            sys.stdout.write(f"{json.dumps(vars(count)) if options.json else _text(count)}\n")
            sys.stdout.flush()
    return 1 if faults else 0


def _text(count: Count) -> str:
    lines = [f"{count.model}: {count.seconds:.0f} s, slowest to read {count.slowest_parse_s:.2f} s"]
    lines += [f"  {many:6}  {end}" for end, many in count.ends.most_common()]
    lines += [f"  {many:6}  with a real child: {end}" for end, many in count.spawned.most_common()]
    return "\n".join([*lines, *(f"  FAULT {fault}" for fault in count.faults)])


if __name__ == "__main__":
    sys.exit(main())
