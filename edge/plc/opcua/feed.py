"""What the server publishes: taken over in order, acknowledged when it is safe, asked for again where it is missing.

Notifications are numbered: what the server no longer has of those that are missing is a gap, told and answered by
reading everything. One with an event is acknowledged after the machine has committed it; so a server that remembers
sends it again to an edge that crashed in between.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Never

from asyncua import ua
from asyncua.ua.uaerrors import BadNoSubscription, BadTimeout, BadTooManyPublishRequests, UaStatusCodeError

from edge.plc.image import LinkLost, ProcessImage, Quality, ReadRefused, Value, monotonic_ms
from edge.plc.opcua.memory import Memory
from edge.plc.opcua.session import Session
from edge.plc.opcua.subscriptions import CLASSES, EVENTS, KEEP_ALIVES, Subscription, Subscriptions
from edge.plc.opcua.variants import LOST, overflowed, source_ms, text, value_of
from edge.plc.supervision import still_wanted

PUBLISHES = 2
"""Publish requests under way, so that one subscription's answer does not wait for another's round trip."""
PUBLISH_PAUSE_S = 0.05
NOTICES_MAX = 64
"""Notifications waiting to be taken over; beyond it the server waits for its next publish request."""
WITHHELD_MAX = 64
"""Notifications not yet committed; beyond it the oldest is acknowledged all the same, counted."""
REPUBLISH_MAX = 200
NUMBER_MAX = 0xFFFF_FFFF
COUNTERS = (
    "published", "gaps", "overflows", "republished", "resumed", "revised", "acks_forced", "nodes_refused",
    "items_remade", "subscriptions_remade",
)  # fmt: skip

logger = logging.getLogger(__name__)


class Feed:
    """The subscriptions of one session and what comes from them."""

    def __init__(self, session: Session, image: ProcessImage, memory: Memory, subscriptions: Subscriptions) -> None:
        self._session = session
        self._image = image
        self._memory = memory
        self.subscriptions = subscriptions
        image.counts.also(COUNTERS)
        self._notices: asyncio.Queue[tuple[float, ua.PublishResult]] = asyncio.Queue(NOTICES_MAX)
        self._acks: list[ua.SubscriptionAcknowledgement] = []
        self._withheld: deque[tuple[int, tuple[tuple[str, int], ...]]] = deque()
        self._acknowledged = 0
        self._resumed = False
        self._caught_up = asyncio.Event()
        """The event subscription has said something, be it that it has nothing to say."""
        self.overflowed = False
        """The server threw values away; everything is to be read again."""
        self.delivered: dict[str, tuple[float, Value | None]] = {}
        """Tag -> when it was last published, and what."""

    async def start(self) -> None:
        """Takes up the event subscription of before, or makes it; makes the others. Raises LinkLost."""
        kept, subscriptions = self._memory.kept, self.subscriptions
        self._resumed = resumed = kept is not None and await self._take_up(kept.events, kept.acknowledged)
        if kept is not None:
            await subscriptions.clear_away(kept.states if resumed else (*kept.states, kept.events))
        if kept is not None and not resumed:
            self._gap("SUBSCRIPTION_GONE")
        for name in CLASSES:
            if not (resumed and name == EVENTS):
                await subscriptions.make(name)
        self._remember()

    async def _take_up(self, number: int, acknowledged: int) -> bool:
        """Whether the event subscription of before goes on; everything it has kept for us is taken over."""
        try:
            subscription = await self.subscriptions.take_up(number)
        except LinkLost as error:
            logger.info("not resumed", extra={"device": self._session.device.url, "reason": str(error)})
            return False
        subscription.taken = self._acknowledged = acknowledged
        self._image.counts.count("resumed")
        while await self._again(subscription, _after(subscription.taken)):
            pass
        return True

    async def _again(self, subscription: Subscription, number: int) -> bool:
        """Asks for one notification once more; False if the server has it no longer."""
        try:
            message = await self._session.ask(self._session.services.republish(subscription.number, number))
        except LinkLost as error:
            if isinstance(error.__cause__, UaStatusCodeError):
                return False
            raise
        if message.SequenceNumber != number or not message.NotificationData:
            return False  # asyncua's server answers so for a number it does not have
        self._image.counts.count("republished")
        self._take(subscription, monotonic_ms(), message)
        return True

    def _remember(self) -> None:
        if events := self.subscriptions.events:
            session, states = self._session, self.subscriptions.states
            self._memory.keep(session.token, session.nonce, events, states, self._acknowledged)

    def tasks(self) -> list[Coroutine[Any, Any, Never]]:
        """What runs as long as the link."""
        return [*(self.publish() for _ in range(PUBLISHES)), self.take()]

    async def read_first(self) -> None:
        """Everything, after what a subscription that goes on still had for us: a later value must not come before it.

        The server says something within its keep-alive time, at once if it has anything. Raises LinkLost.
        """
        resumed = self.subscriptions.by_number.get(self.subscriptions.events)
        if self._resumed and resumed is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(resumed.period_ms * (KEEP_ALIVES + 1) / 1000):
                    await self._caught_up.wait()
        await self.read_all()

    # what is published

    async def publish(self) -> Never:
        """Asks for notifications, one request after the other. Raises LinkLost."""
        while True:
            acks = self._due_acks()
            try:
                response = await self._session.services.publish(acks)
                response.ResponseHeader.ServiceResult.check()
            except (BadNoSubscription, BadTooManyPublishRequests, BadTimeout):
                await asyncio.sleep(PUBLISH_PAUSE_S)
                continue
            except LOST as error:
                raise LinkLost(text(error)) from error
            finally:
                still_wanted()  # else a link that ends while an answer comes would wait for this task for ever
            self._session.heard_s = time.monotonic()
            await self._notices.put((monotonic_ms(), response.Parameters))

    async def take(self) -> Never:
        """Takes published values over, in order. Raises LinkLost."""
        while True:
            came_ms, notice = await self._notices.get()
            subscription = self.subscriptions.by_number.get(notice.SubscriptionId)
            if subscription is None:
                continue  # it was replaced
            subscription.heard_s = time.monotonic()
            self._memory.heard_s = time.time()
            message = notice.NotificationMessage
            if message.NotificationData and _distance(message.SequenceNumber, subscription.taken) < REPUBLISH_MAX:
                continue  # it came late and has been asked for again meanwhile
            await self._fill(subscription, message)
            if message.NotificationData:
                self._take(subscription, came_ms, message)
            if subscription.name == EVENTS:
                self._caught_up.set()

    async def _fill(self, subscription: Subscription, message: ua.NotificationMessage) -> None:
        """Asks again for what lies between the last notification and this one."""
        missing, wanted = 0, _after(subscription.taken)
        while wanted != message.SequenceNumber and subscription.taken and missing < REPUBLISH_MAX:
            if not await self._again(subscription, wanted):
                break
            missing, wanted = missing + 1, _after(subscription.taken)
        if subscription.taken and wanted != message.SequenceNumber:
            await self.resync("MESSAGES_LOST")
        if not message.NotificationData:
            subscription.taken = _before(message.SequenceNumber)  # a keep-alive has the number that comes next

    def _take(self, subscription: Subscription, came_ms: float, message: ua.NotificationMessage) -> None:
        subscription.taken = message.SequenceNumber
        events: dict[str, None] = {}
        tag = self.subscriptions.tag
        for part in message.NotificationData or ():
            if isinstance(part, ua.DataChangeNotification):
                items = [
                    (tag[each.ClientHandle], each.Value) for each in part.MonitoredItems if each.ClientHandle in tag
                ]
                self.accept(came_ms, items, published=True)
                self._image.counts.count("published", len(items))
                events |= dict.fromkeys(name for name, _ in items)
            elif isinstance(part, ua.StatusChangeNotification):
                subscription.heard_s = -subscription.silence_s  # it is dead: the probe makes it anew
        marks = tuple((name, self._image.reading(name).sequence) for name in events)
        if subscription.name == EVENTS:
            self._withheld.append((message.SequenceNumber, marks))
        else:
            self._acks.append(ua.SubscriptionAcknowledgement(subscription.number, message.SequenceNumber))

    def accept(self, came_ms: float, items: Iterable[tuple[str, ua.DataValue]], *, published: bool = False) -> None:
        """Values and when they came: a notification that waited in the queue does not undo a later read."""
        image, thrown = self._image, 0
        values: dict[str, Value] = {}
        sources: dict[str, int | None] = {}
        spoilt: list[tuple[str, str]] = []
        for name, item in items:
            value = value_of(self._session.tags[name], item)
            if published:
                thrown += overflowed(item)
                self.delivered[name] = (came_ms, value)
            if name in values:  # an event's next value: each is shown
                image.update(values, came_ms, sources)
                values, sources = {}, {}
            if value is None:
                spoilt.append((name, item.StatusCode.name if item.StatusCode is not None else "no value"))
            else:
                values[name], sources[name] = value, source_ms(item)
        image.update(values, came_ms, sources)
        for name, why in spoilt:
            image.spoil([name], why) if published else image.refuse([name], why)
        if thrown:
            image.counts.count("overflows", thrown)
            self.overflowed = True

    def _due_acks(self) -> list[ua.SubscriptionAcknowledgement]:
        """What may be acknowledged now: states at once, events when the machine has committed them."""
        acks, self._acks = self._acks, []
        events = self.subscriptions.events
        before = self._acknowledged
        while self._withheld:
            number, marks = self._withheld[0]
            committed = all(self._image.commits.is_committed(name, sequence) for name, sequence in marks)
            if not committed and len(self._withheld) <= WITHHELD_MAX:
                break
            self._image.counts.count("acks_forced", not committed)
            self._withheld.popleft()
            self._acknowledged = number
            acks.append(ua.SubscriptionAcknowledgement(events, number))
        if self._acknowledged != before:
            self._remember()
        return acks

    # mending

    async def resync(self, reason: str) -> None:
        """Something was missed: told, and everything read anew. Raises LinkLost."""
        self._gap(reason)
        await self.read_all()

    async def read_all(self) -> None:
        """Every watched tag; afterwards the image may be declared good. Raises LinkLost."""
        self.overflowed = False
        items = await self._session.read(self.subscriptions.names)
        self.accept(monotonic_ms(), items)

    async def read(self, names: Sequence[str]) -> None:
        """What equipment asks for. Raises LinkLost, ReadRefused."""
        items = await self._session.read([name for name in names if name not in self.subscriptions.apart])
        self.accept(monotonic_ms(), items)
        bad = [name for name, _ in items if self._image.reading(name).quality is Quality.BAD]
        if bad:
            raise ReadRefused(self._image.trouble(bad))

    def _gap(self, reason: str) -> None:
        self._image.counts.count("gaps")
        logger.warning("events may have been missed", extra={"device": self._session.device.url, "reason": reason})
        self._image.commits.tell_gap(reason, int((time.time() - self._memory.heard_s) * 1000))

    async def remake(self, old: Subscription) -> None:
        """A new subscription in place of a dead one, and everything read once. Raises LinkLost."""
        logger.warning("subscription silent", extra={"device": self._session.device.url, "class": old.name})
        self._image.counts.count("subscriptions_remade")
        if old.name == EVENTS:
            self._withheld.clear()
            self._acknowledged = 0
        await self.subscriptions.delete([old.number])
        await self.subscriptions.make(old.name)
        self._remember()
        await self.resync("SUBSCRIPTION_SILENT")


def _after(number: int) -> int:
    return number % NUMBER_MAX + 1


def _distance(number: int, taken: int) -> int:
    """How far a number lies behind the one that was taken last; far if none was."""
    return (taken - number) % NUMBER_MAX if taken else NUMBER_MAX


def _before(number: int) -> int:
    return number - 1 if number > 1 else NUMBER_MAX
