"""VDA 5050 version 2.1 (2024-08-19)."""

from typing import Annotated

from pydantic import Field

from edge.messages.vehicles import DriveVehicle, ErrorLevel, VehicleLink, VehicleMode
from edge.vda5050.neutral import Address, Factsheet, Instant, VehicleState
from edge.vda5050.wire import (
    Connection,
    Header,
    Id,
    Number,
    Part,
    SentState,
    header,
    instant_actions,
    known,
    mm,
    order,
    read,
    vehicle_state,
)

LINKS = {
    "ONLINE": VehicleLink.ONLINE,
    "OFFLINE": VehicleLink.OFFLINE,
    "CONNECTIONBROKEN": VehicleLink.BROKEN,
}
MODES = {
    "AUTOMATIC": VehicleMode.AUTOMATIC,
    "SEMIAUTOMATIC": VehicleMode.SEMIAUTOMATIC,
    "MANUAL": VehicleMode.MANUAL,
    "SERVICE": VehicleMode.SERVICE,
    "TEACHIN": VehicleMode.TEACH_IN,
}
LEVELS = {"WARNING": ErrorLevel.WARNING, "FATAL": ErrorLevel.FATAL}
STOPS = {"NONE": "", "AUTOACK": "ESTOP", "MANUAL": "ESTOP", "REMOTE": "ESTOP"}


class Position(Part):
    position_initialized: bool


class Battery(Part):
    battery_charge: Number
    charging: bool


class Safety(Part):
    e_stop: Id
    field_violation: bool


class SentState2(SentState):
    agv_position: Position | None = None
    battery_state: Battery
    safety_state: Safety


class Lengths(Part):
    order_nodes: Annotated[int, Field(ge=0, alias="order.nodes")] = 0


class Limits(Part):
    max_array_lens: Lengths = Lengths()


class Kind(Part):
    series_name: Id


class Physics(Part):
    speed_max: Number


class AgvAction(Part):
    action_type: Id


class Features(Part):
    agv_actions: Annotated[list[AgvAction], Field(max_length=1_000)]


class SentFactsheet2(Header):
    type_specification: Kind
    physical_parameters: Physics
    protocol_limits: Limits
    protocol_features: Features


class Version2:
    """Codec of version 2.1; 2.0 vehicles are understood too."""

    version = "2.1.0"

    def state(self, sender: Address, body: bytes) -> VehicleState:
        said = read(SentState2, sender, "2", body)
        stopped = known("eStop", said.safety_state.e_stop, STOPS)
        return vehicle_state(
            said,
            mode=known("operatingMode", said.operating_mode, MODES),
            stopped=stopped or ("FIELD" if said.safety_state.field_violation else ""),
            battery=said.battery_state.battery_charge,
            charging=said.battery_state.charging,
            localized=said.agv_position is None or said.agv_position.position_initialized,
            levels=LEVELS,
        )

    def connection(self, sender: Address, body: bytes) -> VehicleLink:
        return known("connectionState", read(Connection, sender, "2", body).connection_state, LINKS)

    def factsheet(self, sender: Address, body: bytes) -> Factsheet:
        said = read(SentFactsheet2, sender, "2", body)
        return Factsheet(
            series=said.type_specification.series_name,
            speed_mm_s=mm(said.physical_parameters.speed_max),
            nodes_max=said.protocol_limits.max_array_lens.order_nodes,
            actions=tuple(each.action_type for each in said.protocol_features.agv_actions),
        )

    def order(self, to: Address, header_id: int, at_ms: int, command: DriveVehicle) -> bytes:
        return order(header(to, self.version, header_id, at_ms), command, "maxSpeed")

    def instant_actions(self, to: Address, header_id: int, at_ms: int, actions: tuple[Instant, ...]) -> bytes:
        return instant_actions(header(to, self.version, header_id, at_ms), actions)
