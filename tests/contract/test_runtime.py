"""The runtime's contract, on whichever TensorFlow Lite is installed; each case in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.fakes.tflite import Tensor, model

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours" / "colours.tflite"
PRELUDE = """
import sys
import numpy as np
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.domain.errors import EdgedError
def runtimes(library=None, device="", threads=1):
    return TfliteRuntimes(library=library, device=device, threads=threads)
def noise(spec, seed=0):
    low, high = (-128, 128) if spec.dtype == "int8" else (0, 256)
    return np.random.default_rng(seed).integers(low, high, spec.shape).astype(spec.dtype)
def told(call):
    try:
        call()
    except EdgedError as error:
        print(type(error).__name__, int(error.exit_code), bool(error.fix), error.what, sep="|")
    else:
        print("ok")
a = sys.argv[1:]
"""


def start(code: str, *arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


def run(code: str, *arguments: object, **environment: str) -> list[str]:
    """Lines that the code printed; it must end well."""
    done = start(code, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def refusal(code: str, *arguments: object, **environment: str) -> tuple[str, int, str]:
    """Class, exit code and words of the error that the code tells; it always says what to do."""
    lines = run(f"told(lambda: {code})", *arguments, **environment)
    assert len(lines) == 1, lines
    kind, code_text, fix, what = lines[0].split("|", 3)
    assert fix == "True"
    return kind, int(code_text), what


@pytest.fixture
def twin(test_data: Path) -> Path:
    """A model that Google's compiler made, whose CPU twin is in another folder."""
    return test_data / "models" / "edgetpu" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"


def test_a_model_says_what_its_tensors_are() -> None:
    """Names, shapes, dtypes and quantisation come as the file has them."""
    code = "r = runtimes().load(a[0]); print(r.inputs); print(r.outputs); print(r.accelerator)"
    inputs, outputs, accelerator = run(code, COLOURS)
    assert "shape=(1, 32, 32, 3), dtype='uint8'" in inputs
    assert "shape=(1, 5), dtype='uint8'" in outputs
    assert "Quantization(scale=0.00390625, zero_point=0)" in outputs
    assert accelerator == "cpu"


def test_a_tensor_that_is_not_quantised_has_no_scale(test_data: Path) -> None:
    """The float outputs of a detector have no quantisation, and their shapes are final after an invoke."""
    code = """
r = runtimes().load(a[0])
r.set_input(noise(r.inputs[0])); r.invoke()
print([spec.quantization for spec in r.outputs], [spec.shape for spec in r.outputs])
print([out.shape for out in r.get_outputs()], {out.dtype.name for out in r.get_outputs()})
"""
    shapes = "[(1, 10, 4), (1, 10), (1, 10), (1,)]"
    lines = run(code, test_data / "models" / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite")
    assert lines == [f"[None, None, None, None] {shapes}", f"{shapes} {{'float32'}}"]


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128_quant", "vww_96_int8"])
def test_the_same_picture_gets_the_same_answer_to_the_last_bit(test_data: Path, name: str) -> None:
    """Nothing of one frame is left when the next one is answered, whatever came between."""
    code = """
r = runtimes().load(a[0])
def answer(seed): r.set_input(noise(r.inputs[0], seed)); r.invoke(); return r.get_outputs()[0]
first, other, again = answer(1), answer(2), answer(1)
print((first == again).all(), (first == other).all(), first.dtype == r.outputs[0].dtype)
print((runtimes().load(a[0]).inputs == r.inputs))
"""
    assert run(code, test_data / "models" / f"{name}.tflite") == ["True False True", "True"]


def test_outputs_are_copies() -> None:
    """Holding an answer neither stops the next invoke nor changes with it."""
    code = """
r = runtimes().load(a[0])
red = np.zeros(r.inputs[0].shape, np.uint8); red[..., 0] = 255
r.set_input(red); r.invoke(); held = r.get_outputs()[0]; kept = held.copy()
r.set_input(255 - red); r.invoke()
print((held == kept).all(), held.flags.owndata, (held == r.get_outputs()[0]).all())
held[:] = 7
print((r.get_outputs()[0] == 7).all())
"""
    assert run(code, COLOURS) == ["True True False", "False"]


def test_the_input_is_copied_in() -> None:
    """The buffer may be filled with the next frame while this one is answered."""
    code = """
r = runtimes().load(a[0])
frame = np.zeros(r.inputs[0].shape, np.uint8); frame[..., 0] = 255
r.set_input(frame); r.invoke(); answer = r.get_outputs()[0]
r.set_input(frame); frame[:] = 128; r.invoke()
print((r.get_outputs()[0] == answer).all())
"""
    assert run(code, COLOURS) == ["True"]


def test_models_share_an_accelerator() -> None:
    """Two models of one process keep their answers apart."""
    code = """
both = runtimes(threads=2); one, two = both.load(a[0]), both.load(a[0])
red = np.zeros(one.inputs[0].shape, np.uint8); red[..., 0] = 255
one.set_input(red); two.set_input(255 - red); one.invoke(); two.invoke()
print(one.get_outputs()[0].argmax() == 0, two.get_outputs()[0].argmax() == 0, both.package.isidentifier())
"""
    assert run(code, COLOURS) == ["True False True"]


def test_other_threads_run_meanwhile(
    edgetpu_library: Path, twin: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """The control thread of a child answers while the chip works."""
    edgetpu_control.set(latency_ms=300)
    code = """
import threading, time
r = runtimes(a[0]).load(a[1]); r.set_input(noise(r.inputs[0])); ticks = 0
thread = threading.Thread(target=r.invoke); thread.start()
while thread.is_alive(): ticks += 1; time.sleep(0.01)
print(ticks > 10)
"""
    assert run(code, edgetpu_library, twin) == ["True"]


def test_a_missing_library_is_a_missing_device() -> None:
    """Without libedgetpu the error names the file, and the fix the package."""
    kind, code, what = refusal("runtimes('libedgetpu-nowhere.so.1')")
    assert (kind, code) == ("DeviceUnavailableError", 69)
    assert "libedgetpu-nowhere.so.1" in what
    assert "Edge TPU (any)" in what


def test_a_library_that_is_no_delegate_is_refused() -> None:
    """A library that loads but has no delegate in it is named."""
    kind, code, what = refusal("runtimes('libc.so.6')")
    assert (kind, code) == ("DeviceUnavailableError", 69)
    assert what == "libc.so.6 is not a TensorFlow Lite delegate"


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    """A text file under the library's name is named."""
    text = tmp_path / "libedgetpu.so.1"
    text.write_text("GROUP ( /lib/libedgetpu.so.1 )\n")
    kind, _, what = refusal("runtimes(a[0])", text)
    assert kind == "DeviceUnavailableError"
    assert str(text) in what


@pytest.mark.parametrize("device", ["usb:3", "pci", ""])
def test_a_device_that_does_not_open_is_missing(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl, device: str
) -> None:
    """The library says nothing; we say which device it was, through which library."""
    edgetpu_control.set(devices="usb:1" if device else "usb:0")
    kind, code, what = refusal("runtimes(a[0], a[1])", edgetpu_library, device)
    assert (kind, code) == ("DeviceUnavailableError", 69)
    assert f"Edge TPU {device or '(any)'} through {edgetpu_library} did not open" in what


def test_a_compiled_model_runs_on_the_edge_tpu(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl, twin: Path
) -> None:
    """With the delegate the runtime says so, and the chip is really asked."""
    code = """
r = runtimes(a[0], "usb:0").load(a[1]); r.set_input(noise(r.inputs[0])); r.invoke()
first = r.get_outputs()[0]; r.set_input(noise(r.inputs[0])); r.invoke()
print(r.accelerator, (first == r.get_outputs()[0]).all(), r.outputs[0].shape)
"""
    assert run(code, edgetpu_library, twin) == ["edgetpu True (1, 1001)"]
    log = edgetpu_control.log()
    assert log[0].startswith("create device=usb:0")
    assert [line for line in log if line.startswith("invoke")] == ["invoke ok n=1", "invoke ok n=2"]


def test_a_compiled_model_without_a_delegate_names_its_twin(twin: Path) -> None:
    """On the CPU a compiled model is refused with the file that would work."""
    kind, code, what = refusal("runtimes().load(a[0])", twin)
    assert (kind, code) == ("ModelError", 78)
    assert f"{twin} is compiled for the Edge TPU" in what
    lines = run("try: runtimes().load(a[0])\nexcept EdgedError as error: print(error.fix)", twin)
    assert "CPU twin" in lines[0]
    assert "_edgetpu" in lines[0]


def test_a_chip_that_refuses_a_model_is_a_device_fault(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl, twin: Path
) -> None:
    """A delegate that cannot prepare the model is a fault of the device, not of the file."""
    edgetpu_control.set(prepare="error")
    kind, code, what = refusal("runtimes(a[0]).load(a[1])", edgetpu_library, twin)
    assert (kind, code) == ("DeviceUnavailableError", 69)
    assert str(twin) in what


def test_an_invoke_that_fails_on_the_chip_is_a_device_fault(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl, twin: Path
) -> None:
    """What the chip says is kept, in one line."""
    edgetpu_control.set(invoke="error")
    code = "(lambda r: (r.set_input(noise(r.inputs[0])), r.invoke()))(runtimes(a[0]).load(a[1]))"
    kind, _, what = refusal(code, edgetpu_library, twin)
    assert kind == "DeviceUnavailableError"
    assert "Edge TPU is not ready" in what


def test_a_pulled_cable_kills_the_child_and_nobody_else(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl, twin: Path
) -> None:
    """Why this adapter runs in a child: no error can be raised from an abort."""
    edgetpu_control.set(invoke="abort")
    code = "r = runtimes(a[0]).load(a[1]); r.set_input(noise(r.inputs[0])); r.invoke()"
    assert start(code, edgetpu_library, twin).returncode == -signal.SIGABRT


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"not a model at all" * 40], ids=["empty", "short", "text"]
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """Rubbish is a model error that names the file."""
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    kind, code, what = refusal("runtimes().load(a[0])", path)
    assert (kind, code) == ("ModelError", 78)
    assert str(path) in what


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """A file that went away between the check and the load is named."""
    path = tmp_path / "gone.tflite"
    kind, _, what = refusal("runtimes().load(a[0])", path)
    assert kind == "ModelError"
    assert str(path) in what


def test_an_unknown_operator_is_refused(test_data: Path, tmp_path: Path) -> None:
    """A custom operator that no runtime has is a model error that names it."""
    path = test_data / "models" / "model_invoking_error.tflite"
    kind, _, what = refusal("runtimes().load(a[0])", path)
    assert kind == "ModelError"
    assert "fake-op-double" in what
    made = tmp_path / "custom.tflite"
    made.write_bytes(model([Tensor("x", (1, 4, 4, 3))], [Tensor("y", (1, 4, 4, 3))], op="Sorcery"))
    assert "Sorcery" in refusal("runtimes().load(a[0])", made)[2]


@pytest.mark.parametrize(
    "bad", ["np.zeros((1, 8, 8, 3), np.uint8)", "np.zeros(r.inputs[0].shape, np.float32)"]
)
def test_an_input_of_another_kind_is_refused_by_the_runtime(bad: str) -> None:
    """A tensor of the wrong shape or type is never taken for pixels."""
    code = f"""
r = runtimes().load(a[0])
try: r.set_input({bad}); print("taken")
except ValueError: print("refused")
"""
    assert run(code, COLOURS) == ["refused"]


def test_a_machine_without_a_runtime_says_so() -> None:
    """The error says what to install."""
    kind, code, what = refusal("runtimes()", EDGED_RUNTIME="no_such_runtime")
    assert (kind, code) == ("DeviceUnavailableError", 69)
    assert "no_such_runtime" in what
