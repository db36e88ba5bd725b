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

from edged.adapters.mqtt.paho import PahoListener
from edged.adapters.storage.bundles import bundled
from edged.adapters.system.broker import PrivateBroker, find_mosquitto
from edged.cli.run import set_up_log
from edged.compose.daemon import run_daemon
from edged.config.load import load

CONFIGURATION = """\
device: demo
state_dir: {state}
mqtt: {{host: 127.0.0.1, port: {port}}}
models:
  colours: {{path: {model}}}
cameras:
  scene:
    source: {{type: pattern, size: [640, 480], fps: 30}}
    model: colours
    threshold: 0.6
    labels:
      red: {{confirm: [3, 5]}}
      green: {{confirm: [3, 5]}}
      blue: {{confirm: [3, 5]}}
      yellow: {{confirm: [3, 5]}}
    publish: {{frame: true, frame_max_fps: 0.5}}
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
    """Show the daemon at work: drawn camera, bundled model, private broker, and a separate subscriber.

    Ends with Ctrl-C. Without mosquitto on this machine, the messages are printed instead.
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
        text = CONFIGURATION.format(state=folder / "state", port=port, model=bundled("colours"))
        file.write_text(text, encoding="utf-8")
        _introduce(text, port if program else None)
        if program:
            listener = PahoListener("127.0.0.1", port, "edged/#", _Printer().hear)
            stack.callback(listener.stop)
        loaded = load(file, {"HOME": os.environ.get("HOME", "/")})
        with suppress(KeyboardInterrupt):  # before the daemon hears signals itself
            run_daemon(loaded, {}, publish="mqtt" if program else "stdout", stop_after_s=seconds)
        time.sleep(0.2 if program else 0)  # the last words are on their way to the subscriber
    click.echo(NEXT.replace("EDGED", "edged" if shutil.which("edged") else sys.argv[0]))


def _introduce(text: str, port: int | None) -> None:
    click.echo("edged demo: a drawn scene through a quantised model, out over MQTT. Ctrl-C ends it.\n")
    click.echo(click.style("  configuration", bold=True))
    click.echo("".join(f"    {line}\n" for line in text.splitlines()))
    if port:
        click.echo(click.style(f"  a subscriber of mosquitto on 127.0.0.1:{port} hears", bold=True))
    else:
        click.echo("  mosquitto is not installed (apt-get install mosquitto): what would be published\n")


class _Printer:
    """Prints each message as a line: time, topic, and what it says in short."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def hear(self, topic: str, payload: bytes) -> None:
        """Takes one message."""
        seconds = time.monotonic() - self._start_s
        click.echo(f"  {seconds:7.2f} s  {topic:<32} {summary(payload)}")


def summary(payload: bytes) -> str:
    """A payload in a few words."""
    try:
        message: Any = json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
    if "top" in message or "detections" in message:
        items = message.get("top", message.get("detections", []))
        seen = ", ".join(f"{item['label']} {item['score']:.2f}" for item in items) or "nothing"
        kind = message.get("type", "frame")
        return f"{kind}: {seen}  ({message['latency_ms']:.1f} ms after the frame was taken)"
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
