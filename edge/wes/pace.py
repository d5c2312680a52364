"""Work that has become slower or faster than it was: an alarm as long as the change is new."""

from edge.wes.alarms import MEDIUM, clear_alarm, raise_alarm
from edge.wes.floor import Floor

PREFIX = "pace:"


def watch(floor: Floor) -> None:
    """Keep the alarms true to what the learnt times say; looks only after a task has taught something."""
    if not floor.pace_stale:
        return
    floor.pace_stale = False
    found = {f"{PREFIX}{kind}_{zone}": (kind, zone, percent) for kind, zone, _, percent in floor.times.drifted()}
    for alarm_id in [known for known in floor.state.alarms if known.startswith(PREFIX) and known not in found]:
        clear_alarm(floor, alarm_id)
    for alarm_id, (kind, zone, percent) in found.items():
        how = "longer" if percent > 0 else "less long"
        raise_alarm(
            floor,
            alarm_id,
            MEDIUM,
            f"{kind} in zone {zone} takes {abs(percent)} % {how} than it did",
            "Find out what has changed; forecasts and promises learn it by themselves",
        )
