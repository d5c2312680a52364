"""The default site as a world for tests, and a WCS that answers its requests without wires."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.settings import SiteSettings, read_site
from plc_sim.codes import Cmd, Decision, Sort, State
from plc_sim.conveyor import Conveyor
from plc_sim.events import Happening, Report, Request
from plc_sim.sorter import Sorter
from plc_sim.world import World

CONFIG = Path(__file__).parents[2] / "config" / "site.yaml"
SITE = read_site(CONFIG)
QUIET = {"no_read_per_mille": 0}
SORTER, CONVEYOR, ROBOT = "sorter1", "conveyor1", "robot1"
Answer = Callable[[Request], dict[str, int] | None]


def site_with(
    sim: Mapping[str, Mapping[str, Any]] | None = None, lanes: Mapping[int, int] | None = None
) -> SiteSettings:
    """The default site with other `sim` settings per machine and other lane capacities."""
    machines = []
    for machine in SITE.machines:
        update: dict[str, Any] = {"sim": {**machine.sim, **QUIET, **(sim or {}).get(machine.machine_id, {})}}
        if machine.lanes and lanes:
            update["lanes"] = tuple(
                lane.model_copy(update={"capacity": lanes.get(lane.lane, lane.capacity)}) for lane in machine.lanes
            )
        machines.append(machine.model_copy(update=update))
    return SITE.model_copy(update={"machines": tuple(machines)})


def world_of(site: SiteSettings | None = None, speed: int = 1, seed: int = 1, **more: Any) -> World:
    return World(site or site_with(), seed, speed, 1_000_000, more.pop("physical", {}), **more)


def started(world: World) -> World:
    """All machines in Execute, the WCS there."""
    world.host_online()
    for command in (Cmd.RESET, Cmd.START):
        for machine in world.machines.values():
            assert machine.command(command)[0] == 1
        world.advance(world.now_ms + 6000 * world.machines[SORTER].speed)
    assert all(machine.state is State.EXECUTE for machine in world.machines.values())
    world.drain()
    return world


def to_lane(lane: int, alternate: int = 0, max_recirc: int = 3) -> Answer:
    return lambda request: {"dest1": lane, "dest2": alternate, "code": Decision.ROUTE, "max_recirc": max_recirc}


LANE_1 = to_lane(1)


def run(
    world: World,
    for_ms: int,
    answer: Answer = LANE_1,
    *,
    acknowledge: bool = True,
    reports: bool = True,
) -> list[Happening]:
    """Let time pass; conveyors are told PASS, sorters what `answer` says (None: nothing); all that happened."""
    until = world.now_ms + for_ms
    happened: list[Happening] = []
    next_ms: int | None = world.now_ms
    while next_ms is not None and next_ms <= until:
        world.advance(next_ms)
        for each in world.drain():
            happened.append(each)
            machine = world.machines[each.machine_id] if isinstance(each, Request | Report) else None
            if isinstance(each, Request) and isinstance(machine, Sorter | Conveyor):
                said = answer(each) if isinstance(machine, Sorter) else {"code": Decision.PASS}
                if said is not None:
                    machine.decide(each.seq, each.tracking_id, **said)
                if acknowledge:
                    machine.acknowledge_request(each.seq)
            elif isinstance(each, Report) and isinstance(machine, Sorter | Conveyor) and reports:
                machine.acknowledge_report(each.seq)
        next_ms = world.next_at_ms
    world.advance(until)
    return happened


def reports_of(happened: list[Happening], machine_id: str = SORTER) -> list[Report]:
    return [each for each in happened if isinstance(each, Report) and each.machine_id == machine_id]


def requests_of(happened: list[Happening], machine_id: str = SORTER) -> list[Request]:
    return [each for each in happened if isinstance(each, Request) and each.machine_id == machine_id]


def sorted_once(world: World, barcode: str = "U1", for_ms: int = 120_000, answer: Answer = LANE_1) -> list[Report]:
    """One unit through conveyor and sorter; the sorter's reports."""
    assert world.plant.place(CONVEYOR, barcode)
    return reports_of(run(world, for_ms, answer))


def outcome(report: Report) -> tuple[Sort, Sort, int, int]:
    """Result, reason, lane, recirculations."""
    return Sort(report.result), Sort(report.reason), report.actual_lane, report.recirc_count
