"""The publisher as the delivery thread may use it: shut until all it said about the connection was heard."""

from edged.domain.messages import Message
from edged.ports import Acknowledged, Notice, Publisher


class Line:
    """Refuses to send while a change of the connection is announced and not yet heard.

    Otherwise a new event could go out on a new connection before the older ones that were under way on the
    last one are sent again, and the order would be lost.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._announced = 0
        self._heard = 0

    def announced(self, notice: Notice) -> None:
        """Called where the notice arises."""
        if not isinstance(notice, Acknowledged):
            self._announced += 1

    def heard(self, notice: Notice) -> None:
        """Called in the delivery thread, before it acts on the notice."""
        if not isinstance(notice, Acknowledged):
            self._heard += 1

    def send(self, message: Message) -> int | None:
        """As Publisher.send."""
        return self._publisher.send(message) if self._announced == self._heard else None
