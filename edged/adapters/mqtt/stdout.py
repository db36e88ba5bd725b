"""A publisher that prints: one JSON object a line, for demos, replays and pipes."""

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from edged.domain.messages import Message
from edged.ports import Acknowledged, Connected, Disconnected, Notice

_RECEIVE_MAXIMUM = 65535


class StdoutPublisher:
    """Prints every message and acknowledges it at once; a reader that has gone is a lost connection."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._notify: Callable[[Notice], None] = _unheard
        self._up = False
        self._tokens = 0

    def start(self, notify: Callable[[Notice], None]) -> None:
        """Is connected at once."""
        self._notify = notify
        self._up = True
        notify(Connected(_RECEIVE_MAXIMUM))

    def send(self, message: Message) -> int | None:
        """Prints one message; waits for a slow reader."""
        if not self._up or not self._print(message):
            return None
        self._tokens += 1
        self._notify(Acknowledged(self._tokens))
        return self._tokens

    def stop(self, last: Iterable[Message], timeout_s: float) -> None:  # noqa: ARG002  the port's; nothing to wait for
        """Prints the last words."""
        if self._up:
            for message in last:
                self._print(message)
        self._up = False

    def _print(self, message: Message) -> bool:
        topic, retain = json.dumps(message.topic), json.dumps(message.retain)
        line = f'{{"topic":{topic},"payload":{_readable(message.payload)},"retain":{retain}}}'
        try:
            print(line, file=self._stream, flush=True)
        except (OSError, ValueError):  # gone, full, or (ValueError) closed on our side
            self._up = False
            self._silence()
            self._notify(Disconnected("broker_lost", "the reader of the output has gone", "start it again"))
            return False
        return True

    def _silence(self) -> None:
        """Sends what the stream still holds to nowhere, or the interpreter would complain at its end."""
        if not self._stream.closed:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def _unheard(_: Notice) -> None:
    """Before `start` nobody listens."""


def _readable(payload: bytes) -> str:
    """As JSON in ASCII, since nobody knows the stream's encoding: objects as they are, other text as a string."""
    if payload.startswith(b"{") and payload.isascii():
        return payload.decode("ascii")
    return json.dumps(_parsed(payload), separators=(",", ":"))


def _parsed(payload: bytes) -> Any:
    """What is no text, such as a picture, becomes an object with its bytes."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(payload).decode("ascii")}
    try:
        return json.loads(text)
    except ValueError:
        return text
