"""The box against the simulated vehicles over a real broker: every unit arrives, and nobody meets anybody on the way.

What the vehicles did is taken from their actuation log, never from what the box believes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.messages import AlarmRaised, Message, UnitArrived, UnitStaged
from edge.settings import FleetSettings, SiteSettings, VehicleSettings, read_site
from edge.settings.fleet_checks import check_fleet
from plc_sim.actuations import Actuation, Did, read_actuations
from plc_sim.floor import Floor
from plc_sim.options import Options
from plc_sim.vehicles import Fleet
from tests.test_fleet_wall import Box, carried
from tests.test_systems import order
from tests.uplink.conftest import Mosquitto, mosquitto

__all__ = ["mosquitto"]
pytestmark = pytest.mark.mosquitto
SPEED = 20
LANES = 14
VEHICLES = 4
CONFIG = Path(__file__).parents[1] / "config" / "site.yaml"


def layout(kind: str) -> dict[str, Any]:
    """Bays at the sorter's lanes, homes opposite; the road between them a one-way ring, or a street for both ways."""
    roads = [f"R{n:02}" for n in range(1, LANES + 1)]
    nodes = [{"node_id": name, "x_mm": 10_000 + 2000 * i, "y_mm": -24_000} for i, name in enumerate(roads)]
    nodes += [{"node_id": f"S{n:02}", "x_mm": 8000 + 2000 * n, "y_mm": -22_000} for n in range(1, LANES + 1)]
    nodes += [{"node_id": f"H{n}", "x_mm": 6000 + 6000 * n, "y_mm": -26_000} for n in range(1, VEHICLES + 1)]
    ways = [(f"R{n:02}", f"S{n:02}") for n in range(1, LANES + 1)]
    ways += [(f"R{3 * n - 1:02}", f"H{n}") for n in range(1, VEHICLES + 1)]
    if kind == "ring":
        nodes += [{"node_id": f"B{n}", "x_mm": x, "y_mm": -28_000} for n, x in ((1, 36_000), (2, 10_000))]
        one_way = [*pairwise(roads), (roads[-1], "B1"), ("B1", "B2"), ("B2", roads[0])]
    else:
        one_way = []
        ways += pairwise(roads)
    ends = one_way + ways + [(b, a) for a, b in ways]
    return {
        "nodes": nodes,
        "edges": [{"edge_id": f"{a}-{b}", "start": a, "end": b} for a, b in ends],
        "stations": [{"location": f"sorter1/L{n:02}", "nodes": [f"S{n:02}"]} for n in range(1, LANES + 1)],
        "handling_ms": 4000,
    }


def site_of(kind: str, url: str) -> SiteSettings:
    """The default site with vehicles of both versions."""
    fleet = FleetSettings.model_validate({"broker": {"url": url}, **layout(kind)})
    vehicles = tuple(
        VehicleSettings(
            vehicle_id=f"agv{n}", manufacturer="acme", serial=str(n), version=("2.1", "3.0")[n % 2], home=f"H{n}",
            speed_mm_s=1500,
        )
        for n in range(1, VEHICLES + 1)
    )  # fmt: skip
    site = read_site(CONFIG).model_copy(update={"fleet": fleet, "vehicles": vehicles})
    assert list(check_fleet(site)) == []
    return site


class LiveBox(Box):
    """Units that the box hears of are on the simulated floor."""

    def __init__(self, site: SiteSettings, astray: int, floor: Floor) -> None:
        super().__init__(site, astray)
        self.floor = floor

    async def report(self, event: Message) -> Sequence[Message]:
        before = len(self.rows)
        answer = await super().report(event)
        for _, _, outputs in self.rows[before:]:
            for message in outputs:
                if isinstance(message, UnitArrived) and message.hu_id not in self.floor.world.plant.units:
                    self.floor.world.plant.bring(message.hu_id, message.location)
        return answer


@contextlib.asynccontextmanager
async def live(kind: str, broker: Mosquitto, log: Path, astray: int) -> AsyncIterator[LiveBox]:
    site = site_of(kind, broker.url)
    floor = Floor(site, Options(actuations=log, speed=SPEED))
    box = LiveBox(site, astray, floor)
    await box.start()
    async with floor.logging(log), asyncio.TaskGroup() as group:
        fleet = Fleet(site, floor, SPEED, log)
        tasks = [*fleet.tasks(group), group.create_task(floor.run()), group.create_task(floor.throw_switches())]
        async with box.open():
            people = 3
            await box.until(lambda: len(box.systems.wes.floor.state.resources) == people + VEHICLES)  # type: ignore[union-attr]
            yield box
        for task in tasks:
            task.cancel()


def at_home(box: LiveBox) -> bool:
    return all(target.thing.status()["at"] == f"H{name[-1]}" for name, target in vehicles_of(box))  # type: ignore[attr-defined]


def vehicles_of(box: LiveBox) -> list[tuple[str, Any]]:
    return [(name, target) for name, target in box.floor.troubles.targets.items() if target.kind == "vehicle"]


def alone_everywhere(site: SiteSettings, log: list[Actuation]) -> int:
    """How many nodes and lanes were entered, none while another vehicle was on it, whichever way it went."""
    assert site.fleet is not None
    lanes = {edge.edge_id: "=".join(sorted((edge.start, edge.end))) for edge in site.fleet.edges}
    on: dict[str, str] = {}
    entered = 0
    for line in log:
        spot = lanes.get(line.spot, line.spot)
        if line.did is Did.ENTERED:
            assert on.get(spot, line.by) == line.by, f"{line.by} meets {on[spot]} at {spot}, {line.at_ms}"
            on[spot] = line.by
            entered += 1
        elif line.did is Did.LEFT and on.get(spot) == line.by:
            del on[spot]
    return entered


def check_carried(box: LiveBox, log: Path, units: int) -> None:
    lines = list(read_actuations(log))
    assert alone_everywhere(box.hall.settings, lines) > 10 * units
    picked = [line for line in lines if line.did is Did.PICKED_UP]
    dropped = [line for line in lines if line.did is Did.PUT_DOWN]
    assert len({line.barcode for line in dropped}) == units
    assert sorted(line.barcode for line in picked) == sorted(line.barcode for line in dropped)
    staged = {each.hu_id: each.location for each in box.of(UnitStaged)}
    ends = {line.barcode: line.target for line in lines if line.did is Did.MOVED and line.by.startswith("agv")}
    assert {name: ends[name] for name in {line.barcode for line in dropped}} == staged


@pytest.mark.parametrize("kind", ["ring", "street"])
async def test_every_unit_arrives_and_nobody_meets_anybody(kind: str, tmp_path: Path, mosquitto: Mosquitto) -> None:
    log, units = tmp_path / "log.jsonl", 10
    async with live(kind, mosquitto, log, astray=units) as box:
        await box.release(*(order(f"O{n}", "UK-NORTH" if n % 2 else "EXPRESS", ("lamp", 1)) for n in range(units)))
        await box.until(lambda: len(carried(box)) == units, 90)
        await box.until(lambda: at_home(box))
    assert len({each.resource_id for each in carried(box)}) > 1
    assert [each.text for each in box.of(AlarmRaised) if each.alarm_id.startswith("agv")] == []
    check_carried(box, log, units)


TROUBLES: tuple[tuple[str, str, float | None], ...] = (
    ("agv1", "blocked", 3), ("agv2", "vehicle_offline", 3), ("agv3", "vehicle_estop", 3),
    ("agv4", "vehicle_warning", 3), ("agv1", "state_twice", None), ("agv2", "stale_state", None),
    ("agv3", "late_state", 2), ("agv4", "vehicle_error", 3), ("agv1", "manual", 3), ("agv2", "vehicle_restart", 2),
)  # fmt: skip


async def test_troubles_on_the_way_change_nothing_of_that(tmp_path: Path, mosquitto: Mosquitto) -> None:
    log, units = tmp_path / "log.jsonl", 10
    async with live("ring", mosquitto, log, astray=units) as box:
        await box.release(*(order(f"O{n}", "UK-NORTH" if n % 2 else "EXPRESS", ("lamp", 1)) for n in range(units)))
        for name, fault, seconds in TROUBLES:
            await asyncio.sleep(0.7)
            box.floor.troubles.begin(name, fault, {}, seconds)
        await box.until(lambda: len(carried(box)) == units, 90)
        await box.until(lambda: at_home(box))
    check_carried(box, log, units)
