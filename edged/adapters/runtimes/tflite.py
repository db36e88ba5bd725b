"""LiteRT or tflite-runtime, whichever is installed: the same interpreter under two names.

A truncated model kills the process here, and so may the delegate: use it in a child only.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from edged.domain.accelerator import Accelerator
from edged.domain.errors import DeviceUnavailableError, EdgedError, ModelError
from edged.domain.tensors import Quantization, TensorSpec
from edged.ports import Tensor

_PACKAGES = ("ai_edge_litert", "tflite_runtime")


def _interpreter_module() -> tuple[Any, str]:
    """The interpreter module that imports, with its package's name; EDGED_RUNTIME may name one."""
    wanted = os.environ.get("EDGED_RUNTIME")
    for package in (wanted,) if wanted else _PACKAGES:
        try:
            return import_module(f"{package}.interpreter"), package
        except ImportError:
            continue
    raise DeviceUnavailableError(
        f"no TensorFlow Lite runtime is installed (looked for {', '.join((wanted,) if wanted else _PACKAGES)})",
        "pip install ai-edge-litert, or on 32-bit Python 3.11: pip install tflite-runtime 'numpy<2'",
    )


def _spec(details: dict[str, Any]) -> TensorSpec:
    scales = details["quantization_parameters"]["scales"]
    zero_points = details["quantization_parameters"]["zero_points"]
    quantised = len(scales) == 1 and float(scales[0]) != 0
    return TensorSpec(
        str(details["name"]),
        tuple(int(n) for n in details["shape"]),
        np.dtype(details["dtype"]).name,
        Quantization(float(scales[0]), int(zero_points[0])) if quantised else None,
    )


class TfliteRuntimes:
    """Loads models on one accelerator: the CPU, or an Edge TPU through one delegate that all models share."""

    def __init__(self, *, library: str | None, device: str, threads: int) -> None:
        self._module, self.package = _interpreter_module()
        self._threads = threads
        self._delegates = [self._delegate(library, device)] if library else []
        self.accelerator: Accelerator = "edgetpu" if library else "cpu"

    def _delegate(self, library: str, device: str) -> Any:
        where = f"Edge TPU {device or '(any)'} through {library}"
        try:
            return self._module.load_delegate(library, {"device": device} if device else {})
        except ValueError as error:
            # All that libedgetpu ever says is that it failed.
            raise DeviceUnavailableError(
                f"{where} did not open: no such device, busy, or no permission",
                "plug it in, check that the user is in group plugdev (USB) or apex (PCIe) and that nothing uses it",
            ) from error
        except OSError as error:
            raise DeviceUnavailableError(
                f"{where}: {error}", "install libedgetpu1-std, or set accelerators.<name>.library"
            ) from error
        except AttributeError as error:
            raise DeviceUnavailableError(
                f"{library} is not a TensorFlow Lite delegate",
                "set accelerators.<name>.library to libedgetpu.so.1",
            ) from error

    def load(self, path: str, *, sha256: str = "") -> "TfliteRuntime":
        """Loads a model from the very bytes that have this sha256, if one is given.

        Raises ModelError or DeviceUnavailableError.
        """
        content = _content(path, sha256)
        with _translated(path, self.accelerator):
            interpreter = self._module.Interpreter(
                model_content=content, experimental_delegates=self._delegates, num_threads=self._threads
            )
            interpreter.allocate_tensors()
            return TfliteRuntime(interpreter, path, self.accelerator)


class TfliteRuntime:
    """One loaded model."""

    def __init__(self, interpreter: Any, path: str, accelerator: Accelerator) -> None:
        self._interpreter = interpreter
        self._path = path
        self.accelerator = accelerator
        self.inputs = tuple(_spec(details) for details in interpreter.get_input_details())
        self._indices = [int(details["index"]) for details in interpreter.get_output_details()]
        self._input_index = int(interpreter.get_input_details()[0]["index"])

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs; shapes are final once `invoke` has run."""
        return tuple(_spec(details) for details in self._interpreter.get_output_details())

    def set_input(self, tensor: Tensor) -> None:
        """Copies the one input in."""
        try:
            self._interpreter.set_tensor(self._input_index, tensor)
        except ValueError as error:
            raise _invoke_error(self._path, self.accelerator, error) from error

    def invoke(self) -> None:
        """Runs the model; the GIL is free meanwhile."""
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise _invoke_error(self._path, self.accelerator, error) from error

    def get_outputs(self) -> list[Tensor]:
        """Copies of the outputs; a view would make the next invoke fail."""
        try:
            return [self._interpreter.get_tensor(index) for index in self._indices]
        except ValueError as error:
            raise _invoke_error(self._path, self.accelerator, error) from error


def _content(path: str, sha256: str) -> bytes:
    """A model file's bytes. Raises ModelError where they are not those that were examined."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"model {path} cannot be read: {error.strerror}", "put the file back") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(
            f"model {path} was changed after it had been examined",
            "put the file back, or have it examined again: edged reload",
        )
    return content


@contextmanager
def _translated(path: str, accelerator: Accelerator) -> Iterator[None]:
    """Turns what the runtime raises while it loads a model into our words."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())
        if "edgetpu-custom-op" in text:
            raise ModelError(
                f"model {path} is compiled for the Edge TPU and cannot run on the CPU",
                "use an Edge TPU, or put its CPU twin (the file without _edgetpu in its name) beside it",
            ) from error
        if accelerator == "edgetpu":
            raise DeviceUnavailableError(
                f"the Edge TPU did not take model {path}: {text}",
                "check that libedgetpu and the runtime are of the same age, and that the model is compiled for it",
            ) from error
        raise ModelError(
            f"model {path} does not load: {text}", "use a TensorFlow Lite model with built-in ops"
        ) from error


def _invoke_error(path: str, accelerator: Accelerator, error: Exception) -> EdgedError:
    text = " ".join(str(error).split())
    if accelerator == "edgetpu":
        return DeviceUnavailableError(
            f"the Edge TPU failed while running {path}: {text}",
            "it is restarted; look at its cable and power",
        )
    return ModelError(f"model {path} fails while running: {text}", "export the model again, or use another")
