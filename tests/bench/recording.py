"""A generated day as its box lived it: every event the box took in, when, from whom, and what followed from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from edge.codec import encode
from edge.journal import Entry, Origin, outputs_json
from edge.messages import Message
from edge.systems import Settled, Systems
from plc_sim.day.plan import DayPlan, plan_day
from plc_sim.day.play import VirtualDay
from tests.bench.yardstick import CONFIG

PEERS = {"office": ("oms",)}
NAMES = ("wms", "wes")


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the box and what it decided."""

    event: Message
    at_ms: int
    origin: Origin
    settled: Settled

    def entry(self) -> Entry:
        """As the journal takes it."""
        return Entry(self.at_ms, self.origin, self.event, self.settled.outputs, self.settled.sends)

    def body(self) -> bytes:
        """Every byte of it that has to reach the disk."""
        sent = b"".join(encode(message) for _, message in self.settled.sends)
        return encode(self.event) + outputs_json(self.settled.outputs) + sent


class ListeningSystems(Systems):
    """The box's systems, keeping what they are told and what they answer."""

    def __init__(self, names: Sequence[str], peers: Any) -> None:
        super().__init__(names, peers)
        self.heard: list[Heard] = []
        self._received: dict[str, int] = {}

    def settle(self, event: Message, now_ms: int, from_peer: str = "") -> Settled:
        settled = super().settle(event, now_ms, from_peer)
        n = self._received[from_peer] = self._received.get(from_peer, 0) + 1
        origin = Origin(from_peer, "bench", n) if from_peer else Origin()
        self.heard.append(Heard(event, now_ms, origin, settled))
        return settled


def generated_plan(orders: int, seed: int = 1) -> DayPlan:
    """A generated day of so many orders."""
    return plan_day(CONFIG, orders_file=None, map_file=None, orders=orders, shortage=0.02, seed=seed, people=16)


@cache
def record_day(orders: int) -> tuple[Heard, ...]:
    """Plays a day in virtual time and returns what its box heard, in order."""
    plan = generated_plan(orders)
    day = VirtualDay(plan)
    listening = ListeningSystems(NAMES, PEERS)
    day.systems[plan.site.site] = listening
    day.run()
    return tuple(listening.heard)


class RecordedClock:
    """A site clock that shows, each time it is asked, when the next event of a recording happened."""

    speed = 1

    def __init__(self, heard: Sequence[Heard]) -> None:
        self._times: Iterator[int] = iter([each.at_ms for each in heard])

    def now_ms(self) -> int:
        return next(self._times)
