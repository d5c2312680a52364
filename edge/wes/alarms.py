"""Alarms after ISA-18.2: raised once, cleared when their cause is gone, acknowledged by name."""

from edge.messages import AlarmAcknowledged, AlarmCleared, AlarmRaised, EventSetAside, PeerChanged
from edge.wes.floor import Floor
from edge.wes.state import AlarmRecord

ALARMS_MAX = 1000
"""Active alarms; more are counted, not shown."""
URGENT = 1
HIGH = 2
MEDIUM = 3


def raise_alarm(
    floor: Floor,
    alarm_id: str,
    priority: int,
    text: str,
    action: str,
    *,
    clear_at_ms: int = 0,
    ack_clears: bool = False,
) -> None:
    """Say it once; a cause that comes again only prolongs it. `alarm_id` is `<source>:<name>`."""
    known = floor.state.alarms.get(alarm_id)
    if known is not None:
        known.clear_at_ms = max(known.clear_at_ms, clear_at_ms)
        return
    if len(floor.state.alarms) >= ALARMS_MAX:
        floor.state.alarms_dropped += 1
        return
    source = alarm_id.partition(":")[0]
    raised = AlarmRaised(
        at_ms=floor.now_ms, alarm_id=alarm_id, source=source, priority=priority, text=text, action=action
    )
    floor.state.alarms[alarm_id] = AlarmRecord(raised=raised, clear_at_ms=clear_at_ms, ack_clears=ack_clears)
    floor.say(raised)


def clear_alarm(floor: Floor, alarm_id: str) -> None:
    if floor.state.alarms.pop(alarm_id, None) is not None:
        floor.say(AlarmCleared(at_ms=floor.now_ms, alarm_id=alarm_id))


def acknowledge(floor: Floor, message: AlarmAcknowledged) -> None:
    known = floor.state.alarms.get(message.alarm_id)
    if known is None:
        return
    known.acknowledged_by = message.by
    if known.ack_clears:
        clear_alarm(floor, message.alarm_id)


def expire(floor: Floor) -> None:
    """Clear the alarms whose time is over."""
    due = [key for key, alarm in floor.state.alarms.items() if 0 < alarm.clear_at_ms <= floor.now_ms]
    for alarm_id in due:
        clear_alarm(floor, alarm_id)


def next_ms(floor: Floor) -> int | None:
    return min((alarm.clear_at_ms for alarm in floor.state.alarms.values() if alarm.clear_at_ms), default=None)


def event_set_aside(floor: Floor, message: EventSetAside) -> None:
    raise_alarm(
        floor,
        f"runtime:set_aside_{message.kind}",
        URGENT,
        f"An event of kind {message.kind} ended the process and was set aside: {message.error}",
        "Compare stock and machines with what the event says; `edge aside --release` lets it be tried again",
        ack_clears=True,
    )


def peer_changed(floor: Floor, message: PeerChanged) -> None:
    alarm_id = f"{message.peer}:offline"
    if message.online:
        clear_alarm(floor, alarm_id)
        return
    raise_alarm(
        floor,
        alarm_id,
        MEDIUM,
        f"No connection to {message.peer}",
        "Released work goes on; check the network and the broker",
    )
