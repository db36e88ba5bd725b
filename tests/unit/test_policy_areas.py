"""Areas and poses over time: the same rules as labels and objects."""

from edged.domain.events import LabelsChanged, TrackEnded, TrackStarted
from edged.domain.geometry import Box
from edged.domain.predictions import Areas, Detection, Keypoint, Ranked
from tests.unit.policy_builders import found, kinds, observe, only, policy

BODY = Box(0.25, 0.25, 0.5, 0.5)


def areas(seq: int, **parts: float) -> tuple[int, Areas]:
    """A frame of a map of classes."""
    largest_first = sorted(parts.items(), key=lambda entry: -entry[1])
    return seq, Areas(tuple(Ranked(label, 0, part) for label, part in largest_first))


def test_a_class_is_there_while_it_covers_enough() -> None:
    """An area that reaches the threshold turns its label ON and is told, one that shrinks below it turns it OFF."""
    camera = policy(threshold=0.1)
    told = [
        kinds(camera.update(observe(*frame)))
        for frame in (areas(1, cat=0.3, sofa=0.09), areas(2, cat=0.2, sofa=0.1), areas(3, cat=0.05))
    ]
    assert told == [
        ["labels cat", "cat ON 1"],
        ["labels cat+sofa", "sofa ON 1"],
        ["labels -", "cat OFF 0", "sofa OFF 0"],
    ]


def test_the_change_keeps_what_it_is_about() -> None:
    """Also at the end the observation is of areas, so that it is told as such."""
    camera = policy(threshold=0.1)
    [change] = only(LabelsChanged, camera.update(observe(*areas(1, cat=0.3))))
    assert isinstance(change.observation.prediction, Areas)
    [last] = only(LabelsChanged, camera.close("stopped", 10**9))
    assert (last.top, isinstance(last.observation.prediction, Areas)) == ((), True)


def test_an_area_is_confirmed_and_held() -> None:
    """N of M frames and the time to hold are counted as for labels."""
    camera = policy(threshold=0.1, confirm=(2, 3), hold_s=0.2)
    frames = [areas(1, cat=0.3), areas(2), areas(3, cat=0.3), areas(4), areas(5), areas(6)]
    told = [kinds(camera.update(observe(*frame))) for frame in frames]
    assert told == [[], [], ["labels cat", "cat ON 1"], [], ["labels -", "cat OFF 0"], []]


def pose(score: float = 0.75, nose: float = 0.5) -> Detection:
    return Detection("person", 0, score, BODY, (Keypoint(nose, 0.5, 0.9), None))


def test_a_pose_is_tracked_by_its_box() -> None:
    """A person starts and ends as any object; its points are those of the frame that the event is about."""
    camera = policy(hold_s=0.0)
    [started] = only(TrackStarted, camera.update(found(1, pose(nose=0.4))))
    camera.update(found(2, pose(nose=0.6)))
    [ended] = only(TrackEnded, camera.update(found(3)))
    assert started.detection.keypoints[0] == Keypoint(0.4, 0.5, 0.9)
    assert ended.detection.keypoints[0] == Keypoint(0.6, 0.5, 0.9)
