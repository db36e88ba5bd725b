"""Runs damaged models and counts how they end."""

import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edged.adapters.storage.bundles import load_bundle
from edged.compose.inference import probe_model
from edged.compose.plans import AcceleratorOptions
from edged.domain.errors import EdgedError
from edged.vision.bundle import Bundle
from tests.fuzz.forked import attempt
from tests.fuzz.mutants import mutant, structure

PARSE_LIMIT_S = 10.0
PROBE_DEADLINE_S = 8.0
PROBE_LIMIT_S = 60.0
PARENT_BYTES = 6 << 30


class HungError(BaseException):
    """Something took far too long."""


@dataclass
class Count:
    """How the mutants of one model ended."""

    model: str
    ends: Counter[str] = field(default_factory=Counter)
    spawned: Counter[str] = field(default_factory=Counter)
    """The same for the samples that went through a real child."""
    faults: list[str] = field(default_factory=list)
    """What must never happen, with the number of the mutant."""
    slowest_parse_s: float = 0.0
    """Of processor time."""
    seconds: float = 0.0


def run(path: Path, folder: Path, *, cases: range, samples: int) -> Count:
    """Puts each damaged copy of a model through the parent, and what it takes for a model through a child.

    `samples` of each kind of end are repeated with a real child.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (PARENT_BYTES, hard))
    data = path.read_bytes()
    parts = structure(data)
    count, begin = Count(path.name), time.monotonic()
    target = folder / ("x_edgetpu.tflite" if "edgetpu" in path.name else "x.tflite")
    for number in cases:
        target.write_bytes(mutant(data, parts, f"{path.name}:{number}"))
        _one(count, target, number, samples)
    target.unlink(missing_ok=True)
    count.seconds = time.monotonic() - begin
    return count


def _one(count: Count, target: Path, number: int, samples: int) -> None:
    start_s = time.process_time()
    bundle, end = _parse(target)
    count.slowest_parse_s = max(count.slowest_parse_s, time.process_time() - start_s)
    if bundle and bundle.cpu:
        end = attempt(bundle)
        kind = end.partition(":")[0]
        if sum(many for each, many in count.spawned.items() if each.startswith(kind)) < samples:
            real = _spawned(bundle)
            count.spawned[f"{kind} -> {real}"] += 1
            if real.startswith(("fault", "hung")):
                count.faults.append(f"{count.model} case {number}, with a real child: {real}")
    count.ends[end] += 1
    if end.startswith(("fault", "hung")):
        count.faults.append(f"{count.model} case {number}: {end}")


def _parse(target: Path) -> tuple[Bundle | None, str]:
    """What the parent makes of a file before any child is started."""
    try:
        with _at_most(PARSE_LIMIT_S):
            return load_bundle(target), "read, not run"
    except EdgedError as error:
        return None, _one_line(error, "refused by the parent")
    except HungError:
        return None, "hung"
    except Exception as error:  # noqa: BLE001  that is what is looked for
        return None, f"fault: {type(error).__name__}: {error}"


def _spawned(bundle: Bundle) -> str:
    """The same with a child of its own, as `edged model inspect` has it."""
    try:
        with _at_most(PROBE_LIMIT_S):
            probe_model(bundle, AcceleratorOptions(use="cpu", start_deadline_s=PROBE_DEADLINE_S))
    except EdgedError as error:
        return _one_line(error, "refused")
    except HungError:
        return "hung"
    except Exception as error:  # noqa: BLE001  that is what is looked for
        return f"fault: {type(error).__name__}: {error}"
    return "ran"


def _one_line(error: EdgedError, how: str) -> str:
    text = str(error)
    if not text.isprintable() or not error.fix:
        return f"fault: not one line with what to do: {text!r}"
    return f"{how}: {type(error).__name__}"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises HungError in here once the time is over."""

    def ring(_number: int, _frame: object) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
