"""A child that reports, dies or talks nonsense, as the daemon takes it."""

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edged.daemon.process import Process
from edged.daemon.reactor import Reactor
from edged.domain.errors import ChildDiedError, EdgedError, ModelError
from edged.transport.failure import error_from_wire

HEAD = "import json, os, socket, sys\nsock = socket.socket(fileno=int(sys.argv[2]))\n"
Run = Callable[[str], EdgedError]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a child of some lines of Python and gives the reason that the daemon is told."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reactor = Reactor()

    def ended(code: str) -> EdgedError:
        (tmp_path / "child.py").write_text(HEAD + code + "\n")
        reasons: list[EdgedError] = []

        def gone(error: EdgedError) -> None:
            reasons.append(error)
            process.end()
            reactor.stop()

        def understand(message: dict[str, Any]) -> Callable[[], None]:
            return {"failed": partial(gone, error_from_wire(message))}[message["event"]]

        process = Process(reactor, "the child", "child", {}, understand=understand, gone=gone)
        reactor.call_later(10, reactor.stop)
        reactor.run()
        (reason,) = reasons
        return reason

    yield ended
    reactor.close()


@pytest.mark.parametrize(
    "packet",
    [
        "b'no json'",
        "b'[1, 2]'",
        "b'{}'",
        "b'{\"event\": ' + b'\\xff' + b'}'",
        "json.dumps({'event': 'é' * 28_000}).encode()",
    ],
)
def test_nonsense_ends_the_child_and_not_the_daemon(run: Run, packet: str) -> None:
    """Whatever a child sends that is no message of ours costs that child only."""
    reason = run(f"sock.send({packet})\nimport time; time.sleep(30)")
    assert isinstance(reason, ChildDiedError)
    assert "sent what cannot be read" in reason.what


def test_what_it_reported_comes_before_that_it_died(run: Run) -> None:
    """An error that a child reported before it died is the reason that is told."""
    message = "{'event': 'failed', 'kind': 'ModelError', 'what': 'no such thing', 'fix': 'buy one'}"
    reason = run(f"sock.send(json.dumps({message}).encode())\nos.abort()")
    assert isinstance(reason, ModelError)
    assert reason.what == "no such thing"


def test_a_death_is_told_with_its_last_words(run: Run) -> None:
    """The signal and the last line of stderr are in the reason."""
    reason = run("print('the last line', file=sys.stderr, flush=True)\nos.abort()")
    assert "SIGABRT" in reason.what
    assert "the last line" in reason.what


@pytest.fixture
def two_descriptors() -> Iterator[None]:
    """For the time of a test, this process can open two more files and no third."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 3, limits[1]))
    filling: list[int] = []
    with contextlib.suppress(OSError):
        while True:
            filling.append(os.open("/dev/null", os.O_RDONLY))
    for _ in range(2):
        os.close(filling.pop())
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    for fd in filling:
        os.close(fd)


def test_no_process_to_be_had_is_an_error_of_ours_and_leaks_nothing(request: pytest.FixtureRequest) -> None:
    """Without descriptors, or processes, to spare a start fails with its reason, as often as it is tried."""
    reactor = Reactor()
    request.getfixturevalue("two_descriptors")
    for _ in range(5):
        with pytest.raises(ChildDiedError, match="no process can be started: Too many open files"):
            Process(reactor, "x", "x", {}, understand=lambda _: reactor.stop, gone=lambda _: None)
    reactor.close()
