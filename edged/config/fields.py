"""The kinds of values that a configuration is made of."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from edged.delivery.topics import ID, ID_LENGTH, RESERVED_CAMERAS, as_id

ID_PATTERN = f"^{ID}$"
BASE_PATTERN = "^[A-Za-z0-9_.-]{1,40}(/[A-Za-z0-9_.-]{1,36}){0,3}$"
"""At most three slashes: with the longest ids a topic stays within 7 slashes and 256 bytes."""


class Section(BaseModel):
    """A part of the configuration: nothing unknown in it, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def setting(
    description: str,
    default: object = ...,
    *,
    example: object = None,
    **constraints: Any,  # what pydantic's Field takes besides
) -> Any:
    """A field with its one sentence; a default of None means that the key may be left out."""
    examples = None if example is None else [example]
    if "default_factory" not in constraints:
        constraints["default"] = default
    return Field(description=description, examples=examples, **constraints)


def legal_id(text: str) -> str:
    """The nearest legal id; `device` where nothing is left."""
    return as_id(text)[:ID_LENGTH] or "device"


BUNDLED = "bundled:"
"""Before the name of a model that ships with the package, in place of a path."""


def _resolve(path: Path, info: ValidationInfo) -> Path:
    """An absolute path: relative ones start at the configuration's folder, `~/` at the home folder.

    The name of a model that ships with us is left as it is.
    """
    if str(path).startswith(BUNDLED):
        return path
    context: Mapping[str, Path] = info.context or {}
    if path.parts[:1] == ("~",) and "home" in context:
        return context["home"].joinpath(*path.parts[1:])
    return context["folder"] / path if "folder" in context else path


def _not_reserved(name: str) -> str:
    if name in RESERVED_CAMERAS:
        raise PydanticCustomError(
            "reserved",
            "a camera may not be called '{name}': the topic means something else",
            {"name": name, "suggestion": f"call it {name}_cam, for instance"},
        )
    return name


def _n_of_m(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise PydanticCustomError(
            "n_of_m",
            "the first number may not be larger than the second: {n} of the last {m} frames is impossible",
            {"n": value[0], "m": value[1], "suggestion": f"write [{value[1]}, {value[0]}]"},
        )
    return value


_NO_MORE_THAN_ALL = 1 + 1e-9
"""What a start and a size may add up to: 1 and what rounding adds."""


def _in_the_frame(value: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    for start, side, words in ((value[0], value[2], "x + width"), (value[1], value[3], "y + height")):
        if start + side > _NO_MORE_THAN_ALL:
            raise PydanticCustomError(
                "region",
                "reaches beyond the frame: {words} is {sum}",
                {
                    "words": words,
                    "sum": f"{start + side:g}",
                    "suggestion": f"write [x, y, width, height]; from {start:g} on there is room for {1 - start:g}",
                },
            )
    return value


def kind_of(scalar: str, section: str, items: str) -> Callable[[Any], str]:
    """Tells which branch of a union a value belongs to: by being a mapping, a list or anything else.

    Tags stand in angle brackets, so that an error's path never takes them for a key.
    """

    def choose(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return items
        return section if isinstance(value, dict) else scalar

    return choose


Id: TypeAlias = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
CameraId: TypeAlias = Annotated[Id, AfterValidator(_not_reserved)]
FilePath: TypeAlias = Annotated[Path, AfterValidator(_resolve)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Side: TypeAlias = Annotated[int, Field(ge=16, le=8192, multiple_of=2)]
Size: TypeAlias = tuple[Side, Side]
Frames: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
Confirm: TypeAlias = Annotated[tuple[Frames, Frames], AfterValidator(_n_of_m)]
Point: TypeAlias = tuple[Fraction, Fraction]
Part: TypeAlias = Annotated[float, Field(gt=0, le=1)]
RegionBox: TypeAlias = Annotated[tuple[Fraction, Fraction, Part, Part], AfterValidator(_in_the_frame)]
Label: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
