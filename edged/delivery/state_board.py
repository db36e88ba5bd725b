"""The state class: retained topics, of which only the last value counts."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from edged.delivery.changes import Conditions
from edged.delivery.event_queue import DEAD_LETTERS
from edged.delivery.holds import Holds
from edged.domain.errors import StorageError
from edged.domain.messages import Message
from edged.ports import Outbox

_LOG = logging.getLogger(__name__)


class StateBoard:
    """The wanted value of each retained topic; all are published again after each connect.

    The outbox remembers the topics, so that a later run can clear those it no longer has.
    """

    def __init__(self, *, outbox: Outbox, conditions: Conditions, holds: Holds) -> None:
        self._outbox = outbox
        self._conditions = conditions
        self._holds = holds
        self._wanted: dict[str, Message] = {}
        self._dirty: dict[str, None] = {}
        self._under_way: dict[int, Message] = {}
        self._remembered: set[str] = set()
        self._kept: frozenset[str] | None = None
        self.dropped: Counter[str] = Counter()

    def recall(self, now_ns: int) -> None:
        """Reads the topics of earlier runs."""
        try:
            self._remembered.update(self._outbox.retained_topics())
        except StorageError as error:
            self._failed(error, now_ns)

    def adopt(self, outbox: Outbox, now_ns: int) -> None:
        """Goes on with another outbox, as if it had been there from the start."""
        own = self._remembered.copy()
        self._outbox = outbox
        self.recall(now_ns)
        if own:
            self._note(own, now_ns)
        if self._kept is not None:
            self._clear_all_but(self._kept | self._wanted.keys())

    def set(self, topic: str, payload: bytes) -> None:
        """Publishes a value where it differs from the last one; an empty payload clears the topic."""
        message = Message(topic, payload, qos=1, retain=True)
        if self._wanted.get(topic) != message:
            self._wanted[topic] = message
            self._dirty[topic] = None

    def note(self, topic: str, now_ns: int) -> None:
        """Remembers a retained topic that somebody else publishes to."""
        if topic not in self._remembered:
            self._remembered.add(topic)
            self._note([topic], now_ns)

    def keep_only(self, topics: Iterable[str]) -> None:
        """Clears every retained topic, of this run or an earlier one, that is not among these."""
        self._kept = frozenset(topics)
        self._clear_all_but(self._kept)

    def offer(self, send: Callable[[Message], int | None], now_ns: int) -> bool:
        """Sends the next changed value, if there is one and it is taken; True where it was."""
        topic = next((topic for topic in self._dirty if self._holds.admits(topic, now_ns)), None)
        if topic is None:
            return False
        self._remember(now_ns)
        message = self._wanted[topic]
        token = send(message)
        if token is None:
            return False
        del self._dirty[topic]
        self._holds.sent(topic, now_ns)
        self._under_way[token] = message
        return True

    def acknowledged(self, token: int, refused: str, now_ns: int) -> bool:
        """Takes an answer of the broker; False where the token is not a state's."""
        message = self._under_way.pop(token, None)
        if message is None:
            return False
        if refused and refused not in DEAD_LETTERS:
            self._holds.hold(message.topic, now_ns)
            self._dirty[message.topic] = None
            return True
        self._holds.release(message.topic)
        if refused:
            self.dropped[refused] += 1
            _LOG.error("the state of %s is given up: %s", message.topic, refused)
        elif not message.payload and self._wanted[message.topic] is message:
            self._forget(message.topic, now_ns)
        return True

    def restart(self) -> None:
        """A connection was lost or made: every value goes out again, oldest topic first."""
        self._under_way.clear()
        self._dirty = dict.fromkeys(self._wanted)

    @property
    def under_way(self) -> int:
        """Values sent and not yet acknowledged."""
        return len(self._under_way)

    @property
    def settled(self) -> bool:
        """Whether the broker has every value."""
        return not self._dirty and not self._under_way

    def _remember(self, now_ns: int) -> None:
        """Notes all new topics at once, before any of them is published."""
        fresh = [topic for topic in self._dirty if topic not in self._remembered]
        if fresh:
            self._remembered.update(fresh)
            self._note(fresh, now_ns)

    def _note(self, topics: Iterable[str], now_ns: int) -> None:
        try:
            self._outbox.remember_retained(topics)
        except StorageError as error:
            self._failed(error, now_ns)

    def _clear_all_but(self, topics: frozenset[str]) -> None:
        for topic in sorted((self._remembered | self._wanted.keys()) - topics):
            self.set(topic, b"")

    def _forget(self, topic: str, now_ns: int) -> None:
        del self._wanted[topic]
        self._dirty.pop(topic, None)
        self._remembered.discard(topic)
        try:
            self._outbox.forget_retained([topic])
        except StorageError as error:
            self._failed(error, now_ns)

    def _failed(self, error: StorageError, now_ns: int) -> None:
        self._conditions.begin("outbox_failed", error.what, error.fix, now_ns)
