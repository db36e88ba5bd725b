"""Clock, service manager, Edge TPU lock and private broker, each against the real thing."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edged.adapters.system.broker import PrivateBroker, find_mosquitto
from edged.adapters.system.clock import SystemClock
from edged.adapters.system.notify import Systemd
from edged.adapters.system.tpulock import TpuLock
from edged.domain.errors import DeviceUnavailableError

REPOSITORY = Path(__file__).resolve().parents[2]
CLOSE_NS = 50_000_000
ADJTIMEX = """
import ctypes
class Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), *((n, ctypes.c_long) for n in "abcd"), ("status", ctypes.c_int),
                ("rest", ctypes.c_byte * 512)]
timex = Timex(modes=0)
state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
print(state >= 0 and not timex.status & 0x40)
"""


def test_the_clock_reads_what_the_kernel_says() -> None:
    """Monotonic, wall and boot time are those of the time module, in nanoseconds."""
    moment = SystemClock().now()
    assert 0 <= time.monotonic_ns() - moment.monotonic_ns < CLOSE_NS
    assert abs(time.time_ns() - moment.wall_ns) < CLOSE_NS
    assert 0 <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) - moment.uptime_ns < CLOSE_NS


def test_the_clock_knows_whether_it_was_set() -> None:
    """The state of synchronisation is the kernel's own, as another process reads it."""
    asked = subprocess.run([sys.executable, "-c", ADJTIMEX], capture_output=True, text=True, check=True)
    synced = SystemClock().now().synced
    assert isinstance(synced, bool)
    assert str(synced) == asked.stdout.strip()


def test_time_goes_forward() -> None:
    """Two readings follow each other, and cost next to nothing."""
    clock = SystemClock()
    first = clock.now()
    began = time.perf_counter()
    later = [clock.now() for _ in range(1000)]
    assert time.perf_counter() - began < 0.5
    assert first.monotonic_ns <= later[0].monotonic_ns < later[-1].monotonic_ns


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket, and its name as systemd writes it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@edged-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1))
        sock.settimeout(2)
        yield name, sock


@contextmanager
def speaking(systemd: Systemd) -> Iterator[Systemd]:
    """For the time of a test; the daemon keeps its socket to the end of the process."""
    with systemd._socket:
        yield systemd


def test_the_service_manager_hears_every_word(listener: tuple[str, socket.socket]) -> None:
    """Each call is one datagram in systemd's own words, over a path and over an abstract name."""
    name, sock = listener
    with speaking(Systemd(name)) as systemd:
        systemd.ready()
        systemd.status("2 cameras, Edge TPU: 14,9 fps: läuft")
        systemd.alive()
        systemd.patience(1.5)
        systemd.stopping()
    heard = [sock.recv(4096).decode() for _ in range(5)]
    assert heard == [
        "READY=1",
        "STATUS=2 cameras, Edge TPU: 14,9 fps: läuft",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=1500000",
        "STOPPING=1",
    ]


def test_the_service_manager_hears_when_a_reload_began(listener: tuple[str, socket.socket]) -> None:
    """RELOADING comes in one datagram with the time of CLOCK_MONOTONIC in microseconds, as systemd wants it."""
    name, sock = listener
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    with speaking(Systemd(name)) as systemd:
        systemd.reloading()
    word, usec = sock.recv(4096).decode().split("\n")
    assert word == "RELOADING=1"
    assert (
        before
        <= int(usec.removeprefix("MONOTONIC_USEC="))
        <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    )


def test_the_service_manager_is_found_in_the_environment(
    listener: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTIFY_SOCKET is where it listens."""
    name, sock = listener
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with speaking(Systemd.from_environment()) as systemd:
        systemd.ready()
    assert sock.recv(100) == b"READY=1"


def test_a_status_cannot_smuggle_in_another_word(listener: tuple[str, socket.socket]) -> None:
    """Text from an error that spans lines stays one STATUS."""
    name, sock = listener
    with speaking(Systemd(name)) as systemd:
        systemd.status("camera lost\nWATCHDOG=trigger")
    assert len(sock.recv(100).splitlines()) == 1


def test_nobody_listening_is_no_error(tmp_path: Path) -> None:
    """Started by hand, or by a manager that has gone, every call is silent."""
    for address in (None, "", str(tmp_path / "nobody"), "@edged-nobody"):
        with speaking(Systemd(address)) as systemd:
            systemd.ready()
            systemd.alive()


def test_a_manager_that_does_not_read_never_blocks(listener: tuple[str, socket.socket]) -> None:
    """A full socket costs a message, not the daemon."""
    began = time.monotonic()
    with speaking(Systemd(listener[0])) as systemd:
        for _ in range(2000):
            systemd.alive()
    assert time.monotonic() - began < 2


HOLDER = """
import sys, time
from edged.adapters.system.tpulock import TpuLock
lock = TpuLock(chr(0) + sys.argv[1])
print(lock.acquire(), flush=True)
sys.stdin.read(1)
lock.release(); lock.release()
print("released", flush=True)
time.sleep(60)
"""


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A lock of this test alone, so that nothing else on the machine disturbs it."""
    return f"edged-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def holder(name: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until a byte comes."""
    command = [sys.executable, "-c", HOLDER, name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_the_second_process_is_refused_and_told_who_it_is(name: str, holder: "subprocess.Popen[str]") -> None:
    """One process owns the Edge TPUs, and everybody can see which."""
    lock = TpuLock(f"\0{name}")
    assert not lock.acquire()
    assert not lock.acquire_within(0.2)
    assert lock.owner() == holder.pid
    lock.release()
    assert lock.owner() == holder.pid, "releasing what one does not hold frees nothing"


def test_a_killed_owner_holds_nothing(name: str, holder: "subprocess.Popen[str]") -> None:
    """The kernel frees the lock of a process that got no chance to."""
    holder.send_signal(signal.SIGKILL)
    holder.wait(5)
    lock = TpuLock(f"\0{name}")
    assert lock.owner() is None
    assert lock.acquire()
    assert lock.owner() == os.getpid()
    lock.release()


def test_an_owner_may_ask_again(name: str) -> None:
    """A process that has the lock keeps it when it takes it once more, and one release frees it."""
    lock = TpuLock(f"\0{name}")
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    assert lock.owner() is None


def test_a_lock_that_is_about_to_be_free_is_waited_for(name: str, holder: "subprocess.Popen[str]") -> None:
    """A start right after a stop gets the Edge TPUs as soon as the other process has ended."""
    timer = threading.Timer(0.3, holder.kill)
    timer.start()
    lock = TpuLock(f"\0{name}")
    assert lock.acquire_within(5)
    timer.join()
    lock.release()


def test_a_released_lock_is_free_at_once(name: str, holder: "subprocess.Popen[str]") -> None:
    """A process that goes on living can give the lock away."""
    assert holder.stdin
    assert holder.stdout
    holder.stdin.write("x")
    holder.stdin.flush()
    assert holder.stdout.readline() == "released\n"
    lock = TpuLock(f"\0{name}")
    assert lock.acquire()
    lock.release()


def test_the_owner_can_be_asked_for_any_number_of_times(name: str, holder: "subprocess.Popen[str]") -> None:
    """A technician who asks for the third time is not left hanging."""
    code = (
        "import sys\nfrom edged.adapters.system.tpulock import TpuLock\n"
        "for _ in range(5): print(TpuLock(chr(0) + sys.argv[1]).owner(), flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name], capture_output=True, text=True, timeout=2, check=False
    )
    assert done.stdout.split() == [str(holder.pid)] * 5


def test_a_child_does_not_inherit_the_lock(name: str) -> None:
    """A child that outlives its parent does not keep the Edge TPUs."""
    lock = TpuLock(f"\0{name}")
    assert lock.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        other = TpuLock(f"\0{name}")
        assert other.acquire()
        other.release()
        child.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PrivateBroker]:
    program = find_mosquitto()
    if program is None:
        pytest.skip("mosquitto is not installed")
    private = PrivateBroker(program, tmp_path)
    yield private
    private.stop()


def _connects(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def test_the_private_broker_runs_from_start_to_stop(broker: PrivateBroker) -> None:
    """It takes connections once started, none after it was stopped, and may be stopped twice."""
    assert not _connects("127.0.0.1", broker.port)
    broker.start()
    assert _connects("127.0.0.1", broker.port)
    broker.stop()
    broker.stop()
    assert not _connects("127.0.0.1", broker.port)


def test_the_private_broker_listens_on_loopback_only(broker: PrivateBroker) -> None:
    """A broker without passwords is nobody else's business."""
    broker.start()
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{broker.port:04X}")
    ]
    assert listening == [f"0100007F:{broker.port:04X}"]


def test_two_private_brokers_have_two_ports(broker: PrivateBroker, tmp_path: Path) -> None:
    """Two demos may run at once."""
    (tmp_path / "second").mkdir()
    second = PrivateBroker(find_mosquitto() or "", tmp_path / "second")
    broker.start()
    second.start()
    assert broker.port != second.port
    second.stop()


def test_a_broker_that_does_not_start_is_told(tmp_path: Path) -> None:
    """A program that ends at once is an error that names it, at once."""
    broker = PrivateBroker("/bin/false", tmp_path)
    began = time.monotonic()
    with pytest.raises(DeviceUnavailableError, match="/bin/false does not start") as caught:
        broker.start()
    assert time.monotonic() - began < 2
    assert caught.value.fix
    broker.stop()


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A program that was removed after it was found is an error of ours, not of Python."""
    with pytest.raises(DeviceUnavailableError, match="nowhere"):
        PrivateBroker(str(tmp_path / "nowhere"), tmp_path).start()
