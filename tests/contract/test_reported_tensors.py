"""What a child says of a model's tensors is not believed where it would cost the parent its memory."""

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
Look = Callable[[list[dict[str, Any]]], EdgedError]


def tensor(*shape: Any, dtype: str = "float32") -> dict[str, Any]:
    return {"name": "out", "shape": list(shape), "dtype": dtype, "quantization": None}


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Asks a child that gives these outputs, and gives the error that comes of it."""
    children = tmp_path / "edged" / "children"
    children.mkdir(parents=True)
    for folder in (children, children.parent):
        (folder / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = ModelJob("x", "/m/x.tflite", "classification", (("scores", 0),), InputRule())
    plan = AcceleratorPlan("main", (AcceleratorJob((job,), None, "", 1),), 10, 5, gives_up=True)

    def ask(outputs: list[dict[str, Any]]) -> EdgedError:
        model = {
            "inputs": [tensor(1, 8, 8, 3, dtype="uint8")],
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
