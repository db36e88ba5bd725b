"""Pictures with what the model found drawn over them, by a process of their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edged.domain.errors import ChildDiedError
from edged.transport.drawings import overlay_to_wire
from edged.transport.spawn import Child
from edged.vision.overlay import Overlay

DEADLINE_S = 60.0
"""For one picture."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn over which picture, and where that goes."""

    source: Path
    target: Path
    overlay: Mapping[str, Any]
    """As it is sent: a mask is packed, since those of many large pictures wait in memory."""

    @staticmethod
    def of(source: Path, target: Path, overlay: Overlay) -> "Drawing":
        """The same with an overlay that is not packed yet."""
        return Drawing(source, target, overlay_to_wire(overlay))


def draw_pictures(drawings: Sequence[Drawing], notice: Callable[[str], None]) -> int:
    """Draws them all; the number of those that failed, each of which `notice` is told. Call from the main thread.

    Raises ChildDiedError where no process can be started, or where it ends or hangs over a picture.
    """
    jobs = [
        {
            "source": str(each.source.absolute()),
            "target": str(each.target.absolute()),
            "overlay": each.overlay,
        }
        for each in drawings
    ]
    child = Child("edged.children.drawing", {"jobs": jobs})
    child.control.sock.settimeout(DEADLINE_S)
    failed = 0
    try:
        for drawing in drawings:
            answer = _answer(child, drawing)
            child.read_stderr()  # libraries complain there of each damaged picture, and a full pipe would stop them
            if answer.get("event") == "failed":
                failed += 1
                notice(f"{answer['what']} ({answer['fix']})")
    finally:
        child.end()
    return failed


def _answer(child: Child, drawing: Drawing) -> dict[str, str]:
    try:
        message, _ = child.control.receive() or ({}, [])
    except EOFError as error:
        why = child.exit_reason()
        child.read_stderr()
        said = f"; it said: {child.tail[-1]}" if child.tail else ""
        what = f"{drawing.source}: the process that draws it failed ({why}{said})"
        raise ChildDiedError(what, "try it again, or leave --draw out") from error
    return message
