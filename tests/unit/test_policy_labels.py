"""The labels of a whole frame over time, each for itself."""

from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import LabelsChanged
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule
from tests.unit.policy_builders import kinds, labelled, only, policy, run

WET, DARK, BOTH = {"wet": 0.9}, {"dark": 0.8}, {"wet": 0.9, "dark": 0.8}
NEITHER = {"wet": 0.3, "dark": 0.2}


def told(camera: CameraPolicy, *frames: dict[str, float]) -> list[list[str]]:
    """What each frame caused, without presence."""
    every = run(camera, *[labelled(seq, **scores) for seq, scores in enumerate(frames, 1)])
    return [[word for word in words if word.startswith("labels")] for words in every]


def test_a_change_of_the_set_is_told_once() -> None:
    """Labels come and go by themselves; each frame that changes the set causes one event with all of it."""
    assert told(policy(), WET, BOTH, BOTH, DARK, NEITHER) == [
        ["labels wet"], ["labels dark+wet"], [], ["labels dark"], ["labels -"]
    ]  # fmt: skip


def test_each_label_has_a_state_of_its_own() -> None:
    """Every label that holds is ON, whatever the others do."""
    assert run(policy(), labelled(1, **BOTH), labelled(2, **DARK)) == [
        ["labels dark+wet", "wet ON 1", "dark ON 1"],
        ["labels dark", "wet OFF 0"],
    ]


def test_the_event_lists_the_best_first() -> None:
    """`top` holds every label that holds, by score, and the camera's threshold."""
    [change] = only(LabelsChanged, policy().update(labelled(1, wet=0.6, dark=0.7, cold=0.4999)))
    assert [entry.label for entry in change.top] == ["dark", "wet"]
    assert change.threshold == 0.5


def test_labels_are_confirmed_and_held_by_their_own_rules() -> None:
    """One label may need two of three frames while another is told at once and kept for a while."""
    rules = {"wet": LabelRule(0.5, confirm=(2, 3)), "dark": LabelRule(0.5, hold_s=0.25)}
    camera = CameraPolicy("front", CameraRules(LabelRule(0.5), rules))
    assert told(camera, BOTH, NEITHER, WET, NEITHER, NEITHER) == [
        ["labels dark"], [], ["labels dark+wet"], ["labels -"], []
    ]  # fmt: skip


def test_a_label_that_is_not_asked_for_is_not_told() -> None:
    """Where labels are listed, others are as if the model did not know them."""
    camera = CameraPolicy("front", CameraRules(LabelRule(0.5), {"wet": LabelRule(0.5)}))
    assert told(camera, DARK, BOTH) == [[], ["labels wet"]]


def test_closing_lets_go_of_every_label() -> None:
    """A lost camera ends what held, once, and later frames begin anew."""
    camera = policy()
    camera.update(labelled(1, **BOTH))
    assert kinds(camera.close("camera_lost", 1)) == ["labels -", "wet OFF 0", "dark OFF 0"]
    assert kinds(camera.close("stopped", 2)) == []
    assert kinds(camera.update(labelled(3, **WET)))[0] == "labels wet"


def test_other_rules_keep_what_they_still_report() -> None:
    """A label that is no longer asked for goes; one that is stays without another word."""
    camera = policy()
    camera.update(labelled(1, **BOTH))
    fewer = CameraRules(LabelRule(0.5), {"wet": LabelRule(0.6)})
    assert kinds(camera.adopt(fewer, 2)) == ["labels wet", "dark OFF 0"]
    assert told(camera, NEITHER) == [[]], "a frame that is not newer changes nothing"
    assert kinds(camera.update(labelled(5, **NEITHER))) == ["labels -", "wet OFF 0"]


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)), max_size=30),
    st.integers(1, 4).flatmap(lambda m: st.tuples(st.integers(1, m), st.just(m))),
    st.sampled_from([0.0, 0.15, 0.35]),
)
def test_the_last_event_is_what_holds(
    frames: list[dict[str, float]], confirm: tuple[int, int], hold_s: float
) -> None:
    """Whatever comes, the last event names the labels whose state is ON, and no event repeats the one before."""
    camera = policy(confirm=confirm, hold_s=hold_s)
    on: set[str] = set()
    last: set[str] = set()
    for seq, scores in enumerate(frames, 1):
        for word in kinds(camera.update(labelled(seq, **scores))):
            kind, _, rest = word.partition(" ")
            if kind == "labels":
                now = set() if rest == "-" else set(rest.split("+"))
                assert now != last
                last = now
            else:
                (on.add if rest.startswith("ON") else on.discard)(kind)
        assert on == last
