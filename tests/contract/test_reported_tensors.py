"""What a child says of a model's tensors is not believed where it would cost the parent its memory."""

import json
import resource
from pathlib import Path
from typing import Any, Protocol

import pytest

from edged.daemon.accelerator_unit import AcceleratorPlan
from edged.daemon.probe import Probe
from edged.domain.errors import ChildDiedError, EdgedError, ModelError
from edged.transport.protocol import AcceleratorJob, ModelJob
from edged.transport.results import MAX_SLOT_BYTES
from edged.vision.manifest import InputRule

CHILD = """\
import json, socket, sys, time
sock = socket.socket(fileno=int(sys.argv[2]))
sock.send(json.dumps({report!r}).encode())
time.sleep(60)
"""


class Look(Protocol):
    """Asks a child that gives these outputs, and gives the error that comes of it."""

    def __call__(self, outputs: list[dict[str, Any]], *, regions: int = 0, places: int = 1) -> EdgedError:
        """`regions` of a frame are shown to a model of so many `places`."""


def tensor(*shape: Any, dtype: str = "float32") -> dict[str, Any]:
    return {"name": "out", "shape": list(shape), "dtype": dtype, "quantization": None}


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """A child that says what it is told to say."""
    children = tmp_path / "edged" / "children"
    children.mkdir(parents=True)
    for folder in (children, children.parent):
        (folder / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def ask(outputs: list[dict[str, Any]], *, regions: int = 0, places: int = 1) -> EdgedError:
        job = ModelJob("x", "/m/x.tflite", "classification", (("scores", 0),), InputRule(), regions)
        plan = AcceleratorPlan("main", (AcceleratorJob((job,), None, "", 1),), 10, 5, gives_up=True)
        model = {
            "inputs": [tensor(places, 8, 8, 3, dtype="uint8")],
            "outputs": outputs,
            "roles": [],
            "warnings": [],
            "digests": [],
        }
        report = {"event": "ready", "models": [model], "runtime": "fake"}
        (children / "accelerator.py").write_text(CHILD.format(report=json.loads(json.dumps(report))))
        with pytest.raises(EdgedError) as caught:
            Probe(plan).look()
        assert str(caught.value).isprintable()
        return caught.value

    return ask


@pytest.mark.parametrize(
    "outputs",
    [
        [tensor(1, MAX_SLOT_BYTES // 4 + 1)],
        [tensor(1, MAX_SLOT_BYTES // 8), tensor(1, MAX_SLOT_BYTES // 8), tensor(1)],
        [tensor(1 << 40)],
        [tensor(1 << 40, 1 << 40, dtype="uint8")],
    ],
    ids=["one byte", "together", "a terabyte", "beyond 64 bits"],
)
def test_outputs_that_are_too_large_are_refused(look: Look, outputs: list[dict[str, Any]]) -> None:
    """No memory is taken for them: the line says how many bytes there would be, and of which model."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = look(outputs)
    assert isinstance(error, ModelError)
    assert error.what.startswith("model /m/x.tflite gives ")
    assert f"bytes of outputs, more than {MAX_SLOT_BYTES}" in error.what
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_outputs_of_many_regions_add_up(look: Look) -> None:
    """Sixteen maps of which one would fit are refused, and the line says that regions are the reason."""
    outputs = [tensor(1, MAX_SLOT_BYTES // 32)]
    error = look(outputs, regions=16)
    assert isinstance(error, ModelError)
    assert error.what == (
        f"model /m/x.tflite gives {2 * MAX_SLOT_BYTES} bytes of outputs for a frame that it is shown in 16 parts, "
        f"more than {MAX_SLOT_BYTES}"
    )
    assert error.fix == "name fewer regions, or use a model with smaller outputs"


def test_a_model_that_takes_no_picture_makes_no_sense(look: Look) -> None:
    """An input without places is nothing that frames could be divided by."""
    assert "3 times in turn" in look([tensor(1)], regions=2, places=0).what


@pytest.mark.parametrize(
    "output",
    [tensor(1, -1), tensor("x"), tensor(5, dtype="O")],
    ids=["open", "text", "objects"],
)
def test_outputs_that_make_no_sense_end_the_child(look: Look, output: dict[str, Any]) -> None:
    """A child that talks nonsense is not asked for ever: after three of them the model is refused."""
    error = look([output])
    assert isinstance(error, ChildDiedError)
    assert "3 times in turn, before it had loaded and run /m/x.tflite" in error.what
