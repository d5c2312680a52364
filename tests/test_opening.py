"""What a start tells the systems: the site in their words, the catalogue and the stock once, the days to come."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from edge import opening
from edge.journal import Journal, read_rows
from edge.messages import DeparturesPlanned, ItemsListed, Message, OfficeOpened, SiteOpened, StockOpened
from edge.recovery import Recovered
from edge.runtime import Runtime
from edge.settings import ConfigError, ProcessSettings, read_process
from tests.test_systems import DAY_MS, site

ROOT = Path(__file__).parents[1]
HOUR_MS = 3_600_000
ITEMS_CSV = "sku,description,volume_ml,weight_g,robot,skill\nlamp,Lamp,900,400,false,\nmug,Mug,400,300,false,\n"
STOCK_CSV = "sku,location,lot,expiry,quantity\nlamp,A-01-01-1,,,5\n"


def process(data: Path, **more: Any) -> ProcessSettings:
    fields: dict[str, Any] = {"schema": "edge/process/1", "name": "office", "systems": ("oms",), "data": data}
    return ProcessSettings(**(fields | more))


def messages(settings: ProcessSettings) -> list[Message]:
    return list(opening.opening_messages(settings, site(), 7))


def test_the_site_of_the_systems_says_what_the_file_says() -> None:
    settings, told = site(), opening.site_message(site())
    assert (told.site, told.timezone, told.sscc_prefix) == (settings.site, settings.timezone, settings.sscc_prefix)
    assert [rack.prefix for rack in told.racks] == [rack.prefix for rack in settings.racks]
    assert [zone.wip_max for zone in told.zones] == [zone.wip_max for zone in settings.zones]
    machines = {machine.machine_id: machine for machine in told.machines}
    assert list(machines) == [machine.machine_id for machine in settings.machines]
    assert machines["conveyor1"].feeds == "sorter1"
    assert (machines["sorter1"].hospital_lane, machines["sorter1"].default_lane) == (13, 14)
    assert machines["sorter1"].lanes[10].alternate_for == ("EU-CENTRAL",)


def test_each_composition_opens_what_it_runs(tmp_path: Path) -> None:
    plain = process(tmp_path, peers={"dc2": ("wms", "wes"), "dc1": ("wms", "wes")})
    [office] = messages(plain)
    assert isinstance(office, OfficeOpened)
    assert office.sites == ("dc2", "dc1"), "in the order of the settings"
    both = process(tmp_path, systems=("oms", "wms"), site="site.yaml", peers={"dc1": ("wes",)})
    assert [type(message) for message in messages(both)] == [OfficeOpened, SiteOpened]
    assert opening.sites_served(both) == ("dc1",)
    alone = process(tmp_path, name="dc1", systems=("oms", "wms", "wes"), site="site.yaml")
    assert opening.sites_served(alone) == ("dc1",)
    for systems, peers in ((("wms", "wes"), {"office": ("oms",)}), (("wes",), {"office": ("oms", "wms")})):
        box = process(tmp_path, name="dc1", systems=systems, site="site.yaml", peers=peers)
        assert [type(message) for message in messages(box)] == [SiteOpened]


def test_the_timetable_lays_out_the_days_to_come_and_moves_on_with_them() -> None:
    office = read_process(ROOT / "config" / "office.yaml")
    planned = opening.timetable_message(office, site(), DAY_MS)
    assert isinstance(planned, DeparturesPlanned)
    cutoffs = [departure.cutoff_ms for departure in planned.departures]
    assert len(planned.departures) >= len(office.departures)
    assert min(cutoffs) > DAY_MS
    assert {departure.site for departure in planned.departures} == {"dc1"}
    tomorrow = opening.timetable_message(office, site(), DAY_MS + 24 * HOUR_MS)
    assert tomorrow is not None
    known = {departure.departure_id: departure for departure in planned.departures}
    again = [departure for departure in tomorrow.departures if departure.departure_id in known]
    assert again
    assert all(known[departure.departure_id] == departure for departure in again), "the same name is the same lorry"
    assert len(again) < len(tomorrow.departures), "and new ones have come"


def test_dated_departures_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "departures.json"
    row = {"departure_id": "N1", "site": "dc1", "route": "r", "carrier": "c", "cutoff_ms": 9}
    path.write_text(json.dumps([row]))
    planned = opening.timetable_message(process(tmp_path, departures_file=path), None, 1)
    assert planned is not None
    assert [departure.departure_id for departure in planned.departures] == ["N1"]
    assert opening.timetable_message(process(tmp_path), None, 1) is None, "without a timetable there is nothing to say"
    path.write_text(json.dumps([row, row | {"cutoff_ms": "soon"}]))
    with pytest.raises(ConfigError, match=r"departures.json: 1.cutoff_ms: .*expected a JSON list of departures"):
        opening.read_departures(path)
    with pytest.raises(ConfigError, match=r"none.json: No such file.*give the path of an existing file"):
        opening.read_departures(tmp_path / "none.json")


def stocked(data: Path) -> ProcessSettings:
    (data / "items.csv").write_text(ITEMS_CSV)
    (data / "stock.csv").write_text(STOCK_CSV)
    return process(
        data, name="dc1", systems=("wms",), site="site.yaml",
        items_file=data / "items.csv", stock_file=data / "stock.csv",
    )  # fmt: skip


async def one_start(settings: ProcessSettings) -> list[str]:
    """What a start reports."""
    async with Journal(settings.data / "journal.db", settings.name) as journal:
        before = journal.last_n
        runtime = Runtime(settings, site(), journal)
        async with asyncio.TaskGroup() as group:
            life = group.create_task(runtime.run(Recovered()))
            async with asyncio.timeout(20):
                while not runtime.socket.exists():
                    await asyncio.sleep(0.01)
            life.cancel()
        return [row.kind for row in await journal.rows(before)]


async def test_catalogue_and_stock_are_reported_once_and_again_when_their_file_changed(tmp_path: Path) -> None:
    settings = stocked(tmp_path)
    assert await one_start(settings) == ["SiteOpened", "ItemsListed", "StockOpened"]
    assert await one_start(settings) == ["SiteOpened"]
    (tmp_path / "items.csv").write_text(ITEMS_CSV + "clip,Clip,10,5,true,\n")
    assert await one_start(settings) == ["SiteOpened", "ItemsListed"]
    stock = next(row for row in read_rows(tmp_path / "journal.db") if row.kind == "StockOpened").message()
    assert isinstance(stock, StockOpened)
    assert [(line.sku, line.location, line.quantity) for line in stock.lines] == [("lamp", "A-01-01-1", 5)]


def test_a_digest_follows_the_content_not_the_time(tmp_path: Path) -> None:
    settings = stocked(tmp_path)
    first, later = (dict(opening.first_messages(settings, site(), at_ms)) for at_ms in (1, 2))
    assert list(first) == list(later)
    assert [type(message) for message in first.values()] == [ItemsListed, StockOpened]
    (tmp_path / "stock.csv").write_text(STOCK_CSV.replace(",5", ",6"))
    changed = dict(opening.first_messages(settings, site(), 1))
    assert [digest in first for digest in changed] == [True, False]
