"""Reads one mapping of a `model.yaml`, and goes on after each mistake."""

import difflib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

Path = tuple[str | int, ...]
Where = Callable[[Path], str]
"""Gives the place of a value, as `FILE:LINE:COL`, by the keys that lead to it."""

Choice = TypeVar("Choice", bound=str)
MAX_TEXT = 500


def meant(value: object, choices: Sequence[Choice]) -> Choice | None:
    """The word that a value is, or that it is nearly; None where it is far from all."""
    near = difflib.get_close_matches(str(value), choices, n=1)
    return next((choice for choice in choices if choice in near), None)


class Section:
    """One mapping of the document, read value by value; mistakes are noted and a stand-in is returned."""

    def __init__(self, data: Mapping[str, object], where: Where, path: Path, mistakes: list[str]) -> None:
        self.data = data
        self.mistakes = mistakes
        self._where = where
        self._path = path

    def note(self, key: str, why: str) -> None:
        """Notes a mistake at a key, or at the section where the key is missing."""
        path = (*self._path, key) if key in self.data else self._path
        name = ".".join(map(str, (*self._path, key) if key else self._path))
        shown = name if name.isprintable() else repr(name)
        self.mistakes.append(f"{self._where(path)}: {shown}: {why}")

    def known(self, keys: Collection[str]) -> None:
        """Notes the keys that nobody reads."""
        for key in self.data:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
                self.note(key, f"is not known ({hint})")

    def unheard(self) -> "Section":
        """The same, whose mistakes nobody hears of: they would follow from another one."""
        return Section(self.data, self._where, self._path, [])

    def section(self, key: str) -> "Section":
        """A mapping inside this one; empty where it is missing."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, Mapping):
            self.note(key, "must be a section of keys and values")
            value = None
        return Section(value or {}, self._where, (*self._path, key), self.mistakes)

    def sections(self, key: str) -> list["Section"]:
        """A list of mappings; what is none is left out."""
        value = self.data.get(key)
        entries = value if isinstance(value, list | tuple) else []
        if value is not None and (not entries or not all(isinstance(each, Mapping) for each in entries)):
            self.note(key, "must be a list of sections")
        return [
            Section(each, self._where, (*self._path, key, index), self.mistakes)
            for index, each in enumerate(entries)
            if isinstance(each, Mapping)
        ]

    def text(self, key: str, *, required: bool = False) -> str:
        """One line of text."""
        value = self.data.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or not value.strip():
            self.note(key, "is missing" if value is None else f"must be text, not {value!r}")
            return ""
        if len(value) > MAX_TEXT or not value.isprintable():
            self.note(key, f"must be one line of at most {MAX_TEXT} printable characters")
        return value

    def choice(self, key: str, choices: Sequence[Choice], default: Choice | None = None) -> Choice:
        """One of a few words; the stand-in is the one that was probably meant, or else the first."""
        value = self.data.get(key)
        if value is None and default is not None:
            return default
        for choice in choices:
            if value == choice:
                return choice
        near = meant(value, choices)
        hint = f" (did you mean {near}?)" if near else ""
        what = "is missing: it" if value is None else f"is {value!r} but"
        self.note(key, f"{what} must be one of {', '.join(choices)}{hint}")
        return near or choices[0]

    def integer(self, key: str, lowest: int, highest: int, default: int) -> int:
        """A whole number within limits."""
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.note(key, f"must be a whole number from {lowest} to {highest}, not {value!r}")
            return default
        return value

    def integers(self, key: str, lowest: int, highest: int) -> tuple[int, ...]:
        """A list of whole numbers within limits, each of them once; empty where it is missing."""
        value = self.data.get(key)
        if value is None:
            return ()
        numbers = [each for each in value if type(each) is int] if isinstance(value, list | tuple) else []
        if not numbers or len(numbers) < len(value) or not all(lowest <= each <= highest for each in numbers):  # type: ignore[arg-type]  # a list where there are numbers
            self.note(key, f"must be a list of whole numbers from {lowest} to {highest}, not {value!r}")
            return ()
        if len(set(numbers)) < len(numbers):
            self.note(key, "must not hold a number twice")
        return tuple(numbers)

    def reals(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers; empty where it is another thing."""
        value = self.data.get(key)
        entries = value if isinstance(value, list | tuple) else []
        plain = all(type(each) in {int, float} and is_finite(each) for each in entries)
        return tuple(float(each) for each in entries) if plain else ()

    def flag(self, key: str, *, default: bool) -> bool:
        """Yes or no."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            self.note(key, f"must be true or false, not {value!r}")
            return default
        return value

    def real(self, key: str) -> float | None:
        """A finite number, if there is one."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
            self.note(key, f"must be a number, not {value!r}")
            return None
        return float(value)


def is_finite(value: float) -> bool:
    """Whether a number is one that a float can hold."""
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False
