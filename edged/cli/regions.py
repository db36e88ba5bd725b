"""Regions on a command line: NAME=x,y,w,h."""

import re

import click

from edged.config.fields import ID_PATTERN
from edged.domain.geometry import Box
from edged.domain.regions import MOST_REGIONS, Region

_FORM = "is not NAME=x,y,w,h with a name of a-z, 0-9, _ and -, such as dial=0.1,0.2,0.3,0.4"
_SIDES = 4


def regions_of(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[Region, ...]:
    """The regions that an option names, in its order; says what is wrong with them as the configuration does."""
    regions = tuple(map(_region, values))
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(f"{name} is given twice")
    if len(names) > MOST_REGIONS:
        raise click.BadParameter(f"{len(names)} regions are more than {MOST_REGIONS}")
    return regions


def _region(text: str) -> Region:
    name, _, sides = text.partition("=")
    try:
        numbers = [float(each) for each in sides.split(",")]
    except ValueError:
        numbers = []
    if not re.search(ID_PATTERN, name) or len(numbers) != _SIDES:
        raise click.BadParameter(f"{text!r} {_FORM}")
    x, y, w, h = numbers
    if not (x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= 1 + 1e-9 and y + h <= 1 + 1e-9):
        raise click.BadParameter(
            f"{text!r} is no part of the frame: x, y, width and height are fractions of it, "
            "x + width and y + height at most 1"
        )
    return Region(name, Box(x, y, w, h))
