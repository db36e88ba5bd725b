"""What the daemon says of itself: its description, its statistics, and how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.pipeline import Pipeline
from edged.daemon.statusline import Standing
from edged.daemon.watch import Watch
from edged.delivery.payloads import CameraInfo, Info
from edged.delivery.state_payloads import info_payload, stats_payload
from edged.delivery.stats_types import Stats
from edged.ports import Clock, Sensors


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the daemon is."""

    version: str
    boot_id: str
    schema: str = "urn:edged:schema:v1"


class Account:
    """Reads what the other parts know; changes nothing but the counts since the last statistics."""

    def __init__(
        self,
        *,
        identity: Identity,
        watches: Mapping[str, Watch],
        pipeline: Pipeline,
        herald: Herald,
        delivery: DeliveryThread,
        clock: Clock,
        sensors: Sensors,
    ) -> None:
        self._identity = identity
        self._watches = watches
        self._pipeline = pipeline
        self._herald = herald
        self._delivery = delivery
        self._clock = clock
        self._sensors = sensors

    def info(self, config_sha: str) -> Info:
        """What the device is and does."""
        cameras: dict[str, CameraInfo] = {}
        for name, stream in self._pipeline.streams.items():
            rules = self._watches[name].plan.rules
            cameras[name] = {
                "model": {"name": stream.model_id.name, "sha": stream.model_id.sha},
                "accelerator": stream.accelerator,
                "threshold": rules.default.threshold,
                "labels": {
                    self._herald.slug(name, label): rule.threshold for label, rule in rules.labels.items()
                },
            }
            if points := stream.plan.model.manifest.keypoints:
                cameras[name]["keypoints"] = list(points)
            if regions := self._watches[name].plan.regions:
                cameras[name]["regions"] = list(regions)
        return info_payload(
            version=self._identity.version,
            schema=self._identity.schema,
            boot_id=self._identity.boot_id,
            config_sha=config_sha,
            cameras=cameras,
        )

    def stats(self) -> Stats:
        """How the device has been doing since it was last asked."""
        now = self._clock.now()
        delivery = self._delivery.stats()
        restarts: Mapping[str, int] = {
            **{name: unit.restarts for name, unit in self._pipeline.cameras.items()},
            **{name: unit.restarts for name, unit in self._pipeline.accelerators.items()},
        }
        return stats_payload(
            now,
            cameras={name: watch.tally.report(now.monotonic_ns) for name, watch in self._watches.items()},
            temperatures_c=self._sensors.temperatures_c(),
            throttled=self._sensors.throttled(),
            outbox={
                "pending": delivery.pending,
                "published": delivery.published,
                "dropped": dict(delivery.dropped),
            },
            reconnects=delivery.reconnects,
            restarts=restarts,
        )

    def standing(self) -> Standing:
        """How the device is doing at this moment."""
        units = self._pipeline.accelerators.items()
        return Standing(
            cameras=len(self._watches),
            online=sum(watch.online for watch in self._watches.values()),
            frames=sum(watch.tally.total for watch in self._watches.values()),
            accelerators=[
                (name, unit.current.job.accelerator if unit.current else "") for name, unit in units
            ],
            connected=self._delivery.stats().connected,
            problems=self._herald.problem_codes(),
        )
