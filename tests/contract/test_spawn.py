"""A child as its parent meets it: whatever it writes, reads or dies of, the parent neither waits nor grows."""

import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edged.transport.spawn import Child

Spawn = Callable[..., Child]


@pytest.fixture
def spawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawn]:
    """Starts a child that runs some lines of Python."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    children: list[Child] = []

    def begin(code: str, **spec: object) -> Child:
        name = f"child{len(children)}"
        (tmp_path / f"{name}.py").write_text(f"import json, os, signal, socket, sys, time\n{code}\n")
        children.append(Child(name, spec))
        return children[-1]

    yield begin
    for child in children:
        assert child.end()


def lines_of(child: Child, timeout_s: float = 5.0) -> list[str]:
    """All lines that a child writes until it closes its end."""
    found: list[str] = []
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        select.select([child.stderr_fd], [], [], 0.1)
        lines = child.read_stderr()
        if lines is None:
            return found
        found += lines
    raise AssertionError(found)


def test_what_a_child_is_to_do_may_be_long(spawn: Spawn) -> None:
    """A list of a hundred thousand names reaches it whole, which no packet of a socket could hold."""
    child = spawn("print(len(json.load(sys.stdin)['names']))", names=["picture.jpg"] * 100_000)
    assert lines_of(child) == ["100000"]


def test_the_last_words_count_without_a_line_end(spawn: Spawn) -> None:
    """A library that aborts in the middle of a line is still quoted."""
    child = spawn("sys.stderr.write('one\\nlast words'); sys.stderr.flush(); os.abort()")
    assert lines_of(child) == ["one", "last words"]
    assert (child.tail[-1], child.exit_reason()) == ("last words", "SIGABRT")


def test_a_child_that_closes_its_output_is_not_asked_again(spawn: Spawn) -> None:
    """The end of the output is told apart from silence: a loop that polls it would never sleep again."""
    child = spawn("os.close(1); os.close(2); time.sleep(60)")
    assert lines_of(child) == []
    assert child.read_stderr() is None
    assert child.exit_reason() == "still running"


@pytest.mark.parametrize("text", ["x", "a line\\n"])
def test_a_flood_of_words_does_not_fill_the_parent(spawn: Spawn, text: str) -> None:
    """Megabytes, with or without line ends, are read as they come: no call reads on for long (of the CPU's time)."""
    child = spawn(f"while True: os.write(2, b'{text}' * 4096)")
    longest_s, count = 0.0, 0
    for _ in range(400):
        select.select([child.stderr_fd], [], [], 1)
        started_s = time.thread_time()
        lines = child.read_stderr() or []
        longest_s, count = max(longest_s, time.thread_time() - started_s), count + len(lines)
    assert count > 100
    assert longest_s < 0.2
    assert sum(map(len, child.tail)) <= 20 * 4096


def test_a_child_that_never_listens_is_not_waited_for(spawn: Spawn) -> None:
    """Messages to a child that does not read are refused at last; the parent never blocks."""
    child = spawn("time.sleep(60)")
    started_s = time.monotonic()
    sent = 0
    while child.control.send({"do": "x" * 1000}, [0]):
        sent += 1
    assert 0 < sent < 100_000
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("sys.exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 1)", f"signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_the_reason_of_an_end_is_named(spawn: Spawn, end: str, reason: str) -> None:
    """An exit status, a signal by its name, or one that has no name."""
    child = spawn(end)
    lines_of(child)
    assert child.exit_reason() == reason


def test_ending_a_child_leaves_no_descriptor(spawn: Spawn) -> None:
    """Twenty children later the parent has as many open files as before."""
    folder = Path("/proc/self/fd")
    spawn("pass").end()
    before = len(list(folder.iterdir()))
    for _ in range(20):
        child = spawn("time.sleep(60)")
        assert child.end()
        assert child.end()
        assert not Path(f"/proc/{child.pid}").exists()
    assert len(list(folder.iterdir())) == before


def test_a_child_that_says_nothing_is_not_waited_for(spawn: Spawn) -> None:
    """Asking for a message that has not come gives None at once, and its end is told apart."""
    child = spawn("socket.socket(fileno=int(sys.argv[2])).recv(1)")
    started_s = time.monotonic()
    assert child.control.receive(wait=False) is None
    assert time.monotonic() - started_s < 1
    child.control.send({})
    lines_of(child)
    with pytest.raises(EOFError):
        child.control.receive(wait=False)
