"""Runs every benchmark in a process of its own and writes the page once all have succeeded.

usage: python -m benchmarks [--rounds N] [--page FILE] [--again] [NAME...]

Results are kept in `build/benchmarks`; with --again the page is written from there, for a new word in the remarks.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import facts
from benchmarks.page import page, read_remarks, replace, unread
from benchmarks.report import Result, from_json

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("overhead", "decode", "throughput", "resources", "start", "idle")


def main() -> None:
    """Raises SystemExit where a benchmark fails; the page is left as it was."""
    options = _arguments()
    kept: Path = options.results
    kept.mkdir(parents=True, exist_ok=True)
    if not options.again:
        known = facts(ROOT)  # the tree that is measured, not the one that has the new page
        for name in options.names:
            run(name, options.rounds, kept / f"{name}.json")
        replace(kept / "facts.json", json.dumps(known))
    results = [from_json((kept / f"{name}.json").read_text("utf-8")) for name in options.names]
    write(options.page, results, json.loads((kept / "facts.json").read_text("utf-8")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, help="rounds of each benchmark, instead of its own number")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/benchmarks.md", help="what to write")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "build/benchmarks", help="where results are kept"
    )
    parser.add_argument("--again", action="store_true", help="measure nothing, write the page again")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all without")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    options.names = options.names or NAMES
    return options


def run(name: str, rounds: int | None, file: Path) -> None:
    """Runs one benchmark, which writes its result."""
    command = [sys.executable, "-m", f"benchmarks.bench_{name}", "--json", str(file)]
    command += ["--rounds", str(rounds)] if rounds else []
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"benchmark {name} failed; no page is written")


def write(file: Path, results: Sequence[Result], known: Mapping[str, str]) -> None:
    """Writes the page as a whole."""
    remarks = read_remarks(Path(__file__).with_name("remarks.yaml"))
    if len(results) == len(NAMES) and (lost := unread(results, remarks)):
        raise SystemExit(f"remarks.yaml has remarks on what is not measured: {', '.join(sorted(lost))}")
    file.parent.mkdir(parents=True, exist_ok=True)
    replace(file, page(results, known, remarks))
    print(f"written: {file}")


if __name__ == "__main__":
    main()
