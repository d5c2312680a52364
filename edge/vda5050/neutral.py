"""What a codec takes and gives: the same for every version of the standard."""

from dataclasses import dataclass
from typing import Protocol

from edge.messages.vehicles import (
    ActionProgress,
    DriveVehicle,
    VehicleError,
    VehicleLink,
    VehicleMode,
)

BODY_MAX_BYTES = 1_000_000
"""No message of the standard needs more."""
TEXT_MAX = 200
"""Of a description so much is kept."""


class Rubbish(Exception):
    """The sender's fault: the text names the field and what was wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Who a message is for, or from."""

    manufacturer: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error of a vehicle with what it refers to: ids of orders, actions, topics by name."""

    error: VehicleError
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleState:
    """A state message. `left` counts nodes and edges still to come; `past_mm` was driven since the last node.

    `header_id` and `stamp` rise from one to the next; after a restart only `stamp` does.
    """

    order_id: str
    update: int
    node_id: str
    sequence: int
    left: int
    driving: bool
    paused: bool
    mode: VehicleMode
    stopped: str
    battery: int
    charging: bool
    localized: bool
    past_mm: int
    loads: tuple[str, ...] | None
    actions: tuple[ActionProgress, ...]
    faults: tuple[Fault, ...]
    header_id: int = 0
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factsheet:
    """What of a factsheet matters here; `nodes_max` 0 = no limit said."""

    series: str
    speed_mm_s: int
    nodes_max: int
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """An instant action by its name in the standard."""

    action_id: str
    name: str
    parameters: tuple[tuple[str, str], ...] = ()


class Codec(Protocol):
    """One version of the standard. The readers raise Rubbish; the writers give the JSON of one message."""

    @property
    def version(self) -> str:
        """As it stands in every header."""

    def state(self, sender: Address, body: bytes) -> VehicleState: ...

    def connection(self, sender: Address, body: bytes) -> VehicleLink: ...

    def factsheet(self, sender: Address, body: bytes) -> Factsheet: ...

    def order(self, to: Address, header_id: int, at_ms: int, command: DriveVehicle) -> bytes: ...

    def instant_actions(self, to: Address, header_id: int, at_ms: int, actions: tuple[Instant, ...]) -> bytes: ...
