"""Results as a page: every figure beside its aim, met or missed, and what holds back those that are missed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.report import Figure, Result, Table, aim_words, ranged

NOISY_PERCENT = 10.0
"""A machine that was busier before a benchmark began was not quiet."""
INTRODUCTION = """# Benchmarks

Written by `make bench`; the remarks are kept in `benchmarks/remarks.yaml`. The sides of a comparison are measured in the
same run, in turn, round by round. A figure is the median of the rounds, with the lowest and the highest in brackets; a
ratio is taken within each round first. The Edge TPU is a stand-in that sleeps. None of this says anything about a
Raspberry Pi."""


def page(results: Sequence[Result], facts: Mapping[str, str], remarks: Mapping[str, str]) -> str:
    """The whole page in Markdown; `remarks` are texts by the key of the figure or the name of the benchmark."""
    parts = [
        INTRODUCTION,
        _table(("", ""), facts.items()),
        *_warnings(results),
        "## Summary",
        _summary(results),
        *(text for result in results for text in _section(result, remarks)),
    ]
    return "\n\n".join(parts) + "\n"


def read_remarks(file: Path) -> dict[str, str]:
    """The texts that are kept by hand."""
    kept: dict[str, Any] = yaml.safe_load(file.read_text("utf-8")) or {}
    return {key: " ".join(str(text).split()) for key, text in kept.items()}


def unread(results: Sequence[Result], remarks: Mapping[str, str]) -> set[str]:
    """Remarks under a key that no benchmark and no figure has."""
    known = {result.name for result in results}
    known |= {figure.key for result in results for figure in result.figures}
    return set(remarks) - known


def replace(file: Path, text: str) -> None:
    """Puts a file into its place as a whole: an interruption leaves the old one."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def _warnings(results: Sequence[Result]) -> list[str]:
    noisy = [result for result in results if result.busy_percent > NOISY_PERCENT]
    if not noisy:
        return []
    named = ", ".join(f"{result.title.lower()} {result.busy_percent:.0f} %" for result in noisy)
    words = f"**The machine was not quiet**: so busy were its cores in the second before ({named}). "
    return [f"{words}Compare the sides with each other; single figures and missed aims say little."]


def _summary(results: Sequence[Result]) -> str:
    rows = [
        (figure.what, f"{ranged(figure.spread)} {figure.unit}", aim_words(figure))
        for result in results
        for figure in result.figures
        if figure.aim
    ]
    return _table(("figure", "measured", "aim"), rows)


def _section(result: Result, remarks: Mapping[str, str]) -> list[str]:
    rows = [(each.what, f"{ranged(each.spread)} {each.unit}", aim_words(each)) for each in result.figures]
    notes = [f"- {note}" for note in result.notes]
    return [
        f"## {result.title}",
        result.about,
        f"{result.rounds} rounds.",
        _table(("figure", "measured", "aim"), rows),
        *(text for table in result.tables for text in _titled(table)),
        *(["\n".join(notes)] if notes else []),
        *([remarks[result.name]] if result.name in remarks else []),
        *(_remark(figure, remarks) for figure in result.figures if figure.met is False),
    ]


def _remark(figure: Figure, remarks: Mapping[str, str]) -> str:
    """Why an aim is missed, or that nobody has said so yet."""
    return f"*{figure.what}*: {remarks.get(figure.key, 'missed; not explained yet.')}"


def _titled(table: Table) -> tuple[str, str]:
    return f"{table.title}:", _table(table.head, table.rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
