"""Says on the topics of the contract what the daemon sees and does; nothing here waits for disk or broker."""

from collections.abc import Iterable, Mapping
from functools import partial

from edged.daemon.delivery import DeliveryThread
from edged.daemon.problems import Problems
from edged.daemon.watch import WatchPlan
from edged.delivery.event_payloads import system_event
from edged.delivery.fields import dumps
from edged.delivery.frame_payloads import frame_payload
from edged.delivery.payloads import Info
from edged.delivery.reading_payloads import reading_state
from edged.delivery.state_payloads import object_state, problem_state
from edged.delivery.stats_types import Stats
from edged.delivery.told import Told, payload_of
from edged.delivery.topics import Topics, reading_name, slug
from edged.domain.events import (
    PolicyEvent,
    PresenceChanged,
    ReadingState,
    Severity,
    SystemEvent,
    TrackEnded,
    TrackStarted,
)
from edged.domain.predictions import Observations
from edged.domain.problems import Problem
from edged.ports import Clock


class Herald:
    """Turns decisions into messages and hands them to the delivery thread.

    `slugs` gives, for each camera, the topic name of each label that its model knows.
    """

    def __init__(
        self,
        *,
        delivery: DeliveryThread,
        topics: Topics,
        clock: Clock,
        slugs: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._delivery = delivery
        self._topics = topics
        self._clock = clock
        self._slugs = slugs
        self._problems = Problems()
        self._told_version = -1

    def slug(self, camera: str, label: str, label_id: int = 0) -> str:
        """A label's name in topics and payloads."""
        return self._slugs[camera].get(label) or slug(label, label_id)

    def decided(self, camera: str, events: Iterable[PolicyEvent]) -> None:
        """What the policy decided about one frame of a camera."""
        for event in events:
            match event:
                case PresenceChanged():
                    self._presence(camera, event)
                case ReadingState():
                    self._reading(camera, event)
                case TrackStarted():
                    self._tell(camera, event, opens=f"{camera}-{event.track}")
                case TrackEnded():
                    self._tell(camera, event, closes=f"{camera}-{event.track}")
                case _:
                    self._tell(camera, event)

    def _tell(self, camera: str, event: Told, *, opens: str = "", closes: str = "") -> None:
        """Hands an event over, to be built with its number once it has one."""
        moment, slug_of = self._clock.now(), partial(self.slug, camera)
        self._delivery.event(
            self._topics.camera_event(camera),
            lambda ids: payload_of(event, ids, moment, slug_of),
            opens=opens,
            closes=closes,
        )

    def _presence(self, camera: str, change: PresenceChanged) -> None:
        label = self.slug(camera, change.label)
        payload = object_state(change, label, self._clock.now())
        self._delivery.state(self._topics.camera_object(camera, label), dumps(payload))

    def _reading(self, camera: str, state: ReadingState) -> None:
        name = reading_name(state.name, state.region)
        payload = reading_state(state, name, self._clock.now())
        self._delivery.state(self._topics.camera_reading(camera, name), dumps(payload))

    def frame(self, camera: str, observations: Observations) -> None:
        """All that the model said about one frame, for overlays."""
        payload = frame_payload(observations, self._clock.now(), partial(self.slug, camera))
        self._delivery.telemetry(self._topics.camera_frame(camera), dumps(payload))

    def snapshot(self, camera: str, jpeg: bytes, *, expiry_s: int) -> None:
        """A picture of a frame, with what was found in it."""
        self._delivery.telemetry(self._topics.camera_snapshot(camera), jpeg, retain=True, expiry_s=expiry_s)

    @property
    def heard(self) -> bool:
        """Whether there is a connection over which telemetry goes."""
        return self._delivery.stats().connected

    def keep_topics(self, plans: Iterable[WatchPlan], *, fresh: bool) -> None:
        """Clears every retained topic that these cameras do not publish to.

        Where every label is reported, those of an earlier run are cleared too (`fresh`), or ours stay.
        """
        topics = {self._topics.info, self._topics.problem, self._topics.stats, self._topics.status}
        for plan in plans:
            camera, labels = plan.camera, plan.rules.labels
            topics.add(self._topics.camera_status(camera))
            if plan.snapshot:
                topics.add(self._topics.camera_snapshot(camera))
            slugs = {self.slug(camera, label) for label in labels}
            if not labels and not fresh:
                slugs = set(self._slugs[camera].values())
            topics |= {self._topics.camera_object(camera, each) for each in slugs}
            regions = plan.regions or ("",)
            names = {reading_name(name, region) for name in plan.rules.readings for region in regions}
            topics |= {self._topics.camera_reading(camera, each) for each in names}
        self._delivery.keep_only(topics)

    def camera_status(self, camera: str, *, online: bool) -> None:
        """Whether a camera delivers frames."""
        self._delivery.state(self._topics.camera_status(camera), b"online" if online else b"offline")

    def info(self, info: Info) -> None:
        """What the device is and does."""
        self._delivery.state(self._topics.info, dumps(info))

    def stats(self, stats: Stats, *, expiry_s: int) -> None:
        """How the device is doing."""
        self._delivery.telemetry(self._topics.stats, dumps(stats), retain=True, expiry_s=expiry_s)

    def system(self, code: str, severity: Severity, message: str, fix: str = "") -> None:
        """Something the device itself did."""
        now = self._clock.now()
        event = SystemEvent(code, severity, message, fix, now.monotonic_ns)
        self._delivery.event(self._topics.event, lambda ids: system_event(event, ids, now))

    def problem(self, code: str, message: str, fix: str, *, subject: str = "") -> bool:
        """A condition that lasts has begun; True where it is new."""
        return self._problems.add(Problem(code, message, fix, self._clock.now().monotonic_ns, subject))

    def adopt(self, problem: Problem) -> None:
        """Takes a problem that another part has noticed."""
        self._problems.add(problem)

    def solved(self, code: str, *, subject: str = "") -> bool:
        """A condition has ended; True where it was open."""
        return self._problems.clear(code, subject)

    def problem_codes(self) -> list[str]:
        """The codes of the problems that last, oldest first."""
        return [problem.code for problem in self._problems.current()]

    def flush(self) -> None:
        """Publishes the problems if they have changed; called once a turn, so that a burst is one message."""
        if self._problems.version != self._told_version:
            self._told_version = self._problems.version
            payload = problem_state(self._problems.current(), self._clock.now())
            self._delivery.state(self._topics.problem, dumps(payload))
