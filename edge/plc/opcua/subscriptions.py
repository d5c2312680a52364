"""The subscriptions of one session and their items: asked for, compared with what the server revises, made anew.

Event tags (numbers that must not be missed) have deep queues that keep the oldest; states have a queue of one.
"""

import contextlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from edge.plc.image import LinkLost, ProcessImage
from edge.plc.opcua.session import Session
from edge.plc.opcua.variants import batches

KEEP_ALIVES = 10
LIFETIME_MS = 60_000
"""An edge that restarts within this time finds its subscription."""
LIFETIME = 3000
"""At most so many publishing intervals, though."""
EVENT_QUEUE = 100
REVISED_FACTOR = 2.0
"""A server that revises an interval or a count beyond this is told of, once."""
SILENCE_MIN_MS = 3000
"""A subscription is given at least this long (else three keep-alives) before it counts as dead."""
EVENTS = "events"
CLASSES = (EVENTS, "fast", "normal", "slow")
EVENT_TAGS = ("BootCount", "ReqSeqLast", "RepSeqLast", "CmdAckSeq", "JobSeqAck", "JobSeqDone")
"""Tags that carry a number that must not be missed."""
HEARTBEAT = "PlcHeartbeat"
NEEDED = (*EVENT_TAGS, HEARTBEAT)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Subscription:
    """One subscription on the server."""

    name: str
    number: int
    taken: int = 0
    """The last notification taken over."""
    heard_s: float = field(default_factory=time.monotonic)
    silence_s: float = 0.0
    period_ms: float = 0.0
    """How long a change may take to be published, as the server revised it."""
    items: dict[str, int] = field(default_factory=dict)
    """Tag -> its monitored item."""


class Subscriptions:
    """One for event tags, one per poll class for states."""

    def __init__(self, session: Session, image: ProcessImage, told: set[str]) -> None:
        self._session = session
        self._image = image
        self._told = told
        watched = [tag for tag in image.tags if tag.polled]
        self.names = [tag.name for tag in watched]
        self.tag = dict(enumerate(self.names))
        """Client handle -> tag."""
        self._handle = {name: handle for handle, name in self.tag.items()}
        self._class = {t.name: EVENTS if t.name in EVENT_TAGS else str(t.poll_class) for t in watched}
        self.apart: frozenset[str] = frozenset()
        self.by_number: dict[int, Subscription] = {}
        self.refused: dict[str, str] = {}
        """Tags whose nodes the server does not have, and what it says."""

    def leave_out(self, names: Iterable[str]) -> None:
        """Tags that something else than the server answers for; before anything is made."""
        self.apart = frozenset(names)
        self.names = [name for name in self.names if name not in self.apart]

    def class_of(self, name: str) -> str:
        """Which subscription a tag belongs to."""
        return self._class[name]

    def period_ms(self, name: str) -> float:
        """How long a change of a tag may take to be published."""
        return next((s.period_ms for s in self.by_number.values() if s.name == self._class[name]), 0.0)

    @property
    def events(self) -> int:
        """The number of the event subscription; 0 if there is none."""
        return next((one.number for one in self.by_number.values() if one.name == EVENTS), 0)

    @property
    def states(self) -> list[int]:
        """The numbers of the others."""
        return sorted(one.number for one in self.by_number.values() if one.name != EVENTS)

    async def make(self, name: str) -> None:
        """One subscription with its items; none where no tag belongs to it. Raises LinkLost."""
        names = [tag for tag in self.names if self._class[tag] == name]
        if not names:
            return
        asked = self._parameters(name)
        made = await self._session.ask(self._session.services.create_subscription(asked, _nobody))
        subscription = self._register(name, made.SubscriptionId, asked, made)
        for batch in batches(names):
            await self._monitor(subscription, batch)

    def _parameters(self, name: str) -> ua.CreateSubscriptionParameters:
        period_ms = self._period_ms(name)
        return ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=period_ms,
            RequestedLifetimeCount=min(LIFETIME, max(3 * KEEP_ALIVES, int(LIFETIME_MS / period_ms))),
            RequestedMaxKeepAliveCount=KEEP_ALIVES,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
            Priority=1 if name == EVENTS else 0,
        )

    def _period_ms(self, name: str) -> float:
        return float(max(getattr(self._session.device.poll, "fast" if name == EVENTS else name), 1))

    def _register(self, name: str, number: int, asked: Any, made: Any) -> Subscription:
        interval, keep_alives = made.RevisedPublishingInterval, made.RevisedMaxKeepAliveCount
        self._compare(f"{name}: publishing interval", asked.RequestedPublishingInterval, interval)
        self._compare(f"{name}: keep-alive count", asked.RequestedMaxKeepAliveCount, keep_alives)
        self._compare(f"{name}: lifetime count", asked.RequestedLifetimeCount, made.RevisedLifetimeCount)
        subscription = Subscription(name, number)
        subscription.silence_s = max(SILENCE_MIN_MS, 3 * interval * keep_alives) / 1000
        subscription.period_ms = interval
        self.by_number[number] = subscription
        return subscription

    def _compare(self, what: str, asked: float, revised: float) -> None:
        """Tells once of a server that does other than it was asked."""
        if asked / REVISED_FACTOR <= revised <= asked * REVISED_FACTOR or what in self._told:
            return
        self._told.add(what)
        self._image.counts.count("revised")
        words = {"device": self._session.device.url, "what": what, "asked": asked, "revised": revised}
        logger.warning("server revised a parameter", extra=words)

    async def _monitor(self, subscription: Subscription, names: Sequence[str]) -> None:
        events = subscription.name == EVENTS
        sampling_ms = 0.0 if events or subscription.name == "fast" else self._period_ms(subscription.name)
        size = EVENT_QUEUE if events else 1
        items = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(self._session.nodes[name], AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=self._handle[name],
                    SamplingInterval=sampling_ms,
                    QueueSize=size,
                    DiscardOldest=not events,
                ),
            )
            for name in names
        ]
        parameters = ua.CreateMonitoredItemsParameters(subscription.number, ua.TimestampsToReturn.Source, items)
        results = await self._session.ask(self._session.services.create_monitored_items(parameters), len(items))
        for name, result in zip(names, results, strict=True):
            if not result.StatusCode.is_good():
                self._refused(name, result.StatusCode.name)
                continue
            subscription.items[name] = result.MonitoredItemId
            self.refused.pop(name, None)
            slowest = max(sampling_ms, self._period_ms(subscription.name))
            if result.RevisedSamplingInterval > slowest:
                self._compare(f"{subscription.name}: sampling interval", slowest, result.RevisedSamplingInterval)
            subscription.period_ms = max(subscription.period_ms, result.RevisedSamplingInterval)
            self._compare(f"{subscription.name}: queue size", size, result.RevisedQueueSize)

    def _refused(self, name: str, why: str) -> None:
        """A node that is not there costs its tag, not the link; but without its numbers the link is worth nothing."""
        reason = f"{self._session.nodes[name].Identifier!s} cannot be watched: {why}"
        if name in NEEDED:
            raise LinkLost(reason)
        if name not in self.refused:
            self._image.counts.count("nodes_refused")
            logger.warning("node refused", extra={"device": self._session.device.url, "reason": reason})
        self.refused[name] = why
        self._image.refuse([name], why)

    async def watch_refused(self) -> None:
        """Tries the nodes anew that were not there. Raises LinkLost."""
        for subscription in list(self.by_number.values()):
            again = [name for name in self.refused if self._class[name] == subscription.name]
            for batch in batches(again):
                await self._monitor(subscription, batch)

    # taking up, replacing

    async def take_up(self, number: int) -> Subscription:
        """The event subscription of an earlier session or run. Raises LinkLost if it does not go on."""
        if not self._session.resumed:
            await self._transfer([number])
        asked = self._parameters(EVENTS)
        made = await self._session.ask(self._session.services.update_subscription(_modified(asked, number)))
        return self._register(EVENTS, number, asked, made)

    async def _transfer(self, numbers: Sequence[int]) -> None:
        """From a session that is no more into ours. Raises LinkLost for the first that cannot be had."""
        parameters = ua.TransferSubscriptionsParameters(SubscriptionIds=list(numbers), SendInitialValues=False)
        results = await self._session.ask(self._session.services.transfer_subscriptions(parameters), len(numbers))
        for result in results:
            if not result.StatusCode.is_good():
                raise LinkLost(f"not transferred: {result.StatusCode.name}")

    async def remake_items(self, names: Iterable[str]) -> None:
        """Replaces monitored items that deliver nothing. Raises LinkLost."""
        for subscription in list(self.by_number.values()):
            dead = [name for name in names if name in subscription.items]
            if dead:
                old = [subscription.items.pop(name) for name in dead]
                parameters = ua.DeleteMonitoredItemsParameters(subscription.number, old)
                with contextlib.suppress(LinkLost):
                    await self._session.ask(self._session.services.delete_monitored_items(parameters))
                self._image.counts.count("items_remade", len(dead))
                await self._monitor(subscription, dead)

    async def delete(self, numbers: Sequence[int]) -> None:
        """They may be gone already."""
        for number in numbers:
            self.by_number.pop(number, None)
        with contextlib.suppress(LinkLost):
            await self._session.ask(self._session.services.delete_subscriptions(list(numbers)))

    async def clear_away(self, numbers: Sequence[int]) -> None:
        """Subscriptions of before that nobody needs; else the server would keep them for their lifetime."""
        if not self._session.resumed:
            with contextlib.suppress(LinkLost):
                await self._transfer(numbers)
        await self.delete(numbers)


def _nobody(_: ua.PublishResult) -> None:
    """The library's callback, never called: see QuietSession."""


def _modified(asked: ua.CreateSubscriptionParameters, number: int) -> ua.ModifySubscriptionParameters:
    return ua.ModifySubscriptionParameters(
        SubscriptionId=number,
        RequestedPublishingInterval=asked.RequestedPublishingInterval,
        RequestedLifetimeCount=asked.RequestedLifetimeCount,
        RequestedMaxKeepAliveCount=asked.RequestedMaxKeepAliveCount,
        MaxNotificationsPerPublish=0,
        Priority=asked.Priority,
    )
