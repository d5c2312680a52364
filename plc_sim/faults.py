"""Everything that can go wrong at will, one row a fault: what it fits, its arguments, how it begins and how it ends.

Another room adds its own rows with `register` (the vehicle simulator does), and its own targets with `Troubles.add`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

from plc_sim.codes import Cmd, Scan, State
from plc_sim.conveyor import Conveyor
from plc_sim.program import Program
from plc_sim.robot import Robot
from plc_sim.scanner import MISREADS_MAX, ScannerProgram
from plc_sim.sorter import Sorter

DAY_MS = 86_400_000
ESTOP_ZONES = 15
REPLY_MAX_MS = 60_000
PERSON = "person"
"""Who mends things."""
PLC = ("conveyor", "sorter", "robot")
SCANNING = ("conveyor", "sorter")
Given = Mapping[str, int | str]
T = TypeVar("T")


class FaultRefused(Exception):
    """The fault cannot be had: says why, and what would be right."""


@dataclass(slots=True)
class Target:
    """Something a fault can befall: a machine with its PLC program and, on real sockets, its link."""

    name: str
    kind: str
    thing: object
    has_switch: Callable[[str], bool] = lambda switch: False
    """Whether its link has such a switch."""
    throw: Callable[..., None] = lambda switch, *given: None
    """Throw a switch of its link."""

    def of(self, kind: type[T]) -> T:
        """What it is."""
        if not isinstance(self.thing, kind):
            raise FaultRefused(f"{self.name} is a {self.kind}")
        return self.thing


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument; one without limits is a word. `draw` is how a seed chooses it."""

    name: str
    says: str
    default: int | str
    low: int = 0
    high: int = 0
    draw: Callable[[Target, Random], int] | None = None


Act = Callable[[Target, Given], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row."""

    name: str
    fits: tuple[str, ...]
    """Kinds of target."""
    says: str
    begin: Act
    end: Act | None = None
    """None: it is over as soon as it has begun."""
    args: tuple[Arg, ...] = ()
    lasts_s: int = 0
    """If nobody says how long; 0 = until it is ended by command."""
    drawn_s: tuple[int, int] | None = (5, 30)
    """From a seed it lasts between so long; None = never from a seed."""
    switches: tuple[str, ...] = ()
    """Switches the link of the target must have."""
    pending: Callable[[Target], int] | None = None
    """Befalls units to come: how many of a target still have it before them. A seed has one such fault at a time."""


FAULTS: dict[str, Fault] = {}


def register(*faults: Fault) -> None:
    """Add rows to the table; a row of the same name is replaced."""
    for fault in faults:
        FAULTS[fault.name] = fault


def _number(given: Given, name: str) -> int:
    return int(given[name])


# Units


def _lane_of(target: Target, given: Given) -> int:
    lane = _number(given, "lane")
    if lane not in target.of(Sorter).loop.lanes:
        raise FaultRefused(f"{target.name} has no lane {lane}; it has {min(target.of(Sorter).loop.lanes)} and others")
    return lane


def _place_of(target: Target, given: Given) -> int:
    """Lane of a sorter, or zone of a conveyor counted from 0."""
    place = _number(given, "place")
    if isinstance(target.thing, Sorter):
        return _lane_of(target, {"lane": place})
    zones = len(target.of(Conveyor).line.zones)
    if place > zones:
        raise FaultRefused(f"{target.name} has {zones} zones, no zone {place}")
    return place - 1


def _any_place(target: Target, rng: Random) -> int:
    if isinstance(target.thing, Sorter):
        return rng.choice(sorted(target.thing.loop.lanes))
    return rng.randint(1, len(target.of(Conveyor).line.zones))


def _jam(target: Target, given: Given) -> None:
    place = _place_of(target, given)
    if isinstance(target.thing, Sorter):
        target.thing.lanes.jam(place)
    else:
        target.of(Conveyor).jam(place)


def _free(target: Target, given: Given) -> None:
    """A person pulls the unit out and presses the reset button there."""
    place = _place_of(target, given)
    if isinstance(target.thing, Sorter):
        target.thing.lanes.free(place)
    else:
        target.of(Conveyor).free(place)
    if _number(given, "reset"):
        target.of(Program).command(Cmd.CLEAR_JAM, [_number(given, "place")])


def _misreads(target: Target) -> int:
    return len(target.of(ScannerProgram).misreads)


def _losses(target: Target) -> int:
    return target.of(Sorter).losses


def _misses(target: Target) -> int:
    return target.of(Sorter).misses


def _misread(scan: Scan, target: Target, given: Given) -> None:
    target.of(ScannerProgram).misreads.extend([scan] * _number(given, "count"))


def _scanner(target: Target, given: Given, *, down: bool) -> None:
    program = target.of(ScannerProgram)
    program.scanner_down = down
    program.show_bits()


def _lane_full(target: Target, given: Given, *, full: bool) -> None:
    lane = target.of(Sorter).loop.lanes[_lane_of(target, given)]
    lane.eye_stuck = full
    lane.changed()


def _lose(target: Target, given: Given) -> None:
    target.of(Sorter).losses = _number(given, "count")


def _miss(target: Target, given: Given) -> None:
    target.of(Sorter).misses = _number(given, "count")


# Machines


def _trip(target: Target, given: Given) -> None:
    target.of(Program).trip(_number(given, "zone"))


def _release(target: Target, given: Given) -> None:
    """The button is pulled out; a person resets the chain and starts the machine at the panel, or nobody does."""
    program = target.of(Program)
    program.release_estop(_number(given, "zone"))
    if _number(given, "reset") and program.panel_reset():
        program.start_at_panel()


def _panel_reset(target: Target, given: Given) -> None:
    if not target.of(Program).panel_reset():
        raise FaultRefused(f"an e-stop of {target.name} is still pressed; end that fault first")


def _slow(target: Target, given: Given) -> None:
    target.of(Robot).pace(_number(given, "percent"))


def _quick(target: Target, given: Given) -> None:
    target.of(Robot).pace(100)


def _drop_part(target: Target, given: Given) -> None:
    robot = target.of(Robot)
    robot.drop_next = not robot.lose_part()


def _pick_up(target: Target, given: Given) -> None:
    """A person puts the part back and, unless the WCS is away, presses Unhold."""
    robot = target.of(Robot)
    robot.drop_next = False
    if robot.part_lost:
        robot.pick_up(PERSON)
        if robot.state is State.HELD and not robot.fallback:
            robot.command(Cmd.UNHOLD)


def _power_cut(target: Target, given: Given) -> None:
    if target.has_switch("stop"):
        target.throw("stop")
    target.of(Program).restart()


def _power_back(target: Target, given: Given) -> None:
    if target.has_switch("start"):
        target.throw("start")


def _without_node(target: Target, given: Given) -> None:
    """The PLC restarts with a program in which a tag is missing."""
    tag = str(given["tag"]) or ("JobSeqDone" if target.kind == "robot" else "ReqSeqLast")
    target.throw("drop_nodes", [tag])
    target.of(Program).restart()


def _with_node(target: Target, given: Given) -> None:
    target.throw("drop_nodes", [])


def _jump(target: Target, given: Given) -> None:
    target.of(Program).jump_clock(_number(given, "ms"))


# Links


def _still(switch: str, target: Target, given: Given, *, on: bool) -> None:
    target.throw(switch, on)


def _plain(switch: str, target: Target, given: Given) -> None:
    target.throw(switch)


def _lose_replies(target: Target, given: Given) -> None:
    target.throw("lose_replies", _number(given, "count"))


def _delay(target: Target, given: Given) -> None:
    target.throw("delay_replies", _number(given, "ms"))


def _no_delay(target: Target, given: Given) -> None:
    target.throw("delay_replies", 0)


COUNT = Arg("count", "so many", 1, 1, MISREADS_MAX, lambda target, rng: rng.randint(1, 3))
RESET = Arg("reset", "1 = a person resets it at the end (and starts the machine), 0 = nobody does", 1, 0, 1)
LANE = Arg("lane", "lane", 1, 1, 32, _any_place)
PLACE = Arg("place", "lane of a sorter, zone of a conveyor", 1, 1, 99, _any_place)
ZONE = Arg("zone", "e-stop zone", 1, 0, ESTOP_ZONES, lambda target, rng: rng.randint(0, 3))

register(
    Fault(name="jam", fits=SCANNING, says="a unit is wedged", begin=_jam, end=_free, args=(PLACE, RESET)),
    Fault(
        name="estop", fits=PLC, says="an e-stop is pressed; commands cannot reset it", begin=_trip, end=_release,
        args=(ZONE, RESET),
    ),
    Fault(
        name="panel_reset", fits=PLC, says="a person resets the e-stop chain at the panel", begin=_panel_reset,
        drawn_s=None,
    ),
    Fault(
        name="no_read", fits=SCANNING, says="the next units cannot be read", begin=partial(_misread, Scan.NO_READ),
        args=(COUNT,), pending=_misreads,
    ),
    Fault(
        name="multi_read", fits=SCANNING, says="two codes on the next units", begin=partial(_misread, Scan.MULTI_READ),
        args=(COUNT,), pending=_misreads,
    ),
    Fault(
        name="scanner_down", fits=SCANNING, says="the scanner is dead", begin=partial(_scanner, down=True),
        end=partial(_scanner, down=False),
    ),
    Fault(
        name="lane_full", fits=("sorter",), says="the full eye of a lane is blocked", args=(LANE,),
        begin=partial(_lane_full, full=True), end=partial(_lane_full, full=False),
    ),
    Fault(
        name="lost_item", fits=("sorter",), says="the next units fall off", begin=_lose, args=(COUNT,),
        pending=_losses,
    ),
    Fault(
        name="missed_divert", fits=("sorter",), says="the next diverts do not act", begin=_miss, args=(COUNT,),
        pending=_misses,
    ),
    Fault(
        name="slow_arm", fits=("robot",), says="the arm moves slowly", begin=_slow, end=_quick,
        args=(Arg("percent", "% of its speed", 30, 1, 99, lambda target, rng: rng.randint(10, 60)),),
    ),
    Fault(
        name="part_lost", fits=("robot",), says="the part in the gripper falls, or the next one does",
        begin=_drop_part, end=_pick_up,
    ),
    Fault(
        name="plc_restart", fits=PLC, says="the PLC loses power; nobody can connect until it is back, with a new boot",
        begin=_power_cut, end=_power_back, lasts_s=3, drawn_s=(1, 5),
    ),
    Fault(
        name="missing_node", fits=PLC, says="the PLC comes back with a new boot and without a tag",
        begin=_without_node, end=_with_node, args=(Arg("tag", "its name; default by machine", ""),),
        switches=("drop_nodes",),
    ),
    Fault(
        name="clock_jump", fits=PLC, says="the PLC's clock is set", begin=_jump,
        args=(Arg("ms", "ms forward", 3_600_000, -DAY_MS, DAY_MS, lambda target, rng: rng.randint(-DAY_MS, DAY_MS)),),
    ),
    Fault(
        name="lost_reply", fits=PLC, says="the next writes are done and not answered", begin=_lose_replies,
        args=(COUNT,), switches=("lose_replies",),
    ),
    Fault(
        name="delayed_reply", fits=PLC, says="every answer comes late", begin=_delay,
        end=_no_delay,
        args=(Arg("ms", "ms late", 400, 1, REPLY_MAX_MS, lambda target, rng: rng.randint(50, 1500)),),
        drawn_s=(2, 10), switches=("delay_replies",),
    ),
    Fault(
        name="half_open", fits=PLC, says="connections stand and nothing is answered",
        begin=partial(_still, "freeze", on=True), end=partial(_still, "freeze", on=False), drawn_s=(1, 10),
        switches=("freeze",),
    ),
    Fault(
        name="hung", fits=PLC, says="connections stand, nothing is read or answered, and all of it is done afterwards",
        begin=partial(_still, "hang", on=True), end=partial(_still, "hang", on=False), drawn_s=(1, 10),
        switches=("hang",),
    ),
    Fault(
        name="refused", fits=PLC, says="nobody can connect", begin=partial(_plain, "stop"),
        end=partial(_plain, "start"), drawn_s=(1, 10), switches=("stop", "start"),
    ),
    Fault(
        name="reset_link", fits=PLC, says="every connection is broken off with a TCP reset",
        begin=partial(_plain, "reset"), switches=("reset",),
    ),
)  # fmt: skip
