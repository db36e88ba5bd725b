"""`edged model pull` against a real server with real faults: what is in place is right, or nothing is in place."""

import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from io import BytesIO
from pathlib import Path
from urllib.request import Request

import pytest

from edged.adapters.storage.bundles import load_bundle
from edged.adapters.storage.catalogue import load_catalogue
from edged.adapters.storage.download import Download, InterruptedDownloadError, Patience, fault, part_of
from edged.adapters.storage.installing import Installed, install, is_installed
from edged.adapters.storage.mirror import mirror_at
from edged.adapters.storage.web import _Redirects
from edged.cli import outcome
from edged.domain.errors import DeviceUnavailableError, ExitCode, ModelError, PermissionDeniedError
from edged.vision.catalogue import Entry, SourceFile
from tests.fakes.mirror import BLOCK, MirrorServer, serving
from tests.fakes.mosquitto import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
CATALOGUE = load_catalogue()
NAME = "mobilenet_v1_025_128"
HASTY = Patience(tries=3, pause_s=0.01)


def entry_of(name: str) -> Entry:
    found = CATALOGUE.find(name)
    assert found
    return found


ENTRY = entry_of(NAME)
CPU = ENTRY.cpu.path


@pytest.fixture(scope="module")
def copy(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real files of one model at their paths in the repository."""
    folder, models = tmp_path_factory.mktemp("copy"), test_data / "models"
    for path in (models / CPU, models / "edgetpu" / ENTRY.edgetpu.path, models / "imagenet_labels.txt"):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def server(copy: Path) -> Iterator[MirrorServer]:
    with serving(copy) as running:
        yield running


class Pull:
    """Pulls into one folder, and keeps what was said."""

    def __init__(self, folder: Path, source: object) -> None:
        self.folder = folder
        self.source = str(source)
        self.said: list[str] = []
        self.bytes: dict[str, int] = {}

    def __call__(
        self, entry: Entry = ENTRY, patience: Patience = HASTY, *, replaces: bool = False
    ) -> Installed:
        """Pulls now."""
        download = Download(mirror_at(self.source), patience, self._progress, self.said.append)
        return install(CATALOGUE, entry, self.folder, download, replaces=replaces)

    def _progress(self, name: str, have: int, total: int | None) -> None:
        assert total is None or have <= total
        self.bytes[name] = have

    def part(self, file: SourceFile = ENTRY.cpu, name: str = ENTRY.cpu.name) -> Path:
        """Where a file grows."""
        return part_of(self.folder / f".{NAME}.part" / name, file)

    def nothing_in_place(self) -> bool:
        """Whether the folder shows no bundle."""
        return [path.name for path in self.folder.iterdir() if not path.name.startswith(".")] == []


@pytest.fixture
def pull(tmp_path: Path, server: MirrorServer) -> Pull:
    return Pull(tmp_path, server.url)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "edged", *map(str, arguments)]


def edged(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY
    )


def test_real_files_have_the_checksums_of_the_catalogue(test_data: Path) -> None:
    """Git's blob id and SHA-256 as we compute them are those of files that really come from there."""
    found = []
    for entry in CATALOGUE.entries:
        for file in (entry.cpu, entry.labels):
            path = test_data / "models" / file.name if file else test_data
            if file and path.is_file():
                assert fault(path, file) == "", path
                assert fault(path, replace(file, sha256="", size=None)) == "", path
                found.append(file.name)
    assert {CPU, "mobilenet_v2_1.0_224_quant.tflite", "imagenet_labels.txt", "coco_labels.txt"} <= set(found)


def test_an_older_compile_of_the_same_model_is_another_file(test_data: Path) -> None:
    """Same name, other bytes: only the git blob id is known of this one, and it is enough."""
    file = entry_of("mobilenet_v2").edgetpu
    path = test_data / "models" / "edgetpu" / file.name
    assert (file.sha256, file.size) == ("", None)
    assert fault(path, file).startswith("has git blob id ")


def test_a_pulled_model_answers(tmp_path: Path, server: MirrorServer, test_data: Path) -> None:
    """One command fetches it, the next one names the macaw; both files and labels are in the manifest."""
    done = edged("model", "pull", NAME, "--into", tmp_path / "models", "--from", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{NAME}: classification, 128x128, 1001 labels, licence Apache-2.0\n")
    folder = tmp_path / "models" / NAME
    picture = test_data / "images" / "parrot.jpg"
    answer = json.loads(edged("infer", "--model", folder, "--use", "cpu", "--json", picture).stdout)
    assert (answer["model"]["name"], answer["top"][0]["label"]) == (NAME, "macaw")
    manifest = load_bundle(folder).manifest
    entries = {each.path: each.sha256 for each in (manifest.cpu, manifest.edgetpu, manifest.labels) if each}
    assert entries == {name: file.sha256 for name, file in ENTRY.files.items()}
    assert (manifest.background, manifest.licence) == ("first", "Apache-2.0")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*ENTRY.files, "model.yaml"])
    assert [path.name for path in folder.parent.iterdir()] == [NAME]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_a_cut_connection_is_gone_on_with(pull: Pull, server: MirrorServer) -> None:
    """After a break only the rest is asked for."""
    server.faults.cuts = 1
    assert pull().fresh
    half = (ENTRY.cpu.size or 0) // 2
    assert server.faults.asked[:2] == [(CPU, ""), (CPU, f"bytes={half}-")]
    assert len(server.faults.asked) == 4
    assert pull.said == [f"{CPU}: the connection broke off at byte {half} of {ENTRY.cpu.size}"]
    assert pull.bytes == {file.name: file.size for file in ENTRY.files.values()}


def test_a_server_that_knows_no_parts_starts_again(pull: Pull, server: MirrorServer) -> None:
    """Where the whole comes instead of the rest, the whole is taken."""
    server.faults.cuts, server.faults.ranges = 1, False
    assert pull().fresh
    assert [path for path, _ in server.faults.asked].count(CPU) == 2


@pytest.mark.parametrize("path", [file.path for file in ENTRY.files.values()])
def test_one_wrong_byte_is_refused(pull: Pull, server: MirrorServer, path: str) -> None:
    """The file is named with what was found and what was expected, and nothing of it is kept."""
    server.faults.flip = path
    with pytest.raises(ModelError, match=f"{path} has sha256 [0-9a-f]{{64}}, not [0-9a-f]{{64}}") as caught:
        pull()
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    assert "--from" in caught.value.fix
    assert pull.nothing_in_place()
    assert list(pull.folder.rglob("*.part")) == [pull.folder / f".{NAME}.part"]
    server.faults.flip = ""
    assert pull().fresh


@pytest.mark.parametrize("known", [True, False])
def test_a_larger_file_is_not_taken(pull: Pull, server: MirrorServer, known: bool) -> None:
    """A length that is not the catalogue's ends it before a byte; without one, git's id does at the end."""
    server.faults.padding = b"more"
    entry = ENTRY if known else replace(ENTRY, cpu=replace(ENTRY.cpu, size=None, sha256=""))
    with pytest.raises(ModelError, match="has 525602 bytes, not 525598" if known else "has git blob id"):
        pull(entry)
    assert bool(pull.bytes) != known
    assert pull.nothing_in_place()


def test_a_missing_file_is_not_asked_for_twice(pull: Pull, server: MirrorServer) -> None:
    """404 is an answer, and says what to do."""
    server.faults.statuses = [404]
    with pytest.raises(DeviceUnavailableError, match=f"127.0.0.1 answers 404 .Not Found. for {CPU} .*--from"):
        pull()
    assert len(server.faults.asked) == 1


def test_a_busy_server_is_asked_again(pull: Pull, server: MirrorServer) -> None:
    """503 and 429 are answers for now."""
    server.faults.statuses = [503, 429]
    assert pull().fresh
    assert [path for path, _ in server.faults.asked].count(CPU) == 3


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    """A refused connection is tried again, then it is 69."""
    pull = Pull(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(DeviceUnavailableError, match=r"127\.0\.0\.1 cannot be reached: Connection refused"):
        pull()
    assert len(pull.said) == HASTY.tries


def test_a_redirect_is_followed_to_http_only(pull: Pull, server: MirrorServer) -> None:
    """One to another file system or protocol is refused."""
    server.faults.redirect = f"{server.url}/{CPU}"
    assert pull().fresh
    other = Pull(pull.folder / "other", server.url)
    server.faults.redirect = "ftp://127.0.0.1/x"
    with pytest.raises(DeviceUnavailableError, match="redirects to ftp, which is not followed"):
        other()


def test_a_redirect_does_not_give_up_encryption() -> None:
    """From https it goes on with https or not at all."""
    redirects, asked = _Redirects(), Request("https://there/x")
    followed = redirects.redirect_request(asked, BytesIO(), 302, "", Message(), "https://elsewhere/x")
    assert followed
    assert followed.full_url == "https://elsewhere/x"
    with pytest.raises(DeviceUnavailableError, match="there redirects to http, which is not followed"):
        redirects.redirect_request(asked, BytesIO(), 302, "", Message(), "http://there/x")


def test_a_server_that_trickles_is_left_and_gone_on_with_later(pull: Pull, server: MirrorServer) -> None:
    """Too few bytes in too long a time end with 75 and a part; the next call asks for the rest alone."""
    server.faults.pause_s = 0.02
    with pytest.raises(InterruptedDownloadError, match=r"bytes came in .*call again") as caught:
        pull(patience=Patience(tries=2, pause_s=0.01, grace_s=0.05, slowest=10**9))
    assert caught.value.exit_code == ExitCode.TRY_AGAIN
    have = pull.part().stat().st_size
    assert 0 < have < (ENTRY.cpu.size or 0)
    assert pull.nothing_in_place()
    server.faults.pause_s = 0
    server.faults.asked.clear()
    assert pull().fresh
    assert server.faults.asked[0] == (CPU, f"bytes={have}-")


def test_a_part_that_does_not_fit_is_fetched_from_its_start(pull: Pull, server: MirrorServer) -> None:
    """What a power cut left of a part may be anything."""
    pull.part().parent.mkdir()
    pull.part().write_bytes(b"\0" * 1000)
    assert pull().fresh
    assert [ask for ask in server.faults.asked if ask[0] == CPU] == [(CPU, "bytes=1000-"), (CPU, "")]
    assert pull.said == [f"what was here of {CPU} does not fit: it is fetched from its start"]


@pytest.mark.parametrize(("size", "asked"), [(ENTRY.cpu.size, 2), (None, 3)])
def test_a_part_that_is_whole_is_only_checked(
    pull: Pull, server: MirrorServer, copy: Path, size: int | None, asked: int
) -> None:
    """Killed between the last byte and the new name: no byte is fetched again."""
    pull.part().parent.mkdir()
    pull.part().write_bytes((copy / CPU).read_bytes())
    (pull.part().parent / "stray.txt").write_text("not ours")
    assert pull(replace(ENTRY, cpu=replace(ENTRY.cpu, size=size))).fresh
    assert len(server.faults.asked) == asked
    assert CPU not in pull.bytes
    assert not (pull.folder / NAME / "stray.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_is_ended_can_be_gone_on_with(pull: Pull, server: MirrorServer, number: int) -> None:
    """However it ends there is no half bundle, and the next call fetches the rest; Ctrl-C gives 130."""
    server.faults.pause_s = 0.2
    heard = ["env", "--default-signal=INT"]  # whoever runs the tests in the background has it ignored
    line = [*heard, *command("model", "pull", NAME, "--into", pull.folder, "--from", server.url)]
    with subprocess.Popen(line, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        assert eventually(lambda: pull.part().exists() and pull.part().stat().st_size >= 2 * BLOCK, 20)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in said
    assert pull.nothing_in_place()
    server.faults.pause_s = 0
    server.faults.asked.clear()
    have = pull.part().stat().st_size
    assert pull().fresh
    assert server.faults.asked[0] == (CPU, f"bytes={have}-")


def test_a_detector_has_its_roles_and_the_rule_of_the_catalogue(tmp_path: Path, test_data: Path) -> None:
    """Which output is what the file says; how frames are fitted, which it cannot say, the catalogue does."""
    padded = entry_of("efficientdet_lite0")
    coco = test_data / "models" / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    blob = subprocess.run(
        ["git", "hash-object", coco], capture_output=True, text=True, check=True
    ).stdout.strip()
    for name in (padded.cpu.name, padded.edgetpu.name):
        (tmp_path / name).symlink_to(coco)
    (tmp_path / "coco_labels.txt").symlink_to(test_data / "models" / "coco_labels.txt")
    entry = replace(padded, cpu=replace(padded.cpu, blob=blob), edgetpu=replace(padded.edgetpu, blob=blob))
    manifest = Pull(tmp_path / "models", tmp_path)(entry).bundle.manifest
    assert (manifest.name, manifest.decoder) == ("efficientdet_lite0", "ssd")
    assert manifest.roles == (("boxes", 0), ("classes", 1), ("scores", 2), ("count", 3))
    assert (manifest.input.resize, manifest.input.place, manifest.input.fill) == ("letterbox", "corner", 0)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_will_do(tmp_path: Path, copy: Path, scheme: str) -> None:
    """A copy on a stick needs no network."""
    pull = Pull(tmp_path, f"{scheme}{copy}")
    pull.part().parent.mkdir()
    pull.part().write_bytes((copy / CPU).read_bytes()[:1000])
    assert pull().fresh
    assert pull.said == []


def test_a_folder_without_the_file_says_which(tmp_path: Path) -> None:
    """The path that was looked for is named."""
    with pytest.raises(DeviceUnavailableError, match=f"{tmp_path}/{CPU} cannot be read: No such file"):
        Pull(tmp_path / "models", tmp_path)()


def test_what_is_installed_is_checked_and_left_alone(pull: Pull, server: MirrorServer, copy: Path) -> None:
    """A second call asks for nothing; one changed byte is told, with the file's name, and changes nothing."""
    assert is_installed(ENTRY, pull.folder) is False
    path = pull().path
    assert is_installed(ENTRY, pull.folder) is True
    server.faults.asked.clear()
    assert not pull().fresh
    done = edged("model", "pull", NAME, "--into", pull.folder, "--from", copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{NAME} is already in {path}, and its files are those of the catalogue")
    (path / "labels.txt").write_text("mine\n")
    with pytest.raises(ModelError, match=r"labels.txt has 5 bytes, not 21686: .*pull .* --force"):
        pull()
    (path / "labels.txt").unlink()
    with pytest.raises(ModelError, match=r"labels.txt is missing"):
        pull()
    assert server.faults.asked == []


def test_a_second_pull_at_once_is_kept_out(pull: Pull) -> None:
    """Two would write into one part; the second ends with 75."""
    staging = pull.part().parent
    staging.mkdir()
    fd = os.open(staging, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        with pytest.raises(InterruptedDownloadError, match="another edged is filling"):
            pull()
    finally:
        os.close(fd)
    assert pull().fresh


def test_a_link_laid_out_for_us_is_not_followed(pull: Pull, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is written outside the folder, even if another user may write in it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    pull.part().parent.symlink_to(elsewhere)
    with pytest.raises(ModelError, match="is a link, and was not made by edged"):
        pull()
    pull.part().parent.unlink()
    pull.part().parent.mkdir()
    pull.part().symlink_to(elsewhere / "file")
    with pytest.raises(OSError, match="cannot be written to"):
        pull()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.usefixtures("as_nobody")
def test_a_folder_of_somebody_else_is_a_matter_of_permission(copy: Path) -> None:
    """Exit code 77, and the advice to use sudo."""
    with pytest.raises(PermissionDeniedError, match="sudo"):
        Pull(Path("/usr/models"), copy)()


def test_the_list_names_all_and_what_is_there(pull: Pull, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each model, or one object for programs."""
    pull()
    assert outcome(["model", "list", "--into", str(pull.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(CATALOGUE.entries)
    assert re.fullmatch(rf"{NAME} +classification +1000 +128x128 +1.3 +Apache-2.0 +yes", lines[1])
    assert outcome(["model", "list", "--json", "--into", str(pull.folder)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in found["models"] if model["installed"]] == [NAME]
    assert found["models"][0]["input"] == [128, 128]


@pytest.mark.parametrize("name", ["list", "pull"])
def test_help_says_what_a_command_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help has usage, a sentence and the folder that is the default."""
    assert outcome(["model", name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: edged model {name} [OPTIONS]")
    assert "/var/lib/edged/models" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mobilnet-v2"], "did you mean mobilenet_v2"),
        (["q"], "`edged model list` names all"),
        ([NAME, "--from", "ftp://there/"], "http, https or file"),
        ([NAME, "--from", "http://me:secret@there/"], "without a user"),
        ([NAME, "--from", "http:///x"], "http, https or file"),
    ],
)
def test_a_wrong_word_is_a_usage_error(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """64, with what would be right; a password is not repeated."""
    assert outcome(["model", "pull", *arguments]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert words in said
    assert "secret" not in said


def test_a_terminal_sees_bars(tmp_path: Path, server: MirrorServer) -> None:
    """Each file has its bar on stderr; stdout is as without one."""
    server.faults.cuts = 1
    reader, writer = pty.openpty()
    line = command("model", "pull", NAME, "--into", tmp_path, "--from", server.url)
    with subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=writer, text=True) as process:
        os.close(writer)
        shown = b""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                shown += os.read(reader, 4096)
            except OSError:
                break
        out, _ = process.communicate(timeout=5)
    os.close(reader)
    assert process.returncode == 0
    assert out.startswith(f"{NAME}: classification")
    assert b"broke off" in shown
    assert all(file.name.encode()[:20] in shown for file in ENTRY.files.values())
