"""The local socket: who may ask, what is answered, and that nobody on it can hold the daemon up."""

import json
import math
import os
import shutil
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edged.adapters.system.asking import ask, likely_sockets, socket_of
from edged.adapters.system.controlsocket import (
    MAX_CLIENTS,
    MAX_REQUEST,
    ControlSocket,
    Request,
    Verb,
    address_of,
)
from edged.daemon.answer import Answer, Reply
from edged.daemon.reactor import Reactor
from edged.daemon.snapshots import ASKED
from edged.domain.errors import DeviceUnavailableError, ExitCode, PermissionDeniedError
from tests.conftest import NOBODY
from tests.fakes.mosquitto import eventually

PATIENCE_S = 0.3
FINE = Answer(ExitCode.OK, "fine", {"cameras": 2})


def at_once(_: Request, reply: Reply) -> None:
    reply(FINE)


class Listening:
    """A loop in a thread that listens on a path."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb]) -> None:
        self.path = path
        self.reactor = Reactor()
        self.control = ControlSocket(path, self.reactor, verbs, patience_s=PATIENCE_S)
        self.control.open()
        self._thread = threading.Thread(target=self.reactor.run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the loop, in its own thread."""
        self.reactor.call_from_thread(self.control.close)
        self.reactor.call_from_thread(self.reactor.stop)
        self._thread.join(5)
        assert not self._thread.is_alive()
        self.reactor.close()

    def connect(self) -> socket.socket:
        """A client that has said nothing yet."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(3)
        with address_of(self.path) as address:
            sock.connect(address)
        return sock

    def say(self, packet: bytes) -> bytes:
        """What a client hears that says this."""
        with self.connect() as sock:
            sock.sendall(packet)
            return sock.recv(100_000)


Listen = Callable[..., Listening]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may look into."""
    path = Path(tempfile.mkdtemp(prefix="edged-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def listen(folder: Path) -> Iterator[Listen]:
    """Starts listening with some verbs, by default one that answers at once."""
    started: list[Listening] = []

    def begin(path: Path = folder / "control.sock", **verbs: Verb) -> Listening:
        started.append(Listening(path, verbs or {"status": at_once}))
        return started[-1]

    yield begin
    for each in started:
        each.close()


def test_a_question_is_answered(listen: Listen) -> None:
    """The answer comes as it was given: exit code, text and data."""
    assert ask([listen().path], "status", timeout_s=2) == FINE


def test_an_answer_may_come_later(listen: Listen) -> None:
    """What takes its time is answered when it is done, and others are served meanwhile."""
    waiting: list[Reply] = []
    server = listen(reload=lambda _, reply: waiting.append(reply), status=at_once)
    heard: list[Answer] = []
    asking = threading.Thread(target=lambda: heard.append(ask([server.path], "reload", timeout_s=5)))
    asking.start()
    assert eventually(lambda: waiting)
    assert ask([server.path], "status", timeout_s=2) == FINE
    server.reactor.call_from_thread(lambda: waiting[0](Answer(ExitCode.CONFIGURATION, "a\nb")))
    asking.join(5)
    assert heard == [Answer(ExitCode.CONFIGURATION, "a\nb")]


def test_a_client_that_has_gone_is_no_error(listen: Listen) -> None:
    """The answer to somebody who did not wait for it is dropped."""
    waiting: list[Reply] = []
    server = listen(reload=lambda _, reply: waiting.append(reply), status=at_once)
    with pytest.raises(DeviceUnavailableError, match=r"not answered for 0\.1 s"):
        ask([server.path], "reload", timeout_s=0.1)
    server.reactor.call_from_thread(lambda: waiting[0](FINE))
    assert ask([server.path], "status", timeout_s=2) == FINE


def test_a_long_answer_arrives_cut_and_whole_in_form(listen: Listen) -> None:
    """Thousands of findings become an answer that one packet takes, whatever characters they hold."""
    lines = ["ä\N{SNOWMAN}\N{GRINNING FACE}\x00\udcff" * 20] * 2000
    server = listen(check=lambda _, reply: reply(Answer.of_lines(ExitCode.CONFIGURATION, lines)))
    answer = ask([server.path], "check", timeout_s=2)
    assert answer.exit_code == ExitCode.CONFIGURATION
    assert answer.text.endswith("\n…")
    assert len(answer.text) > 10_000


def test_a_picture_fits_into_an_answer(listen: Listen) -> None:
    """Also where sockets have less room by themselves than here: with half as much again there is some to spare."""
    large = Answer(ExitCode.OK, "", {"jpeg": "x" * int(1.5 * ASKED.most_bytes * 4 / 3)})
    server = listen(snapshot=lambda _, reply: reply(large))
    assert ask([server.path], "snapshot", timeout_s=5) == large


def test_an_answer_that_no_packet_takes_is_in_the_log(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told to look there, and the next one is served."""
    caplog.set_level("INFO")
    huge = Answer(ExitCode.OK, "x" * 10_000_000)
    server = listen(status=lambda _, reply: reply(huge), reload=at_once)
    with pytest.raises(DeviceUnavailableError, match="hung up without an answer"):
        ask([server.path], "status", timeout_s=5)
    assert "an answer does not arrive: Message too long" in caplog.text
    assert ask([server.path], "reload", timeout_s=5) == FINE


def test_a_bug_behind_a_question_ends_nothing(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    """A verb that raises is answered with 70 and leaves its trace in the log."""

    def broken(_: Request, __: Reply) -> None:
        raise ZeroDivisionError

    server = listen(broken=broken, status=at_once)
    assert ask([server.path], "broken", timeout_s=2).exit_code == ExitCode.BUG
    assert ask([server.path], "status", timeout_s=2) == FINE
    assert "ZeroDivisionError" in caplog.text


def test_an_unknown_question_is_told_the_known_ones(listen: Listen) -> None:
    """A command that is newer than the daemon learns what the daemon knows."""
    answer = ask([listen().path], "dance", timeout_s=2)
    assert (answer.exit_code, answer.text) == (ExitCode.USAGE, "not understood; this daemon knows: status")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
requests = st.one_of(
    st.binary(min_size=1, max_size=2 * MAX_REQUEST),
    values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"v": values, "do": values}).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests)
@example(b"[" * MAX_REQUEST)
@example(b'{"v":1,"do":"status"' + b" " * MAX_REQUEST + b"}")
@example(b'{"v":1,"do":["status"]}')
@example(b"1" * MAX_REQUEST)
def test_nonsense_is_answered_and_forgotten(listen_once: Listening, packet: bytes) -> None:
    """Whatever comes is refused with 64, and the next client is served."""
    heard = json.loads(listen_once.say(packet))
    assert (heard["v"], heard["exit_code"]) == (1, ExitCode.USAGE)
    assert ask([listen_once.path], "status", timeout_s=2) == FINE


@pytest.fixture
def listen_once(listen: Listen) -> Listening:
    """One listener for all examples of a test."""
    return listen()


def test_silence_is_hung_up_on(listen: Listen) -> None:
    """A client that says nothing is cut off in time, and holds nobody up until then."""
    server = listen()
    with server.connect() as silent:
        began_s = time.monotonic()
        assert ask([server.path], "status", timeout_s=2) == FINE
        assert silent.recv(100) == b""
        assert PATIENCE_S * 0.9 < time.monotonic() - began_s < PATIENCE_S + 1


@pytest.mark.parametrize("timeout_s", [1, 2e6, math.inf, math.nan])
def test_a_client_may_wait_for_ever(listen: Listen, timeout_s: float) -> None:
    """Any number of seconds is understood, also those that no clock counts."""
    assert ask([listen().path], "status", timeout_s=timeout_s) == FINE


def test_a_crowd_is_limited(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    """So many silent clients at once keep their places for a while; more are turned away, and the log says so."""
    server = listen()
    crowd = [server.connect() for _ in range(MAX_CLIENTS + 3)]
    assert [sock.recv(100) for sock in crowd[MAX_CLIENTS:]] == [b""] * 3
    assert caplog.text.count("is turned away: 8 are served already") == 3
    assert eventually(lambda: _answers(server.path))
    for sock in crowd:
        sock.close()


def _answers(path: Path) -> bool:
    try:
        return ask([path], "status", timeout_s=2) == FINE
    except DeviceUnavailableError:
        return False


def test_talkative_clients_are_hung_up_on(listen: Listen) -> None:
    """One question each: who goes on talking before the answer is cut off."""
    server = listen(reload=lambda _, __: None, status=at_once)
    with server.connect() as sock:
        sock.sendall(b'{"v": 1, "do": "reload"}')
        sock.sendall(b'{"v": 1, "do": "reload"}')
        assert sock.recv(100) == b""
    assert ask([server.path], "status", timeout_s=2) == FINE


def test_descriptors_from_a_client_are_not_taken(listen: Listen) -> None:
    """A client cannot fill the daemon's table of descriptors."""
    server = listen()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a count of names
    for _ in range(5):
        with server.connect() as sock:
            socket.send_fds(sock, [b'{"v": 1, "do": "status"}'], [0, 1, 2])
            assert json.loads(sock.recv(1000))["text"] == "fine"
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208  a count of names


def test_a_dead_daemons_socket_is_replaced(listen: Listen, folder: Path) -> None:
    """A socket that nobody listens on any more is taken over, with mode 0660."""
    path = folder / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    server = listen(path)
    assert _answers(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    server.close()
    assert not path.exists()
    listen(path)


def test_a_live_daemons_socket_is_not_stolen(listen: Listen) -> None:
    """A second daemon on the same path is refused, and the first goes on answering."""
    server = listen()
    with pytest.raises(DeviceUnavailableError, match=f"another daemon listens on {server.path}"):
        ControlSocket(server.path, server.reactor, {}).open()
    assert _answers(server.path)


def test_a_file_in_its_place_is_left_alone(folder: Path) -> None:
    """A path that was mistyped costs nobody a file."""
    path = folder / "precious"
    path.write_text("words")
    with pytest.raises(DeviceUnavailableError, match="it is no socket"):
        ControlSocket(path, Reactor(), {}).open()
    assert path.read_text() == "words"


def test_a_folder_that_cannot_be_written_to_is_told(folder: Path) -> None:
    """The error names the path, and what to say instead."""
    (folder / "file").touch()
    with pytest.raises(DeviceUnavailableError, match="cannot be made") as caught:
        ControlSocket(folder / "file" / "control.sock", Reactor(), {}).open()
    assert "--socket" in caught.value.fix


def test_a_path_may_be_long(listen: Listen, folder: Path) -> None:
    """The kernel's limit of 107 bytes is none of ours."""
    assert _answers(listen(folder / ("x" * 100) / ("y" * 100) / "control.sock").path)


@pytest.fixture
def as_stranger() -> Iterator[None]:
    """For the time of a test, a user of no group of ours."""
    if os.geteuid() != 0:
        pytest.skip("another user is needed")
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)


def test_strangers_are_kept_out(listen: Listen, request: pytest.FixtureRequest) -> None:
    """A user who is neither root nor of the daemon's group may not even connect."""
    server = listen()
    request.getfixturevalue("as_stranger")
    with pytest.raises(PermissionDeniedError, match="may not speak to the daemon"):
        ask([server.path], "status", timeout_s=2)


def test_nobody_listening_is_told(folder: Path) -> None:
    """Without a daemon the error says where it was looked for, and ends with 69."""
    with pytest.raises(DeviceUnavailableError, match=r"no daemon listens \(looked for .*a, .*b\)") as caught:
        ask([folder / "a", folder / "b"], "status", timeout_s=1)
    assert caught.value.exit_code == ExitCode.UNAVAILABLE


def test_a_daemon_of_another_kind_is_told(folder: Path) -> None:
    """An answer that cannot be read, or none, is an error of ours, not of Python."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(folder / "other"))
        other.listen()
        for packet, words in (
            (b"[]", "cannot be read"),
            (b'{"exit_code": 5}', "cannot be read"),
            (b"", "hung up"),
        ):
            answering = threading.Thread(target=_answer_once, args=(other, packet))
            answering.start()
            with pytest.raises(DeviceUnavailableError, match=words):
                ask([folder / "other"], "status", timeout_s=2)
            answering.join(2)


def _answer_once(listener: socket.socket, packet: bytes) -> None:
    sock, _ = listener.accept()
    with sock:
        sock.recv(1000)
        if packet:
            sock.sendall(packet)


def test_daemon_and_command_look_in_the_same_places() -> None:
    """Wherever a daemon listens by default, the command looks there too."""
    for environ in (
        {"RUNTIME_DIRECTORY": "/run/edged", "STATE_DIRECTORY": "/var/lib/edged", "HOME": "/nowhere"},
        {"STATE_DIRECTORY": "/var/lib/edged", "HOME": "/nowhere"},
        {"HOME": "/nowhere"},
    ):
        state = Path(environ.get("STATE_DIRECTORY", "/nowhere/.local/state/edged"))
        assert socket_of(environ, state) in likely_sockets(environ)
    assert Path("/run/edged/control.sock") in likely_sockets({})
