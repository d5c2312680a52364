"""What may happen to a handling unit: one table of (state, event, guard, next), and its picture."""

from enum import StrEnum

from edge.wms.state import UnitRecord, UnitState


class UnitEvent(StrEnum):
    FILLED = "filled"
    PICKS_ENDED = "picks_ended"
    CLOSED = "closed"
    ARRIVED = "arrived"
    MISSED = "missed"
    NOT_FOUND = "not_found"
    GIVEN_UP = "given_up"
    LOADED = "loaded"
    LEFT = "left"


IN_ITS_LANE = "in_its_lane"
"""Guard: the place it came to rest is a lane of its route."""
DOORS_OPEN = "doors_open"
"""Guard: its present departure has not closed."""

MOVES: tuple[tuple[UnitState, UnitEvent, str, UnitState], ...] = (
    (UnitState.PLANNED, UnitEvent.FILLED, "", UnitState.OPEN),
    (UnitState.PLANNED, UnitEvent.PICKS_ENDED, "", UnitState.VOIDED),
    (UnitState.OPEN, UnitEvent.FILLED, "", UnitState.OPEN),
    (UnitState.OPEN, UnitEvent.PICKS_ENDED, "", UnitState.PACKING),
    (UnitState.PACKING, UnitEvent.FILLED, "", UnitState.PACKING),
    (UnitState.PACKING, UnitEvent.CLOSED, "", UnitState.PACKED),
    (UnitState.PACKED, UnitEvent.ARRIVED, IN_ITS_LANE, UnitState.STAGED),
    (UnitState.PACKED, UnitEvent.ARRIVED, "", UnitState.ASTRAY),
    (UnitState.PACKED, UnitEvent.MISSED, "", UnitState.ASTRAY),
    (UnitState.ASTRAY, UnitEvent.ARRIVED, IN_ITS_LANE, UnitState.STAGED),
    (UnitState.ASTRAY, UnitEvent.ARRIVED, "", UnitState.ASTRAY),
    (UnitState.ASTRAY, UnitEvent.MISSED, "", UnitState.ASTRAY),
    (UnitState.ASTRAY, UnitEvent.GIVEN_UP, "", UnitState.VOIDED),
    (UnitState.STAGED, UnitEvent.LOADED, DOORS_OPEN, UnitState.LOADED),
    (UnitState.STAGED, UnitEvent.NOT_FOUND, "", UnitState.ASTRAY),
    (UnitState.LOADED, UnitEvent.LEFT, "", UnitState.SHIPPED),
)
"""All legal moves. The first row whose guard holds ("" always does) wins; no row means it did not happen."""

ENDED = (UnitState.SHIPPED, UnitState.VOIDED)
ON_ITS_WAY = (UnitState.PACKED, UnitState.ASTRAY, UnitState.STAGED)

_ROWS: dict[tuple[UnitState, UnitEvent], list[tuple[str, UnitState]]] = {}
for _state, _event, _guard, _next in MOVES:
    _ROWS.setdefault((_state, _event), []).append((_guard, _next))


def advance(unit: UnitRecord, event: UnitEvent, guard: str = "") -> bool:
    """Move the unit on; `guard` names the guard that holds. False if the table has no such move."""
    for wanted, state in _ROWS.get((unit.state, event), ()):
        if wanted in {"", guard}:
            unit.state = state
            return True
    return False


def diagram() -> str:
    """The table as a mermaid state diagram."""
    rows = [
        f"    {state} --> {target}: {event}" + (f" [{guard}]" if guard else "") for state, event, guard, target in MOVES
    ]
    ends = [f"    {state} --> [*]" for state in ENDED]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {UnitState.PLANNED}", *rows, *ends])
