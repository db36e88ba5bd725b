"""Events get their names: their own id, and one id for both ends of a track."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from edged.delivery.courier import Courier
from edged.delivery.event_payloads import EventIds, restart_end
from edged.delivery.fields import dumps
from edged.domain.messages import StoredEvent
from edged.domain.moment import Moment

EVENT_EXPIRY_S = 7 * 24 * 3600
Build: TypeAlias = Callable[[EventIds], Mapping[str, object]]
"""Makes an event's payload once its names are known."""


class EventWriter:
    """Stores events through a courier.

    `opens` and `closes` are any key that is unique among the tracks of this run, such as `front-12`. The
    track's public id takes the number of the event that started it, so that it is unique for ever. `run`
    differs from run to run, and so do then the keys in the outbox.
    """

    def __init__(self, courier: Courier, device: str, run: str) -> None:
        self._courier = courier
        self._device = device
        self._run = run
        self._tracks: dict[str, str] = {}

    def write(self, topic: str, build: Build, *, now_ns: int, opens: str = "", closes: str = "") -> None:
        """Stores one event. Raises ValueError for an end without a start and for a NaN."""
        track = self._tracks.pop(closes, "")
        if closes and not track:
            raise ValueError(f"track {closes} ends and has not started")

        def make(epoch: str, seq: int) -> StoredEvent:
            name = f"{self._device}-{epoch}-t{seq}" if opens else track
            payload = dumps(build(EventIds(self._device, epoch, seq, name)))
            if opens:
                self._tracks[opens] = name
            return StoredEvent(seq, topic, payload, EVENT_EXPIRY_S)

        self._courier.event(make, now_ns=now_ns, opens=self._key(opens), closes=self._key(closes))

    def end_left_open(self, tracks: Iterable[tuple[str, StoredEvent]], moment: Moment) -> None:
        """Ends the tracks that an earlier run left open."""
        for key, start in tracks:

            def make(epoch: str, seq: int, start: StoredEvent = start) -> StoredEvent:
                ended = restart_end(start.payload, EventIds(self._device, epoch, seq), moment)
                return StoredEvent(seq, start.topic, dumps(ended), EVENT_EXPIRY_S)

            self._courier.event(make, now_ns=moment.monotonic_ns, closes=key)

    def _key(self, track: str) -> str:
        return f"{self._run}/{track}" if track else ""
