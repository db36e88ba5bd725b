"""`edged demo`: the whole machine on a drawn scene, with no hardware, and what a subscriber hears of it."""

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import click

from edged.adapters.cameras.cards import CardScene
from edged.adapters.mqtt.paho import PahoListener
from edged.adapters.system.broker import PrivateBroker, find_mosquitto
from edged.cli.exam import Exam
from edged.cli.run import set_up_log
from edged.compose.daemon import run_daemon
from edged.config.load import load
from edged.config.settings import Settings
from edged.config.settings_sources import PatternSource
from edged.domain.errors import ExitCode

CONFIGURATION = """\
device: demo
state_dir: {state}
mqtt: {{host: 127.0.0.1, port: {port}}}
models:
  testcard: {{path: "bundled:testcard"}}
cameras:
  scene:
    source: {{type: pattern, scene: cards, size: [640, 480], fps: 30}}
    model: testcard
    labels:
      circle: {{confirm: [3, 5]}}
      square: {{confirm: [3, 5]}}
      triangle: {{confirm: [3, 5]}}
      star: {{confirm: [3, 5]}}
      cross: {{confirm: [3, 5]}}
      heart: {{confirm: [3, 5]}}
    publish: {{frame: true, frame_max_fps: 5}}
"""
_WIDEST = 90
NEXT = """
What next:
  a look at your own pictures   EDGED infer --model MODEL.tflite PICTURE...
  what a model is               EDGED model inspect MODEL.tflite
  your own device               write a configuration (configs/minimal.yaml is four lines), then
                                EDGED check FILE  and  EDGED run --config FILE
"""


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), help="End by itself after so long.")
def demo(seconds: float | None) -> None:
    """Show the daemon at work: drawn test cards, bundled model, private broker, and a separate subscriber.

    Ends with Ctrl-C and says how many of the cards it got right; exit code 1 if fewer than nine of ten.
    Without mosquitto on this machine, the messages are printed instead.
    """
    set_up_log("warning")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edged-demo-")))
        program = find_mosquitto()
        port = 1883
        if program:
            broker = PrivateBroker(program, folder)
            broker.start()
            stack.callback(broker.stop)
            port = broker.port
        file = folder / "demo.yaml"
        text = CONFIGURATION.format(state=folder / "state", port=port)
        file.write_text(text, encoding="utf-8")
        _introduce(text, port if program else None)
        loaded = load(file, {"HOME": os.environ.get("HOME", "/")})
        printer = _Printer(Exam(_scene(loaded.settings)))
        if program:
            listener = PahoListener("127.0.0.1", port, "edged/#", printer.hear)
            stack.callback(listener.stop)
        with suppress(KeyboardInterrupt):  # before the daemon hears signals itself
            run_daemon(loaded, {}, publish="mqtt" if program else "stdout", stop_after_s=seconds)
        time.sleep(0.2 if program else 0)  # the last words are on their way to the subscriber
    if program:
        click.echo(click.style(f"\n  {printer.exam.result()}", bold=True))
    click.echo(NEXT.replace("EDGED", "edged" if shutil.which("edged") else sys.argv[0]))
    if not printer.exam.passed:
        raise SystemExit(ExitCode.CHECK_FAILED)


def _scene(settings: Settings) -> CardScene:
    """The scene of the demo's camera, to know what it shows."""
    source = settings.cameras["scene"].source
    assert isinstance(source, PatternSource)  # noqa: S101  our own configuration says so
    width, height = source.size
    return CardScene(width=width, height=height, fps=source.fps, seed=source.seed)


def _introduce(text: str, port: int | None) -> None:
    click.echo("edged demo: a drawn scene through a quantised model, out over MQTT. Ctrl-C ends it.\n")
    click.echo(click.style("  configuration", bold=True))
    click.echo("".join(f"    {line}\n" for line in text.splitlines()))
    if port:
        click.echo(click.style(f"  a subscriber of mosquitto on 127.0.0.1:{port} hears", bold=True))
    else:
        click.echo("  mosquitto is not installed (apt-get install mosquitto): what would be published\n")


class _Printer:
    """Prints each message as a line: time, topic, what it says in short, and whether that is right."""

    def __init__(self, exam: Exam) -> None:
        self.exam = exam
        self._start_s = time.monotonic()

    def hear(self, topic: str, payload: bytes) -> None:
        """Takes one message; those of single frames are only counted."""
        seconds = time.monotonic() - self._start_s
        remark = self.exam.hear(payload, seconds)
        if topic.endswith("/frame"):
            return
        line = f"  {seconds:7.2f} s  {topic:<34} {summary(payload)}"
        colour = "green" if remark.startswith("right") else "red"
        click.echo(f"{line}  {click.style(remark, fg=colour)}" if remark else line)


def summary(payload: bytes) -> str:
    """A payload in a few words."""
    try:
        message: Any = json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
    if message.get("phase") == "start":
        return f"{message['label']} {message['score']:.2f}, {message['latency_ms']:.0f} ms after the frame was taken"
    if "cameras" in message:
        return ", ".join(_camera(name, each) for name, each in message["cameras"].items())
    if "label" in message:
        return f"{message['label']} {message.get('state', message.get('phase', ''))}"
    if "problems" in message:
        return "; ".join(each["message"] for each in message["problems"]) or "no problem"
    words = (f"{key} {value}" for key, value in message.items() if isinstance(value, str | float))
    return ", ".join(words)[:_WIDEST]


def _camera(name: str, said: dict[str, Any]) -> str:
    """One camera in `info` (its model and what runs it) or in `stats` (its rate)."""
    if "model" in said:
        return f"{name}: {said['model']['name']} on {said['accelerator']}"
    return f"{name}: {said['fps']} frames a second"
