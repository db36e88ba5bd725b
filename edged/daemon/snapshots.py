"""Pictures of what was seen: when one is due, which frame it shows, and who gets it."""

import itertools
import logging
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edged.daemon.answer import Answer, Reply
from edged.daemon.attempt import Ring
from edged.daemon.camera_unit import CameraUnit
from edged.daemon.herald import Herald
from edged.daemon.painter import Painter
from edged.daemon.reactor import Reactor
from edged.daemon.said import Said
from edged.daemon.stream import Stream
from edged.daemon.watch import Watch
from edged.delivery.fields import timestamp
from edged.domain.errors import ChildDiedError, EdgedError, ExitCode
from edged.domain.predictions import Observations
from edged.ports import Clock, Tensor
from edged.vision.snapshot import Sheet, picture_size

log = logging.getLogger(__name__)
ASKED = Sheet(side=1280, most_bytes=140_000)
"""For somebody on this machine; more does not fit into one packet of a local socket."""
DEADLINE_S = 10.0
"""From the wish to the picture; also how long a painter that failed is left alone."""
START_S = 60.0
"""For the painter's start: it has only what time the others leave."""
IDLE_S = 60.0
"""How long a painter is kept that nobody wants anything from: it has memory of its own."""
FIX = "pictures are tried again by themselves; all else goes on"
_ENOUGH_ANSWERS = 3
"""So many frames were given back to the camera: one of them must have been copied."""


@dataclass(slots=True)
class _Wish:
    """One picture on its way."""

    number: int
    sheet: Sheet
    ring: Ring
    """The camera's frames; after a restart of its process there are others."""
    since_ns: int
    replies: Sequence[Reply] = ()
    """Who asked for it; nobody for one that is published."""
    noted: bool = False
    """Whether the painter has the wish: from then on the frame may be any that is answered."""
    seq: int = 0
    """Of the frame that was copied; 0 before."""
    drawing: bool = False
    answered: int = 0
    """Frames since it was noted."""
    said: Said = field(default_factory=Said)


class Snapshots:
    """Matches the copy of a frame with what the model said about this very frame; one picture a camera at a time."""

    def __init__(self, reactor: Reactor, herald: Herald, clock: Clock) -> None:
        self._herald = herald
        self._clock = clock
        self._painter = Painter(reactor, self)
        self._numbers = itertools.count(1)
        self._watches: Mapping[str, Watch] = {}
        self._cameras: Mapping[str, CameraUnit] = {}
        self._wishes: dict[str, _Wish] = {}
        self._asking: dict[str, list[Reply]] = {}
        self._last_ns: dict[str, int] = {}
        """When each camera's last picture for subscribers was wished for."""
        self._rest_until_ns = 0
        self._busy_ns = 0
        """When a picture was last on its way."""

    def begin(self, watches: Mapping[str, Watch], cameras: Mapping[str, CameraUnit]) -> None:
        """Takes on these cameras."""
        self._watches, self._cameras = watches, cameras

    def close(self) -> None:
        """Ends the painter; may be called twice."""
        self._painter.close()
        self._disappoint("the daemon stops, or starts again with another configuration")

    def ask(self, camera: str, reply: Reply) -> None:
        """Somebody on this machine wants a picture, as soon as there is one; `reply` gets it or hears why not."""
        watch = self._watches.get(camera)
        if watch is None:
            known = ", ".join(self._watches)
            reply(Answer(ExitCode.USAGE, f"there is no camera {camera}; there are: {known}"))
        elif not watch.online:
            reply(Answer(ExitCode.TRY_AGAIN, f"camera {camera} delivers no frames"))
        else:
            self._asking.setdefault(camera, []).append(reply)
            self.look()

    def look(self) -> None:
        """Wishes for what is due, and gives up what takes too long; called every quarter of a second."""
        now_ns = self._clock.now().monotonic_ns
        if self._wishes:
            self._busy_ns = now_ns
        elif now_ns - self._busy_ns > IDLE_S * 1e9:
            self._painter.dismiss()
        for camera, watch in self._watches.items():
            self._review(camera, now_ns)
            if not watch.online:
                self._refuse(self._asking.pop(camera, ()), f"camera {camera} delivers no frames")
            elif not self._painter.ending and now_ns >= self._rest_until_ns:
                self._next(camera, watch, now_ns)
        if now_ns >= self._rest_until_ns and not self._wanted:
            self._herald.solved("snapshot_failed")

    def observed(
        self, stream: Stream, observations: Observations, outputs: Sequence[Sequence[Tensor]]
    ) -> None:
        """A frame was judged: it may be the one that was copied."""
        camera = stream.plan.camera
        wish = self._wishes.get(camera)
        if wish is None or not wish.noted or wish.drawing:
            return
        if wish.ring is not self._cameras[camera].ring:  # its process is another one, which counts anew
            return
        frame = observations[0].frame
        wish.answered += 1
        overlay = stream.overlay(observations, outputs, picture_size(frame.shape, wish.sheet.side))
        wish.said.add(frame.seq, overlay, self._clock.now().at(frame.captured_ns))
        self._match(camera, wish)

    def wish_noted(self, camera: str, number: int) -> None:
        """The painter is about to ask the camera."""
        if wish := self._current(camera, number):
            wish.noted, wish.since_ns = True, self._clock.now().monotonic_ns

    def picture_taken(self, camera: str, number: int, seq: int) -> None:
        """The painter has copied a frame."""
        if wish := self._current(camera, number):
            wish.seq = seq
            self._match(camera, wish)

    def picture_drawn(self, camera: str, number: int, jpeg: bytes) -> None:
        """A picture is ready."""
        wish = self._current(camera, number)
        if wish is None or not wish.drawing:
            return
        del self._wishes[camera]
        self._herald.solved("snapshot_failed")
        if not jpeg:
            log.warning("camera %s: no snapshot of %d bytes can be made", camera, wish.sheet.most_bytes)
            text = f"no picture of camera {camera} is as small as {wish.sheet.most_bytes} bytes"
            self._refuse(wish.replies, text)
        elif wish.replies:
            self._hand_over(camera, wish, jpeg)
        elif plan := self._watches[camera].plan.snapshot:
            self._herald.snapshot(camera, jpeg, expiry_s=int(3 * plan.interval_s) + 1)

    def painter_failed(self, error: EdgedError) -> None:
        """No picture that was wished for will come; whoever has some published gets the next one as soon as it can be."""
        log.warning("snapshots: %s", error)
        self._last_ns.clear()
        self._rest_until_ns = self._clock.now().monotonic_ns + int(DEADLINE_S * 1e9)
        self._herald.problem("snapshot_failed", error.what, FIX)
        self._disappoint(error.what)

    @property
    def _wanted(self) -> bool:
        """Whether anybody waits for a picture, now or later."""
        plans = (watch.plan.snapshot for watch in self._watches.values())
        return bool(self._wishes or self._asking or any(plans))

    def _review(self, camera: str, now_ns: int) -> None:
        """Drops what will not come: the frames are another process's, or it takes too long.

        One that is published waits as long as the camera does.
        """
        wish = self._wishes.get(camera)
        if wish is None:
            return
        limit_s = DEADLINE_S if self._painter.heard else START_S
        if wish.ring is not self._cameras[camera].ring:
            self._drop(camera, f"camera {camera} was lost")
        elif now_ns - wish.since_ns <= limit_s * 1e9:
            return
        elif not wish.noted or wish.drawing or (not wish.seq and wish.answered >= _ENOUGH_ANSWERS):
            what = f"no picture of camera {camera} came for {limit_s:g} s"
            self._painter.dismiss()
            self.painter_failed(ChildDiedError(what, FIX))
        elif wish.replies:
            self._drop(camera, f"no frame of camera {camera} was answered for {limit_s:g} s")

    def _next(self, camera: str, watch: Watch, now_ns: int) -> None:
        """The next picture of a camera: first for who waits, for whom one that is published steps back."""
        wish, ring = self._wishes.get(camera), self._cameras[camera].ring
        if not ring or (wish and (wish.drawing or wish.replies)):
            return
        plan, last_ns = watch.plan.snapshot, self._last_ns.get(camera)
        if replies := self._asking.pop(camera, ()):
            if wish:
                self._drop(camera, "")
            self._wish(camera, _Wish(next(self._numbers), ASKED, ring, now_ns, replies))
        elif wish or not plan or not self._herald.heard:
            return
        elif not last_ns or now_ns - last_ns >= plan.interval_s * 1e9:
            self._last_ns[camera] = now_ns
            self._wish(camera, _Wish(next(self._numbers), plan.sheet, ring, now_ns))

    def _wish(self, camera: str, wish: _Wish) -> None:
        self._wishes[camera] = wish
        self._busy_ns = wish.since_ns  # it may be granted before the next look
        try:
            self._painter.take(self._cameras[camera], wish.number, wish.sheet)
        except ChildDiedError as error:
            self.painter_failed(error)

    def _drop(self, camera: str, text: str) -> None:
        """Ends a wish; one for subscribers is due again."""
        wish = self._wishes.pop(camera)
        self._refuse(wish.replies, text)
        if not wish.replies:
            self._last_ns.pop(camera, None)

    def _match(self, camera: str, wish: _Wish) -> None:
        """Draws where both the copy and what was said of it are here; where that will not come the next look begins anew."""
        answer = wish.said.of(wish.seq)
        if answer:
            wish.drawing = True
            self._painter.draw(camera, wish.number, answer[0], wish.sheet)
        elif wish.seq and wish.said.later_than(wish.seq):
            del self._wishes[camera]
            self._last_ns.pop(camera, None)
            if wish.replies:
                self._asking.setdefault(camera, []).extend(wish.replies)

    def _hand_over(self, camera: str, wish: _Wish, jpeg: bytes) -> None:
        answer = wish.said.of(wish.seq)
        assert answer  # noqa: S101  it was drawn
        captured = answer[1]
        data = {
            "jpeg": b64encode(jpeg).decode(),
            "seq": wish.seq,
            "ts": timestamp(captured),
            "clock_synced": captured.synced,
        }
        for reply in wish.replies:
            reply(Answer(ExitCode.OK, f"camera {camera}, frame {wish.seq}", data))

    def _refuse(self, replies: Iterable[Reply], text: str) -> None:
        for reply in replies:
            reply(Answer(ExitCode.TRY_AGAIN, text))

    def _disappoint(self, text: str) -> None:
        """Ends every wish."""
        wishes, asking = list(self._wishes.values()), list(self._asking.values())
        self._wishes.clear()
        self._asking.clear()
        self._refuse(itertools.chain(*asking, *(wish.replies for wish in wishes)), text)

    def _current(self, camera: str, number: int) -> _Wish | None:
        wish = self._wishes.get(camera)
        return wish if wish and wish.number == number else None
