"""VDA 5050 version 3.0 (2026-03-18): other names and more required fields than 2.1, the same rules."""

from typing import Annotated

from pydantic import Field

from edge.messages.vehicles import DriveVehicle, ErrorLevel, VehicleLink, VehicleMode
from edge.vda5050.neutral import Address, Factsheet, Instant, VehicleState
from edge.vda5050.wire import (
    ActionState,
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
    "HIBERNATING": VehicleLink.OFFLINE,
    "CONNECTION_BROKEN": VehicleLink.BROKEN,
}
MODES = {
    "STARTUP": VehicleMode.STARTUP,
    "AUTOMATIC": VehicleMode.AUTOMATIC,
    "SEMIAUTOMATIC": VehicleMode.SEMIAUTOMATIC,
    "INTERVENED": VehicleMode.INTERVENED,
    "MANUAL": VehicleMode.MANUAL,
    "SERVICE": VehicleMode.SERVICE,
    "TEACH_IN": VehicleMode.TEACH_IN,
}
LEVELS = {level.value.upper(): level for level in ErrorLevel}
STOPS = {"NONE": "", "MANUAL": "ESTOP", "REMOTE": "ESTOP"}


class Position(Part):
    localized: bool


class Power(Part):
    state_of_charge: Number
    charging: bool


class Safety(Part):
    active_emergency_stop: Id
    field_violation: bool


class SentState3(SentState):
    mobile_robot_position: Position | None = None
    power_supply: Power
    instant_action_states: Annotated[list[ActionState], Field(max_length=5_000)]
    safety_state: Safety


class Lengths(Part):
    order_nodes: Annotated[int, Field(ge=0, alias="order.nodes")] = 0


class Limits(Part):
    maximum_array_lengths: Lengths = Lengths()


class Kind(Part):
    series_name: Id


class Physics(Part):
    maximum_speed: Number


class RobotAction(Part):
    action_type: Id


class Features(Part):
    mobile_robot_actions: Annotated[list[RobotAction], Field(max_length=1_000)]


class SentFactsheet3(Header):
    type_specification: Kind
    physical_parameters: Physics
    protocol_limits: Limits
    protocol_features: Features


class Version3:
    """Codec of version 3.0."""

    version = "3.0.0"

    def state(self, sender: Address, body: bytes) -> VehicleState:
        said = read(SentState3, sender, "3", body)
        stopped = known("activeEmergencyStop", said.safety_state.active_emergency_stop, STOPS)
        return vehicle_state(
            said,
            mode=known("operatingMode", said.operating_mode, MODES),
            stopped=stopped or ("FIELD" if said.safety_state.field_violation else ""),
            battery=said.power_supply.state_of_charge,
            charging=said.power_supply.charging,
            localized=said.mobile_robot_position is None or said.mobile_robot_position.localized,
            levels=LEVELS,
            more_actions=said.instant_action_states,
        )

    def connection(self, sender: Address, body: bytes) -> VehicleLink:
        return known("connectionState", read(Connection, sender, "3", body).connection_state, LINKS)

    def factsheet(self, sender: Address, body: bytes) -> Factsheet:
        said = read(SentFactsheet3, sender, "3", body)
        return Factsheet(
            series=said.type_specification.series_name,
            speed_mm_s=mm(said.physical_parameters.maximum_speed),
            nodes_max=said.protocol_limits.maximum_array_lengths.order_nodes,
            actions=tuple(each.action_type for each in said.protocol_features.mobile_robot_actions),
        )

    def order(self, to: Address, header_id: int, at_ms: int, command: DriveVehicle) -> bytes:
        return order(header(to, self.version, header_id, at_ms), command, "maximumSpeed")

    def instant_actions(self, to: Address, header_id: int, at_ms: int, actions: tuple[Instant, ...]) -> bytes:
        return instant_actions(header(to, self.version, header_id, at_ms), actions)
