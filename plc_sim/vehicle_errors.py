"""What a vehicle complains about: the predefined errors of VDA 5050 3.0 (6.6.5.4), their names in 2.1, and its own."""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Level(StrEnum):
    """3.0 has all four; 2.1 only WARNING and FATAL."""

    WARNING = "WARNING"
    URGENT = "URGENT"
    CRITICAL = "CRITICAL"
    FATAL = "FATAL"


class Until(Enum):
    """How long an error is reported."""

    ORDER = "a new order is accepted"
    INSTANT = "another instant action is accepted"
    OVER = "its cause is over"


class Problem(StrEnum):
    """By the name in 3.0; those after the blank line are of this make."""

    VALIDATION_FAILURE = "VALIDATION_FAILURE"
    UNSUPPORTED_PARAMETER = "UNSUPPORTED_PARAMETER"
    INVALID_ORDER_ACTION = "INVALID_ORDER_ACTION"
    INVALID_INSTANT_ACTION = "INVALID_INSTANT_ACTION"
    OUTDATED_ORDER_UPDATE = "OUTDATED_ORDER_UPDATE"
    SAME_ORDER_UPDATE_ID = "SAME_ORDER_UPDATE_ID"
    ORDER_UPDATE_FOLLOWING_CANCEL = "ORDER_UPDATE_FOLLOWING_CANCEL"
    OTHER_ORDER_ACTIVE = "OTHER_ORDER_ACTIVE"
    START_NODE_OUT_OF_RANGE = "START_NODE_OUT_OF_RANGE"
    NO_ROUTE_TO_TARGET = "NO_ROUTE_TO_TARGET"
    UNKNOWN_MAP_ID = "UNKNOWN_MAP_ID"
    MOBILE_ROBOT_NOT_AVAILABLE = "MOBILE_ROBOT_NOT_AVAILABLE"
    INSUFFICIENT_MEMORY = "INSUFFICIENT_MEMORY"
    NO_ORDER_TO_CANCEL = "NO_ORDER_TO_CANCEL"

    BAD_STITCH = "ORDER_UPDATE_MISMATCH"
    ACTION_FAILED = "ACTION_FAILED"
    PATH_BLOCKED = "PATH_BLOCKED"
    BATTERY_LOW = "BATTERY_LOW"
    BATTERY_EMPTY = "BATTERY_EMPTY"
    NEEDS_SERVICE = "NEEDS_SERVICE"
    DEFECT = "DEFECT"


OLD_NAMES: dict[Problem, str] = {
    Problem.VALIDATION_FAILURE: "validationError",
    Problem.OUTDATED_ORDER_UPDATE: "orderUpdateError",
    Problem.SAME_ORDER_UPDATE_ID: "orderUpdateError",
    Problem.ORDER_UPDATE_FOLLOWING_CANCEL: "orderUpdateError",
    Problem.BAD_STITCH: "orderUpdateError",
    Problem.NO_ROUTE_TO_TARGET: "noRouteError",
    Problem.START_NODE_OUT_OF_RANGE: "noRouteError",
    Problem.NO_ORDER_TO_CANCEL: "noOrderToCancel",
    Problem.INVALID_INSTANT_ACTION: "instantActionError",
    Problem.ACTION_FAILED: "actionError",
    Problem.PATH_BLOCKED: "pathBlocked",
    Problem.BATTERY_LOW: "batteryLow",
    Problem.BATTERY_EMPTY: "batteryEmpty",
    Problem.NEEDS_SERVICE: "needsService",
    Problem.DEFECT: "defect",
}
"""2.1 names only few of them; the others are an orderError."""

LEVELS: dict[Problem, Level] = {
    Problem.UNSUPPORTED_PARAMETER: Level.CRITICAL,
    Problem.INSUFFICIENT_MEMORY: Level.URGENT,
    Problem.ACTION_FAILED: Level.CRITICAL,
    Problem.PATH_BLOCKED: Level.URGENT,
    Problem.BATTERY_LOW: Level.URGENT,
    Problem.BATTERY_EMPTY: Level.FATAL,
    Problem.DEFECT: Level.FATAL,
}
"""In 3.0; the others are warnings."""

ENDS: dict[Problem, Until] = {
    Problem.INVALID_INSTANT_ACTION: Until.INSTANT,
    Problem.MOBILE_ROBOT_NOT_AVAILABLE: Until.OVER,
    Problem.PATH_BLOCKED: Until.OVER,
    Problem.BATTERY_LOW: Until.OVER,
    Problem.BATTERY_EMPTY: Until.OVER,
    Problem.NEEDS_SERVICE: Until.OVER,
    Problem.DEFECT: Until.OVER,
}
"""The others last until a new order is accepted."""

References = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error as it is reported."""

    problem: Problem
    says: str
    about: References = ()

    @property
    def level(self) -> Level:
        return LEVELS.get(self.problem, Level.WARNING)

    @property
    def until(self) -> Until:
        return ENDS.get(self.problem, Until.ORDER)


class Refused(Exception):
    """An order or an instant action that is not taken; `complaint` says why."""

    def __init__(self, problem: Problem, says: str, *about: tuple[str, str]) -> None:
        super().__init__(says)
        self.complaint = Complaint(problem, says, about)
