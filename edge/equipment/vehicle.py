"""Master control of one vehicle: its messages become events, commands become orders and instant actions.

Only the newest state counts, and it says all: so nothing piles up here however fast a vehicle speaks, and what comes
late is not believed. A vehicle is ONLINE while its connection topic does not say otherwise and a state came within
STATE_MAX_S (it speaks every 30 s).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Never

from edge.equipment.ordering import Counts, Ordering
from edge.equipment.presence import Clock, Report
from edge.messages import Message
from edge.messages.vehicles import (
    CancelDrive,
    DriveVehicle,
    VehicleAction,
    VehicleChanged,
    VehicleDescribed,
    VehicleLink,
)
from edge.settings import FleetSettings, VehicleSettings
from edge.vda5050 import Address, Codec, Factsheet, Instant, Rubbish, VehicleState
from edge.vda5050.wire import FACTSHEET, STATE

STATE_MAX_S = 45.0
BROKER_GRACE_S = 5.0
"""Our own connection may be gone for so long before vehicles count as away."""
ASK_S = 5.0
"""A state or factsheet that was asked for is asked for again after this."""
TICK_S = 0.2
TOPICS = ("connection", "state", "factsheet")
HEARD_MAX = 16
"""Messages that wait to be looked at; of more the oldest of the same topic is forgotten."""
STEP_MM = 100
"""Distances from a node are told in such steps."""

Post = Callable[[str, bytes], None]
"""Publishes at most once (QoS 0); what is lost is sent again by rule."""
VehicleCommand = DriveVehicle | CancelDrive | VehicleAction

logger = logging.getLogger(__name__)


class Vehicle:
    """Reports what a vehicle says and sends it what it is told."""

    def __init__(self, vehicle: VehicleSettings, fleet: FleetSettings, codec: Codec, post: Post) -> None:
        self._vehicle = vehicle
        self._codec = codec
        self._post = post
        self._address = Address(vehicle.manufacturer, vehicle.serial)
        self._topics = {name: fleet.topic(vehicle, name) for name in ("order", "instantActions")}
        self._header_ids = dict.fromkeys(self._topics, 0)
        self.counts = Counts()
        self._ordering = Ordering(vehicle.vehicle_id, self.counts)
        self._heard: list[tuple[str, bytes]] = []
        """What has not been looked at, by topic, in the order in which it came."""
        self._woken = asyncio.Event()
        self._state: VehicleState | None = None
        self._factsheet: Factsheet | None = None
        self._connection: VehicleLink | None = None
        self._state_s = self._broker_s = time.monotonic()
        self._broker = False
        self._known = False
        """A state came since both of us are connected: without one nothing is ordered, it may have lost its memory."""
        self._rubbish = ""
        self._asked_s: dict[str, float] = {}
        self._told: VehicleChanged | None = None
        self._key: VehicleChanged | None = None

    def hear(self, topic: str, body: bytes) -> None:
        """A message of the vehicle, by the last word of its topic."""
        if len(self._heard) >= HEARD_MAX:
            self._heard.pop(next((i for i, (name, _) in enumerate(self._heard) if name == topic), 0))
        self._heard.append((topic, body))
        self._woken.set()

    def broker(self, *, there: bool) -> None:
        """Our own connection to the broker came or went."""
        self._broker, self._broker_s, self._known = there, time.monotonic(), False
        self._asked_s.clear()
        self._woken.set()

    def obey(self, command: VehicleCommand) -> None:
        """Takes a command on; it is sent when the vehicle's state allows."""
        self._ordering.obey(command, time.monotonic())
        self._woken.set()

    async def watch(self, report: Report, now_ms: Clock) -> Never:
        """Reports what the vehicle does and keeps it told, for ever."""
        while True:
            self._woken.clear()
            now_s = time.monotonic()
            for event in self._news(now_s, now_ms()):
                await report(event)
            self._speak(now_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._woken.wait()

    def _news(self, now_s: float, at_ms: int) -> Iterator[Message]:
        """What is new, the state of the vehicle before what follows from it."""
        heard, self._heard = self._heard, []
        described, fresh = self._read(heard, now_s)
        changed = self._view(now_s, at_ms)
        if changed is not None:
            yield changed
        if described is not None:
            yield replace(described, at_ms=at_ms)
        if fresh and self._state is not None:
            yield from self._ordering.see(self._state, at_ms)
        yield from self._ordering.overdue(now_s, at_ms)

    def _read(self, heard: list[tuple[str, bytes]], now_s: float) -> tuple[VehicleDescribed | None, bool]:
        """Takes in what came; the factsheet if it is another than before, and whether there is a new state."""
        described, fresh = None, False
        for topic, body in heard:
            try:
                if topic == "connection":
                    self._connection, self._known = self._codec.connection(self._address, body), False
                elif topic == "state":
                    fresh = self._believe(self._codec.state(self._address, body), now_s) or fresh
                elif topic == "factsheet":
                    described = self._described(self._codec.factsheet(self._address, body)) or described
            except Rubbish as error:
                self.counts.rubbish += 1
                if topic == "state" or not self._rubbish:
                    self._rubbish = f"RUBBISH on {topic}: {error}"
                logger.warning("rubbish", extra={"vehicle": self._vehicle.vehicle_id, "reason": self._rubbish})
        return described, fresh

    def _believe(self, state: VehicleState, now_s: float) -> bool:
        """False for a state that newer ones have overtaken: what it says is over."""
        last = self._state
        if last is not None and state.header_id < last.header_id and state.stamp <= last.stamp:
            self.counts.stale += 1
            return False
        self._state, self._state_s, self._rubbish, self._known = state, now_s, "", True
        return True

    def _described(self, factsheet: Factsheet) -> VehicleDescribed | None:
        if factsheet == self._factsheet:
            return None
        self._factsheet = factsheet
        return VehicleDescribed(
            at_ms=0,
            vehicle_id=self._vehicle.vehicle_id,
            series=factsheet.series,
            speed_mm_s=factsheet.speed_mm_s,
            nodes_max=factsheet.nodes_max,
            actions=factsheet.actions,
        )

    def _link(self, now_s: float) -> VehicleLink | None:
        """None while it is too early to say."""
        if not self._broker and now_s - self._broker_s >= BROKER_GRACE_S:
            return VehicleLink.AWAY
        if self._connection not in (None, VehicleLink.ONLINE):
            return self._connection
        if now_s - self._state_s >= STATE_MAX_S:
            return VehicleLink.SILENT
        return VehicleLink.ONLINE if self._state is not None else None

    def _view(self, now_s: float, at_ms: int) -> VehicleChanged | None:
        """The vehicle as it is now, if that is worth telling: where it is on the way is told by its drive."""
        link, state = self._link(now_s), self._state
        if link is None:
            return None
        view = VehicleChanged(at_ms=0, vehicle_id=self._vehicle.vehicle_id, link=link, reason=self._rubbish)
        if state is not None:
            ours = state.order_id != "" and state.order_id == self._ordering.drive_id
            busy = state.left > 0 or (ours and not _at_rest(state))
            view = replace(
                view,
                mode=state.mode,
                errors=tuple(fault.error for fault in state.faults),
                battery=state.battery,
                charging=state.charging,
                node_id=state.node_id,
                past_mm=0 if busy else state.past_mm // STEP_MM * STEP_MM,
                localized=state.localized,
                driving=state.driving,
                paused=state.paused,
                stopped=state.stopped,
                loads=state.loads,
                busy_with=state.order_id if busy else "",
            )
        key = replace(view, node_id="", driving=False) if view.busy_with else replace(view, driving=False)
        if key == self._key:
            return None
        self._key = key
        return replace(view, at_ms=at_ms)

    def _speak(self, now_s: float) -> None:
        """Sends what is due, if there is anybody to hear it."""
        if not self._broker or self._connection not in (None, VehicleLink.ONLINE):
            return
        self._ask(now_s)
        state = self._state
        if state is None or not self._known or self._link(now_s) is not VehicleLink.ONLINE:
            return
        order = self._ordering.order_due(state, now_s)
        if order is not None:
            self._send("order", self._codec.order(self._address, self._next("order"), _utc_ms(), order))
        self._instantly(self._ordering.instants_due(state, now_s))

    def _ask(self, now_s: float) -> None:
        """For a state when there is none, and for the factsheet."""
        wanted = [(STATE, not self._known), (FACTSHEET, self._factsheet is None)]
        for name, missing in wanted:
            if missing and now_s - self._asked_s.get(name, now_s - ASK_S) >= ASK_S:
                self._asked_s[name] = now_s
                self._instantly((Instant(action_id=f"{name}-{_utc_ms()}", name=name),))

    def _instantly(self, actions: tuple[Instant, ...]) -> None:
        if actions:
            topic = "instantActions"
            self._send(topic, self._codec.instant_actions(self._address, self._next(topic), _utc_ms(), actions))

    def _next(self, topic: str) -> int:
        self._header_ids[topic] += 1
        return self._header_ids[topic]

    def _send(self, topic: str, body: bytes) -> None:
        self._post(self._topics[topic], body)


def _at_rest(state: VehicleState) -> bool:
    """All actions are over."""
    return all(each.status.value in ("finished", "failed") for each in state.actions)


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000
