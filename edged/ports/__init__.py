"""Every seam of the product on one screen: what the inside asks of the outside."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.domain.accelerator import Accelerator
from edged.domain.frame import FrameShape
from edged.domain.messages import Message, StoredEvent
from edged.domain.moment import Moment
from edged.domain.tensors import TensorSpec

Pixels: TypeAlias = NDArray[np.uint8]
Tensor: TypeAlias = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame that has been written into a buffer."""

    shape: FrameShape
    captured_ns: int
    seq: int | None = None
    """The source's own count of frames, which then shows those that were lost; None where it keeps none."""


class Camera(Protocol):
    """A source of frames; in a child process, since any call may block for ever or kill the process."""

    def open(self) -> int:
        """Opens the source; returns the bytes its largest frame takes.

        Raises DeviceUnavailableError, PermissionDeniedError or ConfigurationError.
        """

    def read(self, buffer: memoryview) -> Captured | None:
        """Writes the next frame, at its time, into `buffer`; None when a finite source has ended.

        Raises BadPictureError for one frame that is lost, DeviceUnavailableError when the source is.
        """

    def close(self) -> None:
        """Lets go of the device; may be called twice."""


class Runtime(Protocol):
    """A loaded model; in a child process, since any call may block for ever or kill the process."""

    @property
    def accelerator(self) -> Accelerator:
        """What runs it."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs, in the model's order."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs, in the model's order; shapes are final once `invoke` has run."""

    def set_input(self, tensor: Tensor) -> None:
        """Copies the one input in."""

    def invoke(self) -> None:
        """Runs the model; lets other threads run meanwhile. Raises DeviceUnavailableError or ModelError."""

    def get_outputs(self) -> list[Tensor]:
        """Copies of the outputs, in the model's order."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted us; `receive_maximum` bounds the QoS 1 messages under way."""

    receive_maximum: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone or could not be made; `code` is a problem code, `message` and `fix` for people."""

    code: Literal["broker_lost", "broker_refused", "broker_unreachable"]
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker took the message with this token; `refused` says why where it did not.

    `denied`, `quota` and `rejected` may be tried again later; `too_large` and `malformed` never work.
    """

    token: int
    refused: str = ""


Notice: TypeAlias = Connected | Disconnected | Acknowledged


class Publisher(Protocol):
    """A way out. Its notices come from threads of its own and only announce: they must not block."""

    def start(self, notify: Callable[[Notice], None]) -> None:
        """Begins to connect, and keeps trying; never raises because of the broker."""

    def send(self, message: Message) -> int | None:
        """Hands over one message while connected; its token, or None if it was not taken. Does not block."""

    def stop(self, last: Iterable[Message], timeout_s: float) -> None:
        """Sends the last words, waits at most `timeout_s` for them, and disconnects; may be called twice."""


class Outbox(Protocol):
    """Events on disk until the broker has them.

    For one thread only; every call may block on the disk and raises StorageError.
    """

    epoch: str
    """Six characters drawn when the outbox was made; part of every event's id."""

    def append(
        self, build: Callable[[int], StoredEvent], *, opens: str = "", closes: str = ""
    ) -> StoredEvent:
        """Stores the event that `build` makes from its sequence number; returns once it survives a power cut.

        `opens` and `closes` name a track that this event starts or ends.
        """

    def after(self, seq: int, limit: int) -> Sequence[StoredEvent]:
        """The oldest stored events whose sequence number is above `seq`."""

    def delete(self, seqs: Iterable[int]) -> None:
        """Forgets events that the broker has."""

    def pending(self) -> int:
        """How many events are stored."""

    def open_tracks(self) -> Sequence[tuple[str, StoredEvent]]:
        """The tracks that have started and not ended, each with the event that started it."""

    def retained_topics(self) -> frozenset[str]:
        """Topics under which retained messages were published, by this or an earlier run."""

    def remember_retained(self, topics: Iterable[str]) -> None:
        """Notes such topics before they are published."""

    def forget_retained(self, topics: Iterable[str]) -> None:
        """Forgets them after they were cleared."""

    def close(self) -> None:
        """Lets go of the file; may be called twice."""


class Clock(Protocol):
    """The time."""

    def now(self) -> Moment:
        """All clocks at once; never blocks."""


class Sensors(Protocol):
    """How warm and how well fed the machine is; what it does not have is left out, and nothing is raised."""

    def temperatures_c(self) -> dict[str, float]:
        """Degrees Celsius by sensor."""

    def throttled(self) -> tuple[str, ...]:
        """What slows the machine down at this moment."""


class ServiceManager(Protocol):
    """Whoever started us; all calls are no-ops where nobody listens."""

    def ready(self) -> None:
        """Configuration, outbox and children are up."""

    def status(self, text: str) -> None:
        """One line for people."""

    def alive(self) -> None:
        """Feeds the watchdog."""

    def stopping(self) -> None:
        """We are on our way out."""

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends it."""

    def patience(self, seconds: float) -> None:
        """The start or the end that is under way may take so much longer."""
