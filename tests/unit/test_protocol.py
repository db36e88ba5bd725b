"""What parent and children say survives JSON, value by value."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain import errors
from edged.domain.errors import ChildDiedError, EdgedError, ModelError
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.transport.failure import error_from_wire, error_to_wire
from edged.transport.protocol import (
    AcceleratorJob,
    LoadedModel,
    ModelJob,
    Ready,
    job_from_wire,
    job_to_wire,
    ready_from_wire,
    ready_to_wire,
)
from edged.vision.manifest import Colour, DecoderName, InputRule, Place, Resize

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EdgedError)]
text = st.text(max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
index = st.integers(0, 100)
roles = st.lists(st.tuples(st.sampled_from(["boxes", "classes", "scores", "count"]), index), max_size=4)
rules = st.builds(
    InputRule,
    st.sampled_from(get_args(Resize)),
    st.sampled_from(get_args(Place)),
    st.integers(0, 255),
    st.sampled_from(get_args(Colour)),
    st.none() | number,
    st.none() | number,
)
jobs = st.builds(
    AcceleratorJob,
    st.lists(
        st.builds(ModelJob, text, text, st.sampled_from(get_args(DecoderName)), roles.map(tuple), rules),
        max_size=3,
    ).map(tuple),
    st.none() | text,
    text,
    st.integers(1, 64),
)
specs = st.lists(
    st.builds(
        TensorSpec,
        text,
        st.lists(st.integers(0, 4000), max_size=5).map(tuple),
        st.sampled_from(get_args(DType)),
        st.none() | st.builds(Quantization, number, st.integers(-(2**31), 2**31 - 1)),
    ),
    max_size=4,
).map(tuple)
loaded = st.builds(LoadedModel, specs, specs, roles.map(tuple), st.lists(text, max_size=2).map(tuple))
readies = st.builds(Ready, st.lists(loaded, max_size=3).map(tuple), text)


def sent(message: dict[str, Any]) -> Any:
    """What the other side reads."""
    return json.loads(json.dumps(message))


@given(jobs)
def test_a_job_arrives_as_it_was_given(job: AcceleratorJob) -> None:
    """Tuples, missing values and every field of every model survive."""
    assert job_from_wire(sent(job_to_wire(job))) == job


@given(readies)
def test_a_report_arrives_as_it_was_made(ready: Ready) -> None:
    """Shapes, quantisation to the last bit and warnings survive, beside the name of the event."""
    message = sent(ready_to_wire(ready))
    assert message["event"] == "ready"
    assert ready_from_wire(message) == ready


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_class_and_exit_code(kind: type[EdgedError]) -> None:
    """The parent raises what the child raised, with both sentences."""
    message = sent(error_to_wire(kind("camera front: no such device", "plug it in")))
    assert message["event"] == "failed"
    error = error_from_wire(message)
    assert type(error) is kind
    assert (error.what, error.fix) == ("camera front: no such device", "plug it in")
    assert error.exit_code is kind.exit_code


@given(text, text)
def test_the_words_of_an_error_survive(what: str, fix: str) -> None:
    """Any text, also one that is not ASCII, arrives unchanged."""
    error = error_from_wire(sent(error_to_wire(ModelError(what, fix))))
    assert (error.what, error.fix) == (what, fix)


@pytest.mark.parametrize("kind", ["SomethingNewError", "", "no such thing"])
def test_an_error_of_an_unknown_kind_is_a_child_that_died(kind: str) -> None:
    """A child of another version may know errors that we don't."""
    error = error_from_wire({"event": "failed", "kind": kind, "what": "what", "fix": "fix"})
    assert type(error) is ChildDiedError
    assert (error.what, error.fix) == ("what", "fix")


@pytest.mark.parametrize("kind", ["ExitCode", "IntEnum", "__name__", "__builtins__"])
def test_a_name_that_is_no_error_is_a_child_that_died(kind: str) -> None:
    """What else lies in the module of errors is not called, whatever a broken child says."""
    error = error_from_wire({"event": "failed", "kind": kind, "what": "what", "fix": "fix"})
    assert type(error) is ChildDiedError


@given(jobs)
def test_a_job_without_a_library_is_the_cpus(job: AcceleratorJob) -> None:
    """The accelerator's name follows from the library."""
    assert job.accelerator == ("edgetpu" if job.library else "cpu")
