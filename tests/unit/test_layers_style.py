"""Facts about the code base itself."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "edged"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300
ONE_IMPORTER = {
    "av": "adapters/cameras/video.py",
    "cv2": "adapters/pixels/opencv.py",
    "paho": "adapters/mqtt/paho.py",
    "picamera2": "adapters/cameras/picamera2.py",
    "sqlite3": "adapters/storage/outbox.py",
    "yaml": "config/yamlfile.py",
}
RUNTIMES = ("ai_edge_litert", "tflite_runtime")
HEAVY = ("cv2", "av", "picamera2", "libcamera", *RUNTIMES)
SILENT_LAYERS = ("domain", "ports", "vision", "policy", "delivery")
REACHES_OUT = {
    "asyncio", "ctypes", "fcntl", "http", "mmap", "multiprocessing", "os", "select", "selectors", "shutil",
    "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip


@cache
def nodes(module: Path) -> list[ast.AST]:
    """The syntax of a module, flat."""
    return list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))


def imports(module: Path) -> Iterator[str]:
    """Every name that a module imports, wherever in it."""
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def importers(library: str) -> list[str]:
    return [
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if any(name.split(".")[0] == library for name in imports(module))
    ]


@pytest.mark.parametrize("library", ONE_IMPORTER)
def test_one_module_knows_each_foreign_library(library: str) -> None:
    """A library that changes or fails is dealt with in one place."""
    assert importers(library) == [ONE_IMPORTER[library]]


def test_one_module_names_the_runtimes() -> None:
    """LiteRT and tflite-runtime are imported by name, in one module; nobody imports them outright."""
    assert [importers(runtime) for runtime in RUNTIMES] == [[], []]
    naming = [
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if any(isinstance(node, ast.Constant) and node.value in RUNTIMES for node in nodes(module))
    ]
    assert naming == ["adapters/runtimes/tflite.py"]


@pytest.mark.parametrize("layer", SILENT_LAYERS)
def test_the_inner_layers_touch_no_device_and_no_clock(layer: str) -> None:
    """What decides is pure: of third parties it imports numpy, of Python's own nothing that reaches out."""
    for module in sorted((PACKAGE / layer).rglob("*.py")):
        names = {name.split(".")[0] for name in imports(module)}
        where = module.relative_to(PACKAGE)
        assert names - sys.stdlib_module_names <= {"edged", "numpy"}, where
        assert not names & REACHES_OUT, where


@pytest.mark.parametrize("module", ["run", "infer", "demo", "check", "model", "reload"])
def test_the_parent_imports_nothing_that_can_kill_it(module: str) -> None:
    """No camera SDK, no OpenCV and no runtime is in the process that must survive them."""
    code = f"import edged.cli.{module}, sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_camera_child_imports_no_runtime() -> None:
    """Children carry only what they need: memory is short on a Pi."""
    code = f"import edged.children.camera, sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_children_know_no_configuration() -> None:
    """A child is told what to do in plain values; pydantic, click and YAML stay with the parent."""
    code = (
        "import edged.children.camera, edged.children.accelerator, sys; "
        "print(*[name for name in ('pydantic', 'click', 'yaml', 'paho', 'sqlite3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_children_read_no_model_files_and_judge_nothing() -> None:
    """The reader of model files and the values of predictions are the parent's: a child starts without them."""
    names = ("edged.vision.modelfile", "edged.domain.predictions", "zipfile")
    code = (
        "import edged.children.camera, edged.children.accelerator, sys; "
        f"print(*[name for name in {names} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_drawn_scene_needs_no_cryptography() -> None:
    """The pattern camera's process loads neither numpy's generators nor OpenSSL, which together take megabytes."""
    code = (
        "import edged.children.camera, sys; from edged.adapters.cameras.pattern import PatternCamera; "
        "PatternCamera().open(); print(*[name for name in ('numpy.random', '_hashlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_is_small_and_finished(module: Path) -> None:
    """At most 300 lines, a sentence on top, a name that says something, and nothing left for later."""
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert ast.get_docstring(ast.parse(text))
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    assert module.stem not in {"utils", "util", "helpers", "common", "manager", "misc"}
    assert all("utils" not in name.split(".") for name in imports(module) if name.startswith("edged"))


def test_every_exception_to_a_rule_has_its_reason() -> None:
    """A `noqa` or `type: ignore` names its code and says why, in the same line."""
    wrong = [
        f"{module.relative_to(PACKAGE)}:{number}"
        for module in MODULES
        for number, line in enumerate(module.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"# (noqa|type: ignore)", line)
        and not re.search(r"# (noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ignore\[[\w, -]+\]) +(# *)?[\w\[]", line)
    ]
    assert wrong == []


def test_nothing_outside_the_product_is_mentioned() -> None:
    """Product code knows no path of the machine that it was written on."""
    for module in MODULES:
        assert not re.search(r"/(home|root|work)/", module.read_text(encoding="utf-8")), module
