"""Layers of a configuration: defaults, the file, conf.d, the environment."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edged.config.environment import overlay
from edged.config.files import check_files
from edged.config.findings import InvalidConfiguration
from edged.config.load import Loaded, load
from edged.config.password import check_password_file, read_password
from edged.config.translate import validate
from edged.config.yamlfile import dump, parse
from edged.domain.errors import ConfigurationError

GOOD = """\
models: {objects: {path: models/ssd}}
cameras:
  front: {source: {type: pattern}, model: objects, labels: [person, cat]}
"""


def write(folder: Path, text: str = GOOD, **parts: str) -> Path:
    (folder / "conf.d").mkdir(exist_ok=True)
    for name, content in parts.items():
        (folder / "conf.d" / f"{name}.yaml").write_text(content)
    file = folder / "edged.yaml"
    file.write_text(text)
    return file


def loaded(folder: Path, text: str = GOOD, environ: dict[str, str] | None = None, **parts: str) -> Loaded:
    return load(write(folder, text, **parts), environ or {})


def refusal(folder: Path, text: str = GOOD, environ: dict[str, str] | None = None, **parts: str) -> str:
    with pytest.raises(InvalidConfiguration) as caught:
        loaded(folder, text, environ, **parts)
    return str(caught.value).replace(f"{folder}/", "")


def test_later_layers_win(tmp_path: Path) -> None:
    """conf.d wins over the file in alphabetical order, and the environment over all; lists are replaced."""
    text = GOOD + "mqtt: {host: one, port: 1}\n"
    parts = {
        "10": "mqtt: {host: two, port: 2}",
        "20": "mqtt: {host: three}\ncameras: {front: {labels: [dog]}}",
    }
    value = loaded(tmp_path, text, {"EDGED_MQTT__PORT": "4"}, **parts)
    assert (value.settings.mqtt.host, value.settings.mqtt.port) == ("three", 4)
    assert list(value.settings.cameras["front"].label_settings) == ["dog"]
    assert [file.name for file in value.files] == ["edged.yaml", "10.yaml", "20.yaml"]


def test_machine_defaults(tmp_path: Path) -> None:
    """The state folder is systemd's where it gives one, else in the home folder."""
    assert loaded(tmp_path, environ={"HOME": "/h"}).settings.state_dir == Path("/h/.local/state/edged")
    assert loaded(tmp_path, environ={"STATE_DIRECTORY": "/s:/t"}).settings.state_dir == Path("/s")
    assert loaded(tmp_path, GOOD + "state_dir: state\n").settings.state_dir == tmp_path / "state"


def test_a_finding_names_the_layer_it_comes_from(tmp_path: Path) -> None:
    """The merged whole is judged, and each mistake is placed in the file or variable that made it."""
    text = GOOD + "mqtt: {host: a b}\n"
    message = refusal(tmp_path, text, {"EDGED_MQTT__PORT": "x"}, extra="\n\nlog_level: loud\n")
    assert sorted(line.partition(" must")[0] for line in message.splitlines()) == [
        "conf.d/extra.yaml:3:12: log_level:",
        "edged.yaml:4:14: mqtt.host:",
        "environment EDGED_MQTT__PORT: mqtt.port:",
    ]


def test_a_key_missing_from_two_files_is_placed_in_the_first(tmp_path: Path) -> None:
    """A section that two files share belongs to the one that began it."""
    message = refusal(tmp_path, GOOD.replace("model: objects, ", ""), more="cameras: {front: {top_k: 1}}")
    assert message.startswith("edged.yaml:3:3: cameras.front.model: this key is missing")


def test_unreadable_files_are_reported_together(tmp_path: Path) -> None:
    """A syntax error in one file does not hide that of another; an empty part is fine."""
    message = refusal(tmp_path, "a: [", one="\tx: 1", two="# nothing yet")
    assert [line.partition(":")[0] for line in message.splitlines()] == ["edged.yaml", "conf.d/one.yaml"]


def test_an_empty_main_file_shows_a_minimal_one(tmp_path: Path) -> None:
    """The example in the answer to an empty file is itself valid."""
    message = refusal(tmp_path, "")
    assert message.startswith("edged.yaml:1:1: the file is empty (for example: ")
    example = message.partition("example: ")[2].removesuffix(")")
    assert loaded(tmp_path, example).settings.cameras["front"].model == "objects"


def test_environment_values_have_the_type_of_their_key(tmp_path: Path) -> None:
    """Text stays text, also where it looks like a number; everything else is read as YAML."""
    environ = {
        "EDGED_MQTT__USERNAME": "0123",
        "EDGED_MQTT__TLS__INSECURE": "false",
        "EDGED_CAMERAS__FRONT__LABELS": "[dog]",
        "EDGED_CAMERAS__FRONT__THRESHOLD": "0.7",
        "EDGED_DEVICE": "on",
    }
    value = loaded(tmp_path, environ=environ).settings
    assert (value.mqtt.username, value.device) == ("0123", "on")
    assert value.mqtt.tls
    assert list(value.cameras["front"].label_settings) == ["dog"]
    assert value.cameras["front"].threshold == 0.7


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("EDGED_MQTT_HOST", "did you mean EDGED_MQTT__HOST?"),
        ("EDGED_MQT__HOST", "did you mean EDGED_MQTT__HOST?"),
        ("EDGED_LOGLEVEL", "did you mean EDGED_LOG_LEVEL?"),
        ("EDGED_MQTT", "did you mean EDGED_MQTT__...?"),
        ("EDGED_TEST_DATA", ""),
        ("EDGED_CONFIG", ""),
        ("EDGED_XYZZY", ""),
        ("OTHER_MQTT__HOST", ""),
        ("MQTT__HOST", ""),
    ],
)
def test_near_misses_in_the_environment(tmp_path: Path, name: str, hint: str) -> None:
    """A variable that looks like configuration is warned of and ignored; others are left alone."""
    value = loaded(tmp_path, environ={name: "x"})
    assert value.settings.mqtt.host == "localhost"
    assert [warning.suggestion for warning in value.warnings] == ([hint] if hint else [])


def test_broken_yaml_in_the_environment(tmp_path: Path) -> None:
    """A list that is never closed is reported under its variable."""
    message = refusal(tmp_path, environ={"EDGED_CAMERAS__FRONT__LABELS": "[dog"})
    assert message.startswith("environment EDGED_CAMERAS__FRONT__LABELS: the '[' opened here")
    assert "is empty" in refusal(tmp_path, environ={"EDGED_MQTT__PORT": ""})


@hypothesis_settings(max_examples=40)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_any_text_in_the_environment(text: str) -> None:
    """Whatever a variable holds, the answer is a value or a finding."""
    document = parse(GOOD.encode(), "f")
    for name in ("EDGED_MQTT__HOST", "EDGED_MQTT__PORT", "EDGED_CAMERAS__FRONT__SOURCE", "EDGED_CAMERAS__A"):
        try:
            _, findings = validate(overlay(document, {name: text}), {})
        except InvalidConfiguration as error:
            findings = error.findings
        assert all(finding.file in {"f", f"environment {name}"} for finding in findings)


def test_questionable_values_are_warnings(tmp_path: Path) -> None:
    """A password in the file, one without a user name, and an unchecked broker load with a warning."""
    value = loaded(tmp_path, GOOD + "mqtt: {password: x, tls: {insecure: true}}\n")
    assert [(warning.line, warning.key) for warning in value.warnings] == [
        (4, "mqtt.password"),
        (4, "mqtt.password"),
        (4, "mqtt.tls.insecure"),
    ]


def test_the_sha_is_that_of_the_meaning(tmp_path: Path) -> None:
    """Comments, layers and the password itself do not change the sum; a value does."""
    plain = loaded(tmp_path, GOOD + "mqtt: {password: x}\n").sha256
    assert plain == loaded(tmp_path, "# hello\n" + GOOD + "mqtt:\n  password: other\n").sha256
    assert plain != loaded(tmp_path, GOOD + "mqtt: {password: x, port: 1884}\n").sha256


def _keys(data: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(data, dict):
        return []
    named = path[-1:] in {("models",), ("cameras",), ("accelerators",), ("labels",), ("zones",), ("values",)}
    here = [] if named else [(*path, key) for key in data]
    return here + [found for key, value in data.items() for found in _keys(value, (*path, key))]


FULL = Path(__file__).parent.parent.parent / "configs/full.yaml"
FULL_DATA = parse(FULL.read_bytes(), "full").data


@given(st.data())
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_any_misspelt_key_is_found_and_put_right(data: st.DataObject) -> None:
    """One letter left out, doubled or swapped anywhere in a key: its line and the right key are named."""
    path = data.draw(
        st.sampled_from([path for path in _keys(FULL_DATA) if len(path[-1]) > 3 and path[-1] != "type"])
    )
    key = path[-1]
    at = data.draw(st.integers(1, len(key) - 2))
    wrong = data.draw(
        st.sampled_from(
            [
                key[:at] + key[at + 1 :],
                key[:at] + key[at] + key[at:],
                key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :],
            ]
        )
    )
    copy = json.loads(json.dumps(FULL_DATA))
    section = copy
    for step in path[:-1]:
        section = section[step]
    if wrong in section:
        return
    renamed = {(wrong if each == key else each): value for each, value in section.items()}
    section.clear()
    section.update(renamed)
    document = parse(dump(copy).encode(), "f")
    _, findings = validate(document, {})
    [found] = [finding for finding in findings if finding.message == "unknown key"]
    assert found.line == document.place_key((*path[:-1], wrong)).line
    assert found.suggestion == f"did you mean {key}?"


NAMES = st.from_regex(r"\A[a-z0-9_-]{1,32}\Z")
FRACTIONS = st.floats(0, 1)
SOURCES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("picamera2")}, optional={"camera": st.integers(0, 9) | st.text("abc/@")}
    ),
    st.fixed_dictionaries(
        {"type": st.just("images"), "path": st.lists(st.just("/a"), max_size=2) | st.just("/b")}
    ),
    st.fixed_dictionaries(
        {"type": st.just("pattern")}, optional={"fps": st.floats(1, 240), "seed": st.integers(0, 9)}
    ),
)
LABELS = st.lists(st.text("abc é", min_size=1), max_size=3) | st.dictionaries(
    st.text("abc on", min_size=1),
    st.fixed_dictionaries(
        {}, optional={"threshold": FRACTIONS, "hold_s": st.floats(0, 100), "confirm": st.just([2, 3])}
    ),
    max_size=3,
)
CAMERAS = st.fixed_dictionaries(
    {"source": SOURCES, "model": st.just("m")}, optional={"labels": LABELS, "threshold": FRACTIONS}
)
CONFIGURATIONS = st.fixed_dictionaries(
    {
        "models": st.just({"m": {"path": "/m"}}),
        "cameras": st.dictionaries(NAMES.map(lambda name: f"c{name}"[:32]), CAMERAS, min_size=1, max_size=2),
    },
    optional={"device": NAMES, "mqtt": st.fixed_dictionaries({}, optional={"port": st.integers(1, 65535)})},
)


@given(CONFIGURATIONS)
@hypothesis_settings(max_examples=50)
def test_settings_survive_being_written_and_read(data: dict[str, object]) -> None:
    """Settings that are written out as YAML and read again are the same settings."""
    value, findings = validate(parse(dump(data).encode(), "f"), {})
    assert value, findings
    text = dump(value.model_dump(mode="json", exclude_none=True))
    assert validate(parse(text.encode(), "f"), {}) == (value, ())


def with_password(folder: Path, content: bytes | None, name: str = "pw") -> Loaded:
    if content is not None:
        (folder / name).write_bytes(content)
    return loaded(folder, GOOD + f"mqtt: {{username: u, password_file: {name}}}\n")


def test_the_password_comes_from_its_file(tmp_path: Path) -> None:
    """The line end behind a password is no part of it; spaces are."""
    assert read_password(with_password(tmp_path, b" secret \r\n").settings, {}) == " secret "
    assert read_password(loaded(tmp_path, GOOD + "mqtt: {password: x}\n").settings, {}) == "x"
    assert read_password(loaded(tmp_path).settings, {}) is None


def test_the_service_managers_password_comes_first(tmp_path: Path) -> None:
    """A credential of the same name wins over the file beside the configuration."""
    value = with_password(tmp_path, b"file\n").settings
    (tmp_path / "credentials").mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert read_password(value, environ) == "file"
    (tmp_path / "credentials/pw").write_text("credential")
    assert read_password(value, environ) == "credential"


def test_a_password_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing or binary password file is an error that names the file and the fix."""
    with pytest.raises(
        ConfigurationError, match=r"pw: the password cannot be read: No such file .*password_file"
    ):
        read_password(with_password(tmp_path, None).settings, {})
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_password(with_password(tmp_path, b"\xff").settings, {})


def test_an_open_password_file_is_warned_of(tmp_path: Path) -> None:
    """A password file that everybody may read, or that is missing, is a warning with the command that helps."""
    value = with_password(tmp_path, b"x")
    (tmp_path / "pw").chmod(0o600)
    assert not list(check_password_file(value, {}))
    (tmp_path / "pw").chmod(0o644)
    assert [each.suggestion for each in check_password_file(value, {})] == [f"sudo chmod o-rwx {tmp_path}/pw"]
    (tmp_path / "pw").unlink()
    assert [each.message for each in check_password_file(value, {})] == ["there is no such file"]
    assert not list(check_password_file(loaded(tmp_path), {}))


def test_files_that_a_configuration_names(tmp_path: Path) -> None:
    """Each model, label, certificate, video and picture file that is missing is found, with a near name."""
    (tmp_path / "models/ssd_v2").mkdir(parents=True)
    text = """\
models: {objects: {path: models/ssd_v1, labels_file: nowhere/l.txt}, fine: {path: models/ssd_v2}}
cameras:
  a: {source: {type: video, path: a.mp4}, model: objects}
  b: {source: {type: images, path: [models, b.jpg]}, model: objects}
  c: {source: {type: images, path: c}, model: objects}
mqtt: {tls: {ca_file: ca.pem}}
"""
    found = check_files(loaded(tmp_path, text))
    assert [(each.line, each.column, each.key) for each in found] == [
        (1, 26, "models.objects.path"),
        (1, 54, "models.objects.labels_file"),
        (6, 23, "mqtt.tls.ca_file"),
        (3, 35, "cameras.a.source.path"),
        (4, 45, "cameras.b.source.path[1]"),
        (5, 36, "cameras.c.source.path"),
    ]
    assert found[0].suggestion == f"did you mean {tmp_path}/models/ssd_v2?"
    assert found[1].suggestion == f"the folder {tmp_path}/nowhere does not exist either"
