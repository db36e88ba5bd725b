"""Regions in a configuration: what is accepted, what is refused and where, and what follows from them."""

import json
from typing import Any

import click
import jsonschema  # type: ignore[import-untyped]  # it ships no type information
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.cli.regions import regions_of
from edged.compose.plans import AcceleratorOptions, accelerator_plan
from edged.compose.translate import camera_regions, watch_plan
from edged.config.findings import InvalidConfiguration
from edged.config.schema import json_schema
from edged.config.settings_cameras import CameraSettings
from edged.config.translate import validate
from edged.config.yamlfile import parse
from edged.daemon.watch import WatchPlan
from edged.domain.geometry import Box
from edged.domain.regions import Region
from edged.policy.camera import CameraPolicy
from edged.policy.regions import RegionsPolicy
from edged.policy.rules import CameraRules, LabelRule
from edged.transport.protocol import job_from_wire, job_to_wire
from edged.vision.manifest import InputRule, Manifest
from tests.unit.test_translate import BOTH

MANIFEST = Manifest("m", "classification", "classification", InputRule(), (("scores", 0),))
WALL = """\
models: {digits: {path: m}}
mqtt: {host: broker.lan}
cameras:
  wall:
    source: {type: pattern}
    model: digits
    regions: REGIONS
"""
NOT_PIXELS = "(a region is in fractions of the frame, not in pixels: divide by its width and height)"
MANY = ", ".join(f"r{number}: [0, 0, 1, 1]" for number in range(17))
MISTAKES = [
    ("{dial: [0.8, 0, 0.3, 1]}", "f:7:21: cameras.wall.regions.dial: reaches beyond the frame: x + width is 1.1 (write [x, y, width, height]; from 0.8 on there is room for 0.2)"),
    ("{dial: [0, 0.5, 1, 0.6]}", "f:7:21: cameras.wall.regions.dial: reaches beyond the frame: y + height is 1.1 (write [x, y, width, height]; from 0.5 on there is room for 0.5)"),
    ("{dial: [0, 0, 0, 1]}", "f:7:28: cameras.wall.regions.dial[2]: must be a number above 0 and up to 1, but is 0"),
    ("{dial: [0, 0, 1, -0.5]}", "f:7:31: cameras.wall.regions.dial[3]: must be a number above 0 and up to 1, but is -0.5"),
    ("{dial: [320, 0, 1, 1]}", f"f:7:22: cameras.wall.regions.dial[0]: must be a number between 0 and 1, but is 320 {NOT_PIXELS}"),
    ("{dial: [0, 0, 1]}", "f:7:21: cameras.wall.regions.dial: must be a list of 4 numbers, but is a list of 3"),
    ("{dial: 0 0 0.5 1}", "f:7:21: cameras.wall.regions.dial: must be a list of 4 numbers, but is '0 0 0.5 1' (write [0, 0, 0.5, 1])"),
    ("{dial: }", "f:7:20: cameras.wall.regions.dial: must be a list of 4 numbers, but is empty (give it a value, or remove the line)"),
    ("{dial: [.nan, 0, 1, 1]}", "f:7:22: cameras.wall.regions.dial[0]: must be a number between 0 and 1, but is .nan"),
    ("{Dial: [0, 0, 1, 1]}", "f:7:15: cameras.wall.regions.Dial: must be a name of 1 to 32 of the characters a-z, 0-9, _ and -, but is 'Dial' (write dial)"),
    ("[0, 0, 1, 1]", "f:7:14: cameras.wall.regions: must be a section with a name for each entry, but is a list"),
    (f"{{{MANY}}}", "f:7:5: cameras.wall.regions: has 17 entries, which is more than 16 (remove some of them)"),
]  # fmt: skip


def camera(regions: str) -> CameraSettings:
    settings, findings = validate(parse(WALL.replace("REGIONS", regions).encode(), "f"), {})
    assert settings, findings
    return settings.cameras["wall"]


@pytest.mark.parametrize(("regions", "text"), MISTAKES, ids=[text[:24] for text, _ in MISTAKES])
def test_a_mistake_is_told_in_its_place(regions: str, text: str) -> None:
    """One finding with line and column, what is wrong, and what to write where that can be told."""
    _, found = validate(parse(WALL.replace("REGIONS", regions).encode(), "f"), {})
    assert len(found) == 1, found
    assert str(found[0]).startswith(text)


def test_a_region_is_not_given_twice() -> None:
    """The second one of a name is told with the line of the first."""
    with pytest.raises(InvalidConfiguration, match=r"^f:7:35: dial: is given twice, first in line 7"):
        camera("{dial: [0, 0, 1, 1], dial: [0, 0, 1, 1]}")


def test_regions_become_plans_in_their_order() -> None:
    """The order of the file is the order of the answers, whatever the names."""
    wall = camera("{b: [0, 0, 0.5, 1], a: [0.5, 0, 0.5, 1]}")
    assert camera_regions(wall) == (Region("b", Box(0, 0, 0.5, 1)), Region("a", Box(0.5, 0, 0.5, 1)))
    plan = watch_plan("wall", wall, MANIFEST)
    assert plan.regions == ("b", "a")
    assert isinstance(plan.policy(), RegionsPolicy)


def test_without_regions_nothing_is_divided() -> None:
    """A camera that names none is judged as a whole, as before."""
    assert camera_regions(camera("{}")) == ()
    assert isinstance(WatchPlan("wall", CameraRules(LabelRule(0.5))).policy(), CameraPolicy)


def test_a_job_says_how_many_answers_need_room() -> None:
    """On each rung the model's job has the most regions of its cameras, and keeps it on the way to the child."""
    plan = accelerator_plan(AcceleratorOptions(), [BOTH], regions=[5])
    assert [job.models[0].regions for job in plan.rungs] == [5, 5]
    assert [job_from_wire(json.loads(json.dumps(job_to_wire(job)))) for job in plan.rungs] == list(plan.rungs)
    assert accelerator_plan(AcceleratorOptions(), [BOTH]).rungs[0].models[0].regions == 0


sides = st.integers(0, 1200).map(lambda thousandths: thousandths / 1000)


@given(sides, sides, sides, sides)
def test_file_and_command_line_agree(x: float, y: float, w: float, h: float) -> None:
    """What `edged infer --region` takes is what a configuration takes, and an editor's schema refuses no more."""
    region = [x, y, w, h]
    _, found = validate(parse(WALL.replace("REGIONS", f"{{dial: {region}}}").encode(), "f"), {})
    assert bool(found) == (told(f"dial={x},{y},{w},{h}") is None)
    if not found:
        jsonschema.validate({"dial": region}, regions_schema())


def told(text: str) -> tuple[Region, ...] | None:
    context, option = click.Context(click.Command("infer")), click.Option(["--region"])
    try:
        return regions_of(context, option, (text,))
    except click.BadParameter:
        return None


def regions_schema() -> Any:
    return json_schema()["$defs"]["CameraSettings"]["properties"]["regions"]


@pytest.mark.parametrize(
    "texts",
    [("dial",), ("dial=0,0,1",), ("My Dial=0,0,1,1",), ("=0,0,1,1",), ("a=nan,0,1,1",), ("a=0,0,1,x",),
     ("a=0,0,1,1", "a=0,0,1,1"), tuple(f"r{number}=0,0,1,1" for number in range(17))],
)  # fmt: skip
def test_what_is_no_region_is_refused(texts: tuple[str, ...]) -> None:
    """A name or a number that is none, a name given twice, and more than 16."""
    with pytest.raises(click.BadParameter):
        regions_of(click.Context(click.Command("infer")), click.Option(["--region"]), texts)
