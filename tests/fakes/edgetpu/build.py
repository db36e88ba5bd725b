"""Builds the fake Edge TPU library with the machine's C compiler."""

import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
WARNINGS = ("-Wall", "-Wextra")


class NoCompilerError(RuntimeError):
    """This machine has no C compiler, so the fake Edge TPU cannot be built here."""


def build(folder: Path, *, old_abi: bool = False) -> Path:
    """Compiles the library into `folder` and returns its path.

    `old_abi` builds it as if against TensorFlow 2.5, which kills newer runtimes.
    Raises NoCompilerError, or CalledProcessError where the compiler refuses the source.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("no C compiler (cc, gcc or clang) to build the fake Edge TPU with")
    library = folder / ("libfake_edgetpu_old_abi.so" if old_abi else "libfake_edgetpu.so")
    flags = ["-std=c11", "-O2", *WARNINGS, "-fPIC", "-shared", "-fvisibility=hidden"]
    flags += ["-DOLD_ABI"] if old_abi else []
    subprocess.run([compiler, *flags, "-o", library, SOURCES / "fake_edgetpu.c"], check=True)
    return library
