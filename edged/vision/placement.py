"""Which operators of a model the Edge TPU compiler would leave on the CPU, by what is documented of it.

Source: https://coral.ai/docs/edgetpu/models-intro/, the table under "Supported operations" (of runtime 14, the newest)
and what is said below it: an operator that is not supported stays on the CPU, and so does what comes behind it; a model
that takes floats keeps its first QUANTIZE there. Of the table's limits types, fused activations, dilation and how much
a picture is enlarged are checked.

Held against the 15 pairs of google-coral/test_data at hand that come with the file they were compiled from (MobileNet v1
and v2, DeepLab v3, MoveNet, PoseNet, BodyPix, an LSTM, split_concat): what the compiler left is in each the same, operator
by operator. They have taught three things that the documentation leaves open. Behind an operator means: reading its
result; a branch beside it is compiled (MoveNet's heads). TILE is compiled, though the table lacks it. Of RESIZE_BILINEAR
the table says that it may be left for its size: doubling was compiled, 15 and 33 times were left; where between them
the limit lies is our guess. Only the compiler decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edged.vision.flatbuffer import Table
from edged.vision.graph import EDGETPU_OP, Graph, Step
from edged.vision.operators import NUMBERS, operator_name

_SUPPORTED = frozenset(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED L2_NORMALIZATION LOGISTIC
    LSTM UNIDIRECTIONAL_SEQUENCE_LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN
    RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT
    SQUEEZE STRIDED_SLICE SUB SUM SQUARED_DIFFERENCE TANH TILE TRANSPOSE TRANSPOSE_CONV
    """.split()  # noqa: SIM905  40 lines of quotes and commas would say no more
)
_CONVERTS = frozenset({"QUANTIZE", "CAST"})
"""What may bring the input to 8 bits before the compiled part begins."""
_EIGHT_BITS = frozenset({"uint8", "int8"})
_ACTIVATION_FIELD = {"AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5, "CONCATENATION": 1}
"""Where the options of operators that may have no fused activation say which one they have."""
_DILATION_FIELDS = {"CONV_2D": (4, 5), "DEPTHWISE_CONV_2D": (5, 6)}
_OPTIONS_TYPE = {
    "CONV_2D": 1, "DEPTHWISE_CONV_2D": 2, "AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5, "CONCATENATION": 10
}  # fmt: skip
"""BuiltinOptions of schema.fbs."""
_RESIZES = frozenset({"RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"})
_RANK = 4
_MOST_TIMES = 8
"""How much larger a side may become."""
_AFTER = "comes after an operator that stays on the CPU"
_NOT_LISTED = "is not in the table of supported operations"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a graph, and what keeps it off the Edge TPU; empty where nothing does."""

    name: str
    obstacle: str = ""
    converts_input: bool = False
    """Whether it does nothing but bring a float input to 8 bits, or begin to."""
    reads: tuple[int, ...] = ()
    """The operators whose results it takes, by their place in the order."""


@dataclass(frozen=True, slots=True)
class Left:
    """Operators of one kind that stay on the CPU for one reason."""

    name: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the operators of a model run on a machine with an Edge TPU."""

    compiled: bool
    """Whether the file is compiled, so that the compiler has decided; else it is what the table says."""
    on_edgetpu: int
    """How many operators run there; a compiled model has one for each part that was compiled."""
    on_cpu: tuple[Left, ...]


NOTHING_PLACED = Placement(compiled=False, on_edgetpu=0, on_cpu=())
"""That of a model without operators."""


def operators_of(graph: Graph) -> tuple[Operator, ...]:
    """The operators in the order in which they run."""
    maker = {tensor: at for at, step in enumerate(graph.steps) for tensor in step.outputs}
    return tuple(
        _operator(graph, step, tuple(sorted({maker[tensor] for tensor in step.inputs if tensor in maker})))
        for step in graph.steps
    )


def place(operators: Sequence[Operator]) -> Placement:
    """What the compiler has left on the CPU, or would leave there by its documentation."""
    if any(operator.name == EDGETPU_OP for operator in operators):
        rest = [operator for operator in operators if operator.name != EDGETPU_OP]
        left = _counted((operator.name, "was left there by the compiler") for operator in rest)
        return Placement(compiled=True, on_edgetpu=len(operators) - len(rest), on_cpu=left)
    first = next((at for at, each in enumerate(operators) if not each.converts_input), len(operators))
    staying: set[int] = set()
    for at, each in enumerate(operators[first:], first):
        if each.obstacle or not staying.isdisjoint(each.reads):
            staying.add(at)
    on_cpu = [(each.name, each.obstacle) for each in operators[:first]]
    on_cpu += [(operators[at].name, operators[at].obstacle or _AFTER) for at in sorted(staying)]
    return Placement(compiled=False, on_edgetpu=len(operators) - len(on_cpu), on_cpu=_counted(on_cpu))


def _counted(pairs: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> tuple[Left, ...]:
    """Each name and reason once, in the order in which they come first."""
    counts: dict[tuple[str, str], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    return tuple(Left(name, count, why) for (name, why), count in counts.items())


def _operator(graph: Graph, step: Step, reads: tuple[int, ...]) -> Operator:
    name = operator_name(step.op)
    obstacle = _obstacle(graph, step, name)
    floats = bool(obstacle) and any(
        kind.startswith("float") for kind in _types(graph, (*step.inputs, *step.outputs))
    )
    leads = name in _CONVERTS and floats and (name == "QUANTIZE" or not set(step.inputs) - set(graph.inputs))
    return Operator(name, obstacle, converts_input=leads, reads=reads)


def _obstacle(graph: Graph, step: Step, name: str) -> str:
    """What speaks against an operator; empty where nothing does."""
    if name not in _SUPPORTED or isinstance(step.op, str):
        return _NOT_LISTED
    floats = {kind for kind in _types(graph, step.inputs) if kind.startswith("float")}
    wide = {kind for kind in _types(graph, step.outputs) if kind not in _EIGHT_BITS}
    if floats or wide:
        return f"works on {', '.join(sorted(floats | wide))}: the Edge TPU takes integers of 8 bits"
    if any(graph.quantization(index) is None for index in step.outputs if 0 <= index < len(graph.tensors)):
        return "gives integers without a scale: it is not quantised"
    if name in _RESIZES and (times := _enlargement(graph, step)) > _MOST_TIMES:
        return f"makes a picture {times:.0f} times as large, and may be left for its size"
    return _limit(step, name)


def _enlargement(graph: Graph, step: Step) -> float:
    """By how much the side grows that grows most; 0 where the file does not say."""
    before, after = (graph.shape(indices[0]) if indices else () for indices in (step.inputs, step.outputs))
    if len(before) != _RANK or len(after) != _RANK or min(before) < 1:
        return 0.0
    return max(after[axis] / before[axis] for axis in (1, 2))


def _types(graph: Graph, indices: Sequence[int]) -> tuple[str, ...]:
    """The types of tensors; an index that leads nowhere, as that of an input that is left out, has none."""
    return tuple(graph.dtype(index) or "another type" for index in indices if 0 <= index < len(graph.tensors))


def _limit(step: Step, name: str) -> str:
    """What the table says against an operator's options."""
    options = step.options
    if options is None or step.options_type != _OPTIONS_TYPE.get(name):
        return ""
    if name in _ACTIVATION_FIELD and options.integer(_ACTIVATION_FIELD[name], "b"):
        return "has a fused activation function"
    return (
        "has another dilation in x than in y"
        if name in _DILATION_FIELDS and _is_uneven(options, name)
        else ""
    )


def _is_uneven(options: Table, name: str) -> bool:
    across, down = (options.integer(field, "i", 1) for field in _DILATION_FIELDS[name])
    return across != down


assert set(NUMBERS) >= _SUPPORTED  # noqa: S101  a name that is misspelt would never be met
