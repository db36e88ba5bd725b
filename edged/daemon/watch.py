"""One camera of the daemon: what its rules are and how it is doing."""

from dataclasses import dataclass, field

from edged.daemon.tally import Tally
from edged.domain.events import PolicyEvent
from edged.domain.predictions import Observations
from edged.policy.camera import CameraPolicy
from edged.policy.regions import RegionsPolicy
from edged.policy.rules import CameraRules
from edged.vision.snapshot import Sheet


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """How often a picture is published, and how large it may be."""

    interval_s: float
    sheet: Sheet


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """The rules of a camera, and whether each frame is published."""

    camera: str
    rules: CameraRules
    frame_max_fps: float | None = None
    """At most so many `frame` messages a second; None publishes none."""
    snapshot: SnapshotPlan | None = None
    """None publishes no pictures."""
    regions: tuple[str, ...] = ()
    """The names of the parts of the frame that are judged each by itself; empty for the whole frame."""

    def policy(self) -> CameraPolicy | RegionsPolicy:
        """What judges the camera's frames."""
        if self.regions:
            return RegionsPolicy(self.camera, self.rules, self.regions)
        return CameraPolicy(self.camera, self.rules)


@dataclass(slots=True)
class Watch:
    """The running state of a camera."""

    plan: WatchPlan
    policy: CameraPolicy | RegionsPolicy
    tally: Tally = field(default_factory=Tally)
    online: bool = False
    ended: bool = False
    """Whether its source has come to its end."""
    frame_due_ns: int = 0
    """When the next `frame` message may be sent."""

    def adopt(self, plan: WatchPlan, at_ns: int) -> tuple[PolicyEvent, ...]:
        """Goes on with other rules; what that decides."""
        if plan.frame_max_fps != self.plan.frame_max_fps:
            self.frame_due_ns = 0
        self.plan = plan
        return self.policy.adopt(plan.rules, at_ns)

    def judge(self, observations: Observations) -> tuple[PolicyEvent, ...]:
        """What the rules make of the next frame."""
        return self.policy.update(*observations)

    def frame_is_due(self, now_ns: int) -> bool:
        """Whether a frame captured now is to be published, and notes that it was.

        Capture times count: results that come in a burst are not thinned out.
        """
        if self.plan.frame_max_fps is None or now_ns < self.frame_due_ns:
            return False
        interval_ns = int(1e9 / self.plan.frame_max_fps)
        behind = now_ns - self.frame_due_ns > interval_ns
        self.frame_due_ns = (now_ns if behind else self.frame_due_ns) + interval_ns
        return True
