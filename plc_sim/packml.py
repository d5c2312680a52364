"""The PackML states of a machine as one table (ISA-TR88.00.02): (state, command) to acting state to settled state."""

from plc_sim.codes import Cmd, State

HORN_MS = 5000
"""Nothing moves before the horn has sounded this long; `sim.horn_ms` of a machine says otherwise."""

_STOPPABLE = (
    State.STARTING,
    State.IDLE,
    State.SUSPENDED,
    State.EXECUTE,
    State.HOLDING,
    State.HELD,
    State.UNHOLDING,
    State.SUSPENDING,
    State.UNSUSPENDING,
    State.RESETTING,
    State.COMPLETING,
    State.COMPLETE,
)

TABLE: dict[tuple[State, Cmd], State] = {
    (State.STOPPED, Cmd.RESET): State.RESETTING,
    (State.COMPLETE, Cmd.RESET): State.RESETTING,
    (State.IDLE, Cmd.START): State.STARTING,
    (State.EXECUTE, Cmd.HOLD): State.HOLDING,
    (State.HELD, Cmd.UNHOLD): State.UNHOLDING,
    (State.EXECUTE, Cmd.SUSPEND): State.SUSPENDING,
    (State.SUSPENDED, Cmd.UNSUSPEND): State.UNSUSPENDING,
    (State.EXECUTE, Cmd.TO_COMPLETE): State.COMPLETING,
    (State.ABORTED, Cmd.CLEAR): State.CLEARING,
    **{(state, Cmd.STOP): State.STOPPING for state in _STOPPABLE},
    **{(state, Cmd.ABORT): State.ABORTING for state in (*_STOPPABLE, State.STOPPED, State.STOPPING, State.CLEARING)},
}

SETTLES: dict[State, tuple[State, int]] = {
    State.RESETTING: (State.IDLE, 500),
    State.STARTING: (State.EXECUTE, HORN_MS),
    State.STOPPING: (State.STOPPED, 300),
    State.HOLDING: (State.HELD, 200),
    State.UNHOLDING: (State.EXECUTE, HORN_MS),
    State.SUSPENDING: (State.SUSPENDED, 200),
    State.UNSUSPENDING: (State.EXECUTE, HORN_MS),
    State.COMPLETING: (State.COMPLETE, 200),
    State.ABORTING: (State.ABORTED, 100),
    State.CLEARING: (State.STOPPED, 200),
}
"""Acting state -> (final state, wall milliseconds; those of the horn are the machine's own)."""

HORN = (State.STARTING, State.UNHOLDING, State.UNSUSPENDING)
"""The horn sounds in these."""
MOVING = (*HORN, State.EXECUTE, State.COMPLETING)
"""The machine moves in these, or is about to."""
ARMING = (Cmd.CLEAR, Cmd.RESET, Cmd.START, Cmd.UNHOLD, Cmd.UNSUSPEND)
"""Commands on the way to motion: an open e-stop chain refuses them."""
