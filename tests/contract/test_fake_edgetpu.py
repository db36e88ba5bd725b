"""The fake Edge TPU behaves, and fails, as libedgetpu was seen to; every case in a process of its own."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.edgetpu.build import build
from tests.fakes.edgetpu.compile import fake_compile, record
from tests.fakes.edgetpu.fixtures import EdgeTpuControl

REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours" / "colours.tflite"
RUNTIMES = [name for name in ("ai_edge_litert", "tflite_runtime") if importlib.util.find_spec(name)]

pytestmark = pytest.mark.skipif(not RUNTIMES, reason="neither ai-edge-litert nor tflite-runtime is installed")

PRELUDE = """
import os, sys
import numpy as np
try:
    from ai_edge_litert.interpreter import Interpreter, load_delegate
except ImportError:
    from tflite_runtime.interpreter import Interpreter, load_delegate
library, compiled, cpu = sys.argv[1:4]
X = (np.arange(128 * 128 * 3) % 251).astype(np.uint8).reshape(1, 128, 128, 3)
def load(model, device="usb:0", **options):
    options = {"device": device, **options}
    interpreter = Interpreter(model_path=model, experimental_delegates=[load_delegate(library, options)])
    interpreter.allocate_tensors()
    return interpreter
def run(interpreter, x):
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
def told(what, *arguments, **options):
    try:
        what(*arguments, **options)
        return "ok"
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}".strip()
"""


class Child:
    """Runs pieces of Python beside the fake library and the MobileNet twins."""

    def __init__(self, library: Path, models: Path) -> None:
        twin = models / "edgetpu" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
        self.cpu = models / "mobilenet_v1_0.25_128_quant.tflite"
        self.arguments = [str(library), str(twin), str(self.cpu)]

    def start(self, code: str) -> "subprocess.Popen[str]":
        """Starts a child and does not wait for it."""
        command = [sys.executable, "-c", PRELUDE + code, *self.arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, code: str) -> tuple[int, list[str], str]:
        """Exit code (minus the signal), lines of stdout, stderr."""
        process = self.start(code)
        out, err = process.communicate(timeout=20)
        return process.returncode, out.splitlines(), err


@pytest.fixture
def child(edgetpu_library: Path, edgetpu_control: EdgeTpuControl, test_data: Path) -> Child:
    return Child(edgetpu_library, test_data / "models")


@pytest.fixture
def control(edgetpu_control: EdgeTpuControl) -> EdgeTpuControl:
    return edgetpu_control


def test_devices_are_chosen_by_the_rules_of_libedgetpu(child: Child, control: EdgeTpuControl) -> None:
    """A device string picks any, a kind, or the Nth of a kind; others fail without saying why."""
    control.set(devices="usb:1 pci:2")
    good = ["", ":0", ":2", "usb", "usb:0", "pci", "pci:1"]
    bad = [":3", "usb:1", "pci:2", "USB0", "usb:", "usb:-1", "usb:0x"]
    code, lines, err = child.run(
        f"for device in {good + bad}: print(told(load_delegate, library, {{'device': device}}))"
    )
    assert code == 0, err
    silent = f"ValueError: Failed to load delegate from {child.arguments[0]}"
    assert lines[: len(good)] == ["ok"] * len(good)
    assert [line for line in lines[len(good) :] if line] == [silent] * len(bad)


def test_an_answer_depends_on_every_byte_of_the_input(child: Child, control: EdgeTpuControl) -> None:
    """Two inputs that differ in one byte get different answers from the chip, one input the same twice."""
    body = "it = load(compiled); y = run(it, X); again = run(it, X); X[0, 9, 9, 1] ^= 1\n"
    code, lines, err = child.run(body + "print((y == again).all(), (y == run(it, X)).all(), y.max())")
    assert (code, lines) == (0, ["True False 255"]), err
    assert control.log()[0].startswith("create device=usb:0")
    assert [line for line in control.log() if line.startswith("invoke")] == [
        f"invoke ok n={n}" for n in (1, 2, 3)
    ]


def test_a_model_that_was_not_compiled_runs_silently_on_the_cpu(
    child: Child, control: EdgeTpuControl
) -> None:
    """The delegate takes no node of an uncompiled model, and nobody is told."""
    body = "plain = Interpreter(model_path=cpu); plain.allocate_tensors()\n"
    code, lines, err = child.run(body + "print((run(load(cpu), X) == run(plain, X)).all())")
    assert (code, lines) == (0, ["True"]), err
    assert any(line.startswith("prepare claimed=0") for line in control.log())


def test_a_compiled_model_needs_the_delegate(child: Child) -> None:
    """Without the delegate a compiled model is constructed, and fails when tensors are allocated."""
    code, lines, err = child.run("it = Interpreter(model_path=compiled); print(told(it.allocate_tensors))")
    assert code == 0, err
    assert "Encountered unresolved custom op: edgetpu-custom-op" in lines[0]


def test_an_error_of_the_chip_is_an_exception_and_can_pass(child: Child, control: EdgeTpuControl) -> None:
    """Refused requests raise RuntimeError with the chip's words; the next request may work."""
    body = """
it = load(compiled)
for how in ("error", "ok"):
    with open(os.environ["FAKE_EDGETPU_CTL"], "w") as file: file.write(f"invoke={how}\\n")
    print(told(run, it, X))
"""
    code, lines, err = child.run(body)
    assert code == 0, err
    assert "Edge TPU is not ready" in lines[0]
    assert lines[-1] == "ok"


@pytest.mark.parametrize(
    ("how", "code"),
    [("abort", -signal.SIGABRT), ("segv", -signal.SIGSEGV), ("exit", 3)],
    ids=["abort", "segv", "exit"],
)
def test_a_fault_ends_the_whole_process(child: Child, control: EdgeTpuControl, how: str, code: int) -> None:
    """Abort, segmentation fault and exit inside invoke cannot be caught; here after two good invokes."""
    control.set(invoke=how, fail_after=2)
    assert child.run("it = load(compiled)\nfor _ in range(9): print(told(run, it, X), flush=True)")[:2] == (
        code,
        ["ok", "ok"],
    )
    assert control.log()[-1] == f"invoke {how} after=2"


def test_a_hang_lasts_until_the_process_is_killed(child: Child, control: EdgeTpuControl) -> None:
    """A hung invoke never returns, and a signal handler written in Python never runs meanwhile."""
    control.set(invoke="hang")
    body = "import signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(0))\nrun(load(compiled), X)"
    process = child.start(body)
    wait_for(lambda: "invoke hang after=0" in control.log())
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.kill()
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGKILL
    assert control.pids() == [process.pid]


def test_a_pulled_cable_aborts_and_a_new_process_finds_no_device(
    child: Child, control: EdgeTpuControl
) -> None:
    """Unplugging kills the process at its next invoke; then no delegate can be made until it is plugged in."""
    process = child.start("it = load(compiled)\nwhile True: run(it, X); print('ok', flush=True)")
    assert process.stdout is not None
    assert process.stdout.readline() == "ok\n"
    control.set(devices="usb:0")
    _, err = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGABRT
    assert "USB transfer error" in err
    attempt = "print(told(load, compiled).splitlines()[0])"
    assert "Failed to load delegate" in child.run(attempt)[1][0]
    control.set(devices=None)
    assert child.run(attempt)[1] == ["ok"]


def test_recorded_answers_come_back_bit_for_bit(
    child: Child, control: EdgeTpuControl, tmp_path: Path
) -> None:
    """With a recording of the CPU twin the chip answers exactly as the CPU, and refuses unknown inputs."""
    given = (np.arange(128 * 128 * 3) % 251).astype(np.uint8).reshape(1, 128, 128, 3)
    [[expected]] = record(child.cpu, tmp_path, [given])
    control.set(output="replay", replay_dir=tmp_path)
    body = "it = load(compiled); print(run(it, X).tobytes().hex()); print(told(run, it, X ^ 255))"
    code, lines, err = child.run(body)
    assert code == 0, err
    assert lines[0] == expected.tobytes().hex()
    assert "nothing recorded for this input" in lines[1]


def test_other_threads_run_during_an_invoke(child: Child, control: EdgeTpuControl) -> None:
    """While the chip works, Python goes on."""
    control.set(latency_ms=300)
    body = """
import threading, time
it, ticks = load(compiled), []
thread = threading.Thread(target=run, args=(it, X)); thread.start()
while thread.is_alive(): ticks.append(1); time.sleep(0.01)
print(len(ticks) > 10)
"""
    assert child.run(body)[:2] == (0, ["True"])


def test_a_library_of_an_older_abi_kills_the_process(child: Child, tmp_path: Path) -> None:
    """A delegate built against TensorFlow 2.5 is a segmentation fault in today's runtimes, no exception."""
    child.arguments[0] = str(build(tmp_path, old_abi=True))
    assert child.run("load(compiled)")[0] == -signal.SIGSEGV


def test_any_model_can_be_compiled_for_the_fake(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl, tmp_path: Path
) -> None:
    """A fake-compiled model has one op for the chip, and answers what was recorded."""
    pytest.importorskip("flatbuffers", reason="compiling needs flatbuffers")
    pytest.importorskip("ai_edge_litert", reason="compiling needs LiteRT's schema")
    compiled = fake_compile(COLOURS.read_bytes())
    twin = tmp_path / "colours_edgetpu.tflite"
    twin.write_bytes(compiled.content)
    grey = np.full((1, 32, 32, 3), 128, np.uint8)
    [[expected]] = record(COLOURS, tmp_path, [grey], tensors=compiled.crossing)
    edgetpu_control.set(output="replay", replay_dir=tmp_path)
    body = "print(run(load(compiled), np.full((1, 32, 32, 3), 128, np.uint8)).tobytes().hex())"
    command = [sys.executable, "-c", PRELUDE + body, str(edgetpu_library), str(twin), str(COLOURS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.strip() == expected.tobytes().hex(), done.stderr


def test_devices_are_listed_without_opening_them(
    edgetpu_library: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """The library's C function lists what is plugged in, as `edged doctor` asks it."""
    edgetpu_control.set(devices="usb:1 pci:1")
    body = """
import ctypes, sys
class Device(ctypes.Structure): _fields_ = [("type", ctypes.c_int), ("path", ctypes.c_char_p)]
library, number = ctypes.CDLL(sys.argv[1]), ctypes.c_size_t()
library.edgetpu_list_devices.restype = ctypes.POINTER(Device)
devices = library.edgetpu_list_devices(ctypes.byref(number))
print([(d.type, d.path.decode()) for d in devices[: number.value]])
"""
    done = subprocess.run(
        [sys.executable, "-c", body, edgetpu_library], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[(0, '/dev/apex_0'), (1, '/sys/bus/usb/devices/fake-0')]"
    assert edgetpu_control.log() == []


def wait_for(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, os.strerror(110)
        time.sleep(0.01)
