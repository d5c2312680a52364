"""What can go wrong with a vehicle at will: its rows in the table of faults."""

from collections.abc import Callable

from plc_sim.faults import Arg, Fault, FaultRefused, Given, Target, register
from plc_sim.vehicle import TAKES_ORDERS, Vehicle
from plc_sim.vehicle_errors import Complaint, Problem

KIND = ("vehicle",)
COUNT_MAX = 20
LATE_MAX_MS = 60_000


def _complain(problem: Problem) -> Callable[[Target, Given], None]:
    def begin(target: Target, given: Given) -> None:
        target.of(Vehicle).complain(Complaint(problem, str(given["text"])))

    return begin


def _settle(problem: Problem) -> Callable[[Target, Given], None]:
    def end(target: Target, given: Given) -> None:
        target.of(Vehicle).settle(problem)

    return end


def _mode(target: Target, given: Given) -> None:
    vehicle, mode, node = target.of(Vehicle), str(given["mode"]), str(given["node"])
    if node and node not in vehicle.track.spots:
        raise FaultRefused(f"no node {node!r} is on the map of {target.name}")
    if mode == "AUTOMATIC" or mode not in vehicle.dialect.modes:
        others = ", ".join(name for name in vehicle.dialect.modes if name != "AUTOMATIC")
        raise FaultRefused(f"{target.name} has no mode {mode!r} beside AUTOMATIC; it has {others}")
    vehicle.set_mode(mode)


def _automatic(target: Target, given: Given) -> None:
    """A person drives it to a node, unless it stands at one or goes on by itself, and turns the key back."""
    vehicle = target.of(Vehicle)
    gave_up = vehicle.mode not in TAKES_ORDERS
    vehicle.set_mode("AUTOMATIC")
    node = str(given["node"])
    if gave_up and node:
        vehicle.stand_at(vehicle.track.spots[node])


def _low(target: Target, given: Given) -> None:
    vehicle = target.of(Vehicle)
    vehicle.body.percent = float(given["percent"])
    vehicle.stir()


def _late(target: Target, given: Given) -> None:
    target.of(Vehicle).voice.late_ms = int(given["ms"])


def _in_time(target: Target, given: Given) -> None:
    target.of(Vehicle).voice.late_ms = 0


def _mute(target: Target, given: Given) -> None:
    target.of(Vehicle).voice.mute = True


def _heard(target: Target, given: Given) -> None:
    voice = target.of(Vehicle).voice
    voice.mute = False
    voice.changed()


def _twice(target: Target, given: Given) -> None:
    target.of(Vehicle).voice.twice = int(given["count"])


def _stale(target: Target, given: Given) -> None:
    target.of(Vehicle).voice.stale = int(given["count"])


def _failing(target: Target, given: Given) -> None:
    target.of(Vehicle).failing = int(given["count"])


def _working(target: Target, given: Given) -> None:
    target.of(Vehicle).failing = 0


def _cut(target: Target, given: Given) -> None:
    target.throw("cut")


def _mend(target: Target, given: Given) -> None:
    target.throw("mend")


def _power_cut(target: Target, given: Given) -> None:
    if target.has_switch("cut"):
        target.throw("cut")
    target.of(Vehicle).restart()


def _power_back(target: Target, given: Given) -> None:
    if target.has_switch("mend"):
        target.throw("mend")


COUNT = Arg("count", "so many", 1, 1, COUNT_MAX, lambda target, rng: rng.randint(1, 5))

register(
    Fault(
        name="vehicle_warning", fits=KIND, says="it reports a warning and drives on",
        begin=_complain(Problem.NEEDS_SERVICE), end=_settle(Problem.NEEDS_SERVICE),
        args=(Arg("text", "what is wrong", "service is due"),),
    ),
    Fault(
        name="vehicle_error", fits=KIND, says="it reports a fatal error and stands",
        begin=_complain(Problem.DEFECT), end=_settle(Problem.DEFECT),
        args=(Arg("text", "what is wrong", "drive fault"),),
    ),
    Fault(
        name="vehicle_offline", fits=KIND, says="its radio is dead: the broker tells its last will; it goes on as told",
        begin=_cut, end=_mend, switches=("cut", "mend"),
    ),
    Fault(
        name="vehicle_mute", fits=KIND, says="it is connected and says nothing", begin=_mute, end=_heard,
        drawn_s=(40, 90),
    ),
    Fault(
        name="vehicle_restart", fits=KIND, says="it loses power and comes back without its order, with a new boot",
        begin=_power_cut, end=_power_back, lasts_s=3, drawn_s=(1, 5),
    ),
    Fault(
        name="blocked", fits=KIND, says="something stands in its way", begin=lambda t, g: t.of(Vehicle).block(on=True),
        end=lambda t, g: t.of(Vehicle).block(on=False),
    ),
    Fault(
        name="vehicle_estop", fits=KIND, says="its e-stop is pressed",
        begin=lambda t, g: t.of(Vehicle).press_estop(on=True), end=lambda t, g: t.of(Vehicle).press_estop(on=False),
    ),
    Fault(
        name="manual", fits=KIND, says="a person takes it over; its order is gone, and it is at a node at the end",
        begin=_mode, end=_automatic,
        args=(
            Arg("mode", "operating mode", "MANUAL"),
            Arg("node", "where it is driven to; the node it passed last if empty", ""),
        ),
    ),
    Fault(
        name="low_battery", fits=KIND, says="its battery is nearly empty", begin=_low,
        args=(Arg("percent", "% left", 10, 0, 99, lambda target, rng: rng.randint(5, 30)),),
    ),
    Fault(
        name="failed_action", fits=KIND, says="its next picks or drops fail", begin=_failing, end=_working,
        args=(COUNT,), drawn_s=(20, 120),
    ),
    Fault(
        name="late_state", fits=KIND, says="every state comes late", begin=_late, end=_in_time,
        args=(Arg("ms", "ms late", 2000, 1, LATE_MAX_MS, lambda target, rng: rng.randint(100, 5000)),),
    ),
    Fault(
        name="state_twice", fits=KIND, says="the next states come twice", begin=_twice, args=(COUNT,),
    ),
    Fault(
        name="stale_state", fits=KIND, says="after each of the next states the one before comes again", begin=_stale,
        args=(COUNT,),
    ),
)  # fmt: skip
