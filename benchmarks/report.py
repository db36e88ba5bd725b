"""What a benchmark found, as a value that is printed, kept as JSON, and set into the page."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.rounds import Spread


@dataclass(frozen=True, slots=True)
class Aim:
    """The bound that a figure is held against."""

    limit: float
    at_least: bool = False
    """Else at most."""

    def met_by(self, value: float) -> bool:
        """Whether a value is on the right side."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One number worth knowing; `key` is what its remark is filed under."""

    key: str
    what: str
    unit: str
    spread: Spread
    aim: Aim | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the aim; None without one."""
        return self.aim.met_by(self.spread.median) if self.aim else None


@dataclass(frozen=True, slots=True)
class Table:
    """Both sides of a comparison, ready to print."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """All that one benchmark found."""

    name: str
    title: str
    about: str
    """How it was measured: a paragraph."""
    rounds: int
    busy_percent: float
    """How busy the machine was before it began."""
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    """What could not be measured here, and why."""


def to_json(result: Result) -> str:
    """For the page's writer, and for whoever keeps results."""
    return json.dumps(asdict(result), indent=1)


def from_json(text: str) -> Result:
    """The inverse of `to_json`."""
    fields: dict[str, Any] = json.loads(text)
    fields["figures"] = tuple(_figure(each) for each in fields["figures"])
    fields["tables"] = tuple(_table(each) for each in fields["tables"])
    fields["notes"] = tuple(fields["notes"])
    return Result(**fields)


def _figure(fields: dict[str, Any]) -> Figure:
    aim = fields["aim"]
    return Figure(**{**fields, "spread": Spread(**fields["spread"]), "aim": Aim(**aim) if aim else None})


def _table(fields: dict[str, Any]) -> Table:
    return Table(fields["title"], tuple(fields["head"]), tuple(tuple(row) for row in fields["rows"]))


def number(value: float) -> str:
    """With three digits that matter, and never an exponent."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3  # noqa: PLR2004  powers of ten
    return f"{value:.{digits}f}"


def ranged(value: Spread) -> str:
    """`median [low..high]`."""
    return f"{number(value.median)} [{number(value.low)}..{number(value.high)}]"


def aim_words(figure: Figure) -> str:
    """`at most 1.5: met`, or a dash."""
    if figure.aim is None:
        return "-"
    side = "at least" if figure.aim.at_least else "at most"
    return f"{side} {figure.aim.limit:g} {figure.unit}: {'met' if figure.met else '**missed**'}"


def printed(result: Result) -> str:
    """For a terminal."""
    lines = [f"== {result.title} ({result.rounds} rounds, machine {result.busy_percent:.0f} % busy before)"]
    for figure in result.figures:
        said = aim_words(figure).replace("**", "")
        lines.append(f"{figure.what}: {ranged(figure.spread)} {figure.unit}  ({said})")
    for table in result.tables:
        widths = [max(map(len, column)) for column in zip(table.head, *table.rows, strict=True)]
        lines += ["", table.title]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (table.head, *table.rows)
        ]
    return "\n".join([*lines, *result.notes])
