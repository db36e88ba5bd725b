"""No message about a configuration repeats a password, whatever is wrong with the line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.config.findings import InvalidConfiguration
from edged.config.hidden import is_secret, masked
from edged.config.load import load

MARKER = "hunter2"
MODELS = "models: {m: {path: x}}\ncameras: {c: {source: {type: pattern}, model: m}}\n"
KEYS = ["password", "Password", "passwrd", "password_file", "mqtt_token", "client-secret"]
VALUES = [
    " {0}", ":{0}", "={0}", " = {0}", ": {0}", ' "{0}', " '{0}'x", " [{0}", " {{{0}}}", " {{{0}, {0}}}", " {{{{ {0} }}}}",
    " *{0}", " &{0}", " &{0} x\n  username: &{0} y", " !{0} x", " !{0}!x x", " !!int {0}", " !!python/{0}:x y",
    " @{0}", " %{0}", ' "\\{0}"', " {0}: x", " - {0}", "\n    - *{0}", "\n    {0}: *{0}", "\n    {0}:\n    {0}:",
    " [{0}]", " {{{0}: [1, ~]}}", " >\n    {0}\n  x{0}", "\n  {0}", "\n    x:{0}", "\n    x: *{0}", " ''{0}", '"{0}"', " |{0}", " ? {0}",
]  # fmt: skip
FILES = [
    "mqtt:\n  host: b\n  {line}\n",
    "mqtt:\n  {line}\n",
    "mqtt:\n  host:b\n  {line}\n",
    "mqtt: {{host: b, {line}}}\n",
    "mqtt: {{host: b,{line}, port: x}}\n",
    "mqtt: [{line}]\n",
    "mqtt: {line}\n",
    "{line}\n",
    "device: {line}\n",
    "mqtt: {{port: '{line}', protocol: '{line}', tls: '{line}'}}\n",
    "cameras:\n  d:\n    {line}\n",
]


def messages(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    file = folder / "edged.yaml"
    file.write_text(text)
    try:
        return "\n".join(map(str, load(file, environ or {}).warnings))
    except InvalidConfiguration as error:
        return str(error)


@pytest.mark.parametrize("key", KEYS)
def test_no_message_repeats_a_secret(tmp_path: Path, key: str) -> None:
    """However the line of a password is broken, neither a syntax error nor a finding shows what it says."""
    told = 0
    for file in FILES:
        for value in VALUES:
            text = file.format(line=key + value.format(MARKER))
            found = messages(tmp_path, text) + messages(tmp_path, text + MODELS)
            assert MARKER not in found, (text, found)
            told += bool(found)
    assert told > len(FILES) * len(VALUES) * 0.9


@pytest.mark.parametrize("name", ["PASSWORD", "TOKEN", "PASSWORD__X", "SECRET__A__B", "TLS", "PORT"])
@pytest.mark.parametrize("value", VALUES)
def test_no_message_repeats_a_secret_of_the_environment(tmp_path: Path, name: str, value: str) -> None:
    """The same for variables, by their own name or with a section in them."""
    secret = value.format(MARKER).strip()
    text = secret if name not in {"TLS", "PORT"} else f"{{password{value.format(MARKER)}}}"
    assert MARKER not in messages(tmp_path, MODELS, {f"EDGED_MQTT__{name}": text})


@pytest.mark.parametrize("number", ["12345678", "1.2345678", "0x12345678", "yes", "12345678:11"])
def test_a_password_that_is_no_text_is_not_shown(tmp_path: Path, number: str) -> None:
    """YAML takes some passwords for numbers; the finding says so without the number."""
    for line in (
        f"password: {number}",
        f"password:{number}",
        f"password: [{number}]",
        f"mqtt_token: {number}",
    ):
        assert number not in messages(tmp_path, f"{MODELS}mqtt: {{{line}}}")


def test_a_password_in_the_brokers_address_is_not_shown(tmp_path: Path) -> None:
    """What stands before the @ of an address is left out."""
    text = f"{MODELS}mqtt: {{host: '%s', password_file: x}}"
    assert "is 'mqtt://u:...@b'" in messages(tmp_path, text % f"mqtt://u:{MARKER}@b")
    assert "to u:...@b (" in messages(tmp_path, text % f"u:{MARKER}@b")
    assert "(write host: u:...@b)" in messages(tmp_path, f"mqtt:\n  host:u:{MARKER}@b\n  port: 1\n")


def test_the_advice_stays(tmp_path: Path) -> None:
    """The key and what to do about it are still told."""
    assert "password: a space is missing after the colon (write password: ...)" in messages(
        tmp_path, f"mqtt:\n  password:{MARKER}\n  port: 1\n"
    )
    assert "(write port: 1883)" in messages(tmp_path, f"mqtt:\n  password: {MARKER}\n  port:1883\n  x: 1\n")
    assert "but is 'password:...' (put a space after the colon: password: ...)" in messages(
        tmp_path, f"{MODELS}mqtt:\n  password:{MARKER}\n"
    )
    assert "the value is not plain text (put it in single quotes)" in messages(
        tmp_path, f"mqtt: {{password: *{MARKER}}}"
    )


def test_names_are_no_keys(tmp_path: Path) -> None:
    """A camera may be called after a secret; its values are no secrets."""
    assert is_secret(("mqtt", "Password", "x"))
    assert not is_secret(("cameras", "secret_door", "top_k"))
    assert not is_secret(("cameras", "front", "values", "token_count", "change"))
    assert not is_secret(())
    text = "models: {m: {path: x}}\ncameras: {secret_door: {source: {type: pattern}, model: m, top_k: 0}}\n"
    assert "cameras.secret_door.top_k: must be a whole number between 1 and 100, but is 0" in messages(
        tmp_path, text
    )


@given(st.text("abc:/ _-.,[]", max_size=40))
def test_other_text_is_shown_whole(text: str) -> None:
    """Text without such a key is left alone, and a key alone is shown."""
    assert masked(text) == text
    assert masked("mqtt.password_file") == "mqtt.password_file"
