"""The broker's password, from wherever it is kept."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from edged.config.findings import Finding
from edged.config.load import Loaded
from edged.config.settings import Settings
from edged.domain.errors import ConfigurationError, PermissionDeniedError

_OTHERS_MAY_READ = 0o004
_LONGEST = 10_000


def read_password(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """The password without the line end behind it; None where none is configured.

    Raises ConfigurationError or PermissionDeniedError.
    """
    if settings.mqtt.password_file is None:
        return settings.mqtt.password or None
    file = _find(settings.mqtt.password_file, environ)
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            text = stream.read(_LONGEST)
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{file}: the password may not be read by this user", f"sudo chown edged {file}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: the password is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(
            f"{file}: the password cannot be read: {error.strerror}",
            "create it, or correct mqtt.password_file",
        ) from error
    return text.removesuffix("\n").removesuffix("\r")


def _find(file: Path, environ: Mapping[str, str]) -> Path:
    """The file of this name that the service manager hands over, else the one that was configured.

    systemd puts the credential's name before the files of a folder: `LoadCredential=edged:/etc/edged/secrets`.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    names = (file.name, f"edged_{file.name}") if folder else ()
    handed_over = (Path(folder or "") / name for name in names)
    return next((each for each in handed_over if each.exists()), file)


def check_password_file(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Warns of a password file that is not there or that everybody may read; only looks at its mode."""
    if loaded.settings.mqtt.password_file is None:
        return
    file = _find(loaded.settings.mqtt.password_file, environ)
    path = ("mqtt", "password_file")
    place = loaded.document.place(path)
    try:
        mode = file.stat().st_mode
    except PermissionError:
        return
    except OSError:
        hint = f"create {file}, unless the service gets it by LoadCredential"
        yield Finding.at(place, "mqtt.password_file", "there is no such file", hint)
        return
    if mode & _OTHERS_MAY_READ:
        yield Finding.at(
            place, "mqtt.password_file", "everybody may read this file", f"sudo chmod o-rwx {file}"
        )
