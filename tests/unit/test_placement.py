"""Which operators would stay on the CPU, by the documentation of the Edge TPU's compiler."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships none
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.adapters.storage.bundles import load_bundle
from edged.vision.modelfile import read_model
from edged.vision.operators import NUMBERS, operator_name
from edged.vision.placement import NOTHING_PLACED, Left, Operator, Placement, place
from edged.vision.report import describe
from tests.fakes.tflite import CONV, Tensor, model

FLOATS = Tensor("image", (1, 8, 8, 3), "float32")
ARG_MAX, QUANTIZE, CAST = NUMBERS["ARG_MAX"], NUMBERS["QUANTIZE"], NUMBERS["CAST"]
GOOD, BAD = Operator("CONV_2D"), Operator("ARG_MAX", "is not in the table of supported operations")
LEADS = Operator("QUANTIZE", "works on float32", converts_input=True)
AFTER = "comes after an operator that stays on the CPU"


def chain(*operators: Operator) -> list[Operator]:
    """Each reads what the one before it gives."""
    return [replace(each, reads=(at - 1,) if at else ()) for at, each in enumerate(operators)]


def placed(*operators: Operator) -> tuple[int, list[tuple[str, int]]]:
    found = place(chain(*operators))
    return found.on_edgetpu, [(left.name, left.count) for left in found.on_cpu]


def obstacle(inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], op: int | str) -> str:
    (operator,) = read_model(model(inputs, outputs, op), "x.tflite").operators
    return operator.obstacle


def quantised(dtype: str = "int8", scale: float = 0.1) -> Tensor:
    return Tensor("out", (1, 5), dtype, scale, 0)


def test_names_are_those_of_the_schema() -> None:
    """The numbers of TensorFlow Lite's operators have their names, also those that the runtime here brings."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    theirs = {name: number for name, number in vars(schema.BuiltinOperator).items() if name in NUMBERS}
    assert theirs == NUMBERS
    assert [operator_name(op) for op in (3, 9999, -1, "Mine")] == [
        "CONV_2D",
        "builtin 9999",
        "builtin -1",
        "Mine",
    ]


def test_everything_after_the_first_obstacle_stays_on_the_cpu() -> None:
    """The compiler cuts a graph once: what reads the result of what stays does so too, though it is supported."""
    assert placed(GOOD, GOOD) == (2, [])
    assert placed(GOOD, BAD, GOOD, GOOD) == (1, [("ARG_MAX", 1), ("CONV_2D", 2)])
    assert placed(BAD, GOOD) == (0, [("ARG_MAX", 1), ("CONV_2D", 1)])
    assert place(chain(GOOD, BAD, GOOD)).on_cpu[1] == Left("CONV_2D", 1, AFTER)
    assert place([]) == NOTHING_PLACED


def test_the_conversion_of_a_float_input_stays_alone() -> None:
    """A model that takes floats keeps its first QUANTIZE on the CPU, and the rest may go; later it is a cut."""
    assert placed(LEADS, GOOD, GOOD) == (2, [("QUANTIZE", 1)])
    assert placed(GOOD, LEADS, GOOD) == (1, [("QUANTIZE", 1), ("CONV_2D", 1)])


def test_a_branch_beside_an_obstacle_goes() -> None:
    """What runs later and reads nothing of what stays is compiled, as the compiler did with MoveNet's heads."""
    branches = [GOOD, replace(BAD, reads=(0,)), replace(GOOD, reads=(0,)), replace(GOOD, reads=(1, 2))]
    assert place(branches) == Placement(
        compiled=False, on_edgetpu=2, on_cpu=(Left(BAD.name, 1, BAD.obstacle), Left("CONV_2D", 1, AFTER))
    )


@given(st.lists(st.sampled_from((GOOD, BAD, LEADS)), max_size=12))
def test_every_operator_is_somewhere(operators: list[Operator]) -> None:
    """None is lost or counted twice, and none that has an obstacle goes to the Edge TPU."""
    found = place(chain(*operators))
    assert found.on_edgetpu + sum(left.count for left in found.on_cpu) == len(operators)
    assert found.on_edgetpu <= operators.count(GOOD)


def test_a_compiled_model_shows_what_was_left() -> None:
    """What stands beside the compiled part was left on the CPU by the compiler itself."""
    found = place([Operator("edgetpu-custom-op", "x"), BAD, Operator("TFLite_Detection_PostProcess", "x")])
    assert (found.compiled, found.on_edgetpu) == (True, 1)
    assert [left.name for left in found.on_cpu] == ["ARG_MAX", "TFLite_Detection_PostProcess"]
    assert {left.why for left in found.on_cpu} == {"was left there by the compiler"}
    assert read_model(model(op="edgetpu-custom-op"), "x.tflite").operators[0].name == "edgetpu-custom-op"


@pytest.mark.parametrize(
    ("inputs", "outputs", "op", "words"),
    [
        ((quantised(),), (quantised("uint8"),), CONV, ""),
        ((FLOATS,), (Tensor("out", (1, 5), "float32"),), CONV, "works on float32: the Edge TPU takes integers of 8 bits"),
        ((quantised("int16"),), (quantised("int16"),), CONV, "works on int16"),
        ((quantised(),), (quantised(scale=0.0),), CONV, "gives integers without a scale"),
        ((quantised(),), (quantised(),), ARG_MAX, "is not in the table"),
        ((quantised(),), (quantised(),), "CONV_2D", "is not in the table"),
        ((quantised(),), (quantised(),), "TFLite_Detection_PostProcess", "is not in the table"),
        ((quantised(),), (Tensor("words", (1,), "string"), quantised()), CONV, "works on another type"),
    ],
)  # fmt: skip
def test_what_keeps_an_operator_away(
    inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], op: int | str, words: str
) -> None:
    """Its kind, the type of its tensors, or a result without a scale."""
    data = model(inputs, outputs[-1:], op) if len(outputs) == 1 else model(inputs, outputs, op, shuffle=(1,))
    (operator,) = read_model(data, "x.tflite").operators
    assert operator.obstacle.startswith(words)
    assert bool(operator.obstacle) == bool(words)


def test_only_conversions_of_the_input_lead() -> None:
    """QUANTIZE from floats and a CAST of the input itself lead; what stays within 8 bits needs no exception."""

    def leads(inputs: Tensor, output: Tensor, op: int) -> bool:
        return read_model(model((inputs,), (output,), op), "x.tflite").operators[0].converts_input

    assert leads(FLOATS, quantised(), QUANTIZE)
    assert leads(quantised("uint8"), Tensor("out", (1, 5), "float32"), CAST)
    assert not leads(quantised("uint8"), quantised(), QUANTIZE)
    assert not leads(FLOATS, Tensor("out", (1, 5), "float32"), CONV)


@pytest.mark.parametrize(("side", "times"), [(8, ""), (16, ""), (264, "makes a picture 33 times as large")])
def test_a_picture_that_grows_much_stays(side: int, times: str) -> None:
    """DeepLab's RESIZE_BILINEAR by 15 and by 33 was left by the compiler, MoveNet's by 2 was not."""
    small, large = (Tensor("x", (1, each, each, 4), "int8", 0.1) for each in (8, side))
    assert obstacle((small,), (large,), NUMBERS["RESIZE_BILINEAR"]).startswith(times)
    assert bool(obstacle((small,), (large,), NUMBERS["RESIZE_BILINEAR"])) == bool(times)
    assert not obstacle((large,), (small,), NUMBERS["RESIZE_NEAREST_NEIGHBOR"])
    assert not obstacle((Tensor("x", (), "int8", 0.1),), (large,), NUMBERS["RESIZE_BILINEAR"])


def test_a_float_model_maps_nothing() -> None:
    """Without integers of 8 bits there is nothing for an Edge TPU to do."""
    file = read_model(model((FLOATS,), (Tensor("out", (1, 5), "float32"),)), "x.tflite")
    assert place(file.operators).on_edgetpu == 0


def test_limits_of_options_are_seen(test_data: Path) -> None:
    """A model with the usual options has no obstacle in any of its convolutions and poolings."""
    bundle = load_bundle(test_data / "models/mobilenet_v1_0.25_128_quant.tflite")
    assert bundle.placement == Placement(compiled=False, on_edgetpu=31, on_cpu=())


def test_the_report_says_who_decided(tmp_path: Path) -> None:
    """In JSON: whether it is the compiler's word or the documentation's, how many go, which stay and why."""
    (tmp_path / "x.tflite").write_bytes(model())
    assert describe(load_bundle(tmp_path / "x.tflite"))["placement"] == {
        "decided_by": "documentation",
        "on_edgetpu": 1,
        "on_cpu": [],
    }
    (tmp_path / "x_edgetpu.tflite").write_bytes(model(op="edgetpu-custom-op"))
    assert describe(load_bundle(tmp_path / "x.tflite"))["placement"] == {
        "decided_by": "compiler",
        "on_edgetpu": 1,
        "on_cpu": [],
    }


def changed(change: Callable[[Any], None]) -> list[str]:
    """What stands in the way of each operator of a small detector, after a change of its operators."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    from tests.fakes.cells import cells_model  # noqa: PLC0415  needs the schema

    whole = schema.ModelT.InitFromPackedBuf(cells_model(), 0)
    change(whole.subgraphs[0].operators)
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return [each.obstacle for each in read_model(bytes(builder.Output()), "x.tflite").operators]


def test_limits_of_the_table_are_checked() -> None:
    """A pooling with an activation of its own and a convolution that is dilated in one direction stay on the CPU."""

    def with_activation(operators: Any) -> None:
        operators[0].builtinOptions.fusedActivationFunction = 1

    def with_dilation(operators: Any) -> None:
        operators[2].builtinOptions.dilationWFactor = 2

    assert set(changed(lambda _: None)) == {""}
    assert changed(with_activation) == ["has a fused activation function", "", "", "", "", ""]
    assert changed(with_dilation) == ["", "", "has another dilation in x than in y", "", "", ""]
