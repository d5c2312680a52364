"""The stage of a demo: its day, its configuration with free ports, and the processes a real site runs."""

import fcntl
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.children import Child
from edge.codec import from_plain
from edge.intake.files import read_orders
from edge.intake.generate import generate_day
from edge.intake.mapping import read_mapping
from edge.intake.seed import Seed, seed_stock, write_seed
from edge.journal import read_rows
from edge.messages import Departure, OrderCaptured
from edge.settings import (
    BrokerSettings,
    ClockSettings,
    ConfigError,
    PageSettings,
    ProcessSettings,
    SiteSettings,
    read_process,
    read_site,
)
from edge.uplink.broker import free_port

PAGE_PORT = 8080
PAGE_PORTS = 20
"""How many ports from PAGE_PORT on are tried before any free one is taken."""
MINUTE_MS = 60_000
PROCESS_MS = 4 * MINUTE_MS
"""What the generated day of a demo allows from release to loaded."""
SPARE_DEPARTURES = 40
HORIZON_LEAST_MS = 2 * MINUTE_MS
ORDER_EVERY_MS = 5_000
"""Site time between two orders on average: about what the demo's people can do."""
LAST_CUTOFF_MS = 5 * MINUTE_MS
"""From the last order to the last planned cutoff."""
AHEAD_MS = 10_000
"""Real time between the start of the demo and its first order."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asks for; `data` is kept if it was named."""

    config: Path
    data: Path
    orders: int = 60
    orders_file: Path | None = None
    map_file: Path | None = None
    seed: int = 1
    speed: int = 1
    shortage_percent: float = 2.0
    people: int = 16
    until_done: bool = False
    time_limit_s: float = 3600.0
    wms_in_office: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """What happens from outside: orders, departures, the goods there are."""

    orders: tuple[OrderCaptured, ...]
    departures: tuple[Departure, ...]
    seed: Seed
    start_ms: int
    rejected_rows: int = 0


class Ports:
    """Free ports for one demo, none given twice; two demos that start together do not both take the same page port."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        self._claims: list[socket.socket] = []

    def any(self) -> int:
        """A free port."""
        while (port := free_port()) in self._given:
            continue
        self._given.add(port)
        return port

    def page(self) -> int:
        """The first free one from PAGE_PORT on, else any."""
        for port in range(PAGE_PORT, PAGE_PORT + PAGE_PORTS):
            if port not in self._given and free_port(port) == port and self._claim(port):
                self._given.add(port)
                return port
        return self.any()

    def _claim(self, port: int) -> bool:
        """A name in the kernel that one process can have, until it ends: the port itself is bound only later."""
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0edge-demo-page-{port}")
        except FileNotFoundError:
            claim.close()
            return True  # a system without such names
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


def plan_day(options: DemoOptions, site: SiteSettings, office: ProcessSettings, now_ms: int) -> Day:
    """The orders of the day, from a file or generated, with stock for them. Raises ConfigError."""
    shortage = options.shortage_percent / 100
    if options.orders_file is not None:
        assert options.map_file is not None
        intake = read_orders(options.orders_file, read_mapping(options.map_file), None)
        if not intake.orders:
            raise ConfigError(
                [f"{options.orders_file}: no order in it; see {options.map_file} and `edge orders import`"]
            )
        start_ms = intake.orders[0].at_ms - MINUTE_MS
        seed = seed_stock(intake.orders, site, shortage, options.seed, intake.items)
        return Day(intake.orders, (), seed, start_ms, len(intake.rejected))
    routes = sorted({route for machine in site.machines for lane in machine.lanes for route in lane.routes})
    first_ms = now_ms + AHEAD_MS * options.speed
    generated = generate_day(
        options.orders,
        options.seed,
        first_ms,
        site.site,
        routes,
        max(HORIZON_LEAST_MS, options.orders * ORDER_EVERY_MS),
        process_ms=LAST_CUTOFF_MS,
        spare=SPARE_DEPARTURES,
    )
    seed = seed_stock(generated.orders, site, shortage, options.seed, generated.items)
    return Day(generated.orders, generated.departures, seed, now_ms)


class Stage:
    """The configuration, data and addresses of one demo, under one directory."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self.site = read_site(options.config / "site.yaml")
        self.office = read_process(options.config / "office.yaml")
        self.box = read_process(options.config / "box.yaml")
        self.root = options.data
        self.config = self.root / "config"
        self._make_room()
        self.journals = (self.root / "office" / "journal.db", self.root / "box" / "journal.db")
        self.office_url = ""
        self.box_url = ""
        self.broker_name = ""
        self.ports = Ports()
        self.continues = False
        self.clock, self.day = self._continue() or self._begin()

    def _make_room(self) -> None:
        try:
            self.config.mkdir(parents=True, exist_ok=True)
            self._lock = (self.root / "demo.lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError([f"{self.root}: another demo runs there; end it, or give another --data"]) from error
        except OSError as error:
            raise ConfigError(
                [f"{self.root}: {error.strerror}; give --data a folder that can be written to"]
            ) from error

    def _begin(self) -> tuple[ClockSettings, Day]:
        now_ms = time.time_ns() // 1_000_000
        day = plan_day(self.options, self.site, self.office, now_ms)
        clock = ClockSettings(speed=self.options.speed, start_wall_ms=now_ms, start_site_ms=day.start_ms)
        write_seed(self.config, day.seed)
        (self.config / "orders.json").write_text(json.dumps([asdict(order) for order in day.orders]))
        if day.departures:
            (self.config / "departures.json").write_text(json.dumps([asdict(d) for d in day.departures]))
        return clock, day

    def _continue(self) -> tuple[ClockSettings, Day] | None:
        """A second run in the same directory goes on where the first one stopped."""
        orders_file = self.config / "orders.json"
        last_ms = max((row_ms for path in self.journals for row_ms in _last_ms(path)), default=0)
        if not orders_file.exists() or not last_ms:
            return None
        self._check_composition()
        orders = tuple(_order(fields) for fields in json.loads(orders_file.read_bytes()))
        self.continues = True
        now_ms = time.time_ns() // 1_000_000
        clock = ClockSettings(speed=self.options.speed, start_wall_ms=now_ms, start_site_ms=last_ms)
        return clock, Day(orders, (), Seed((), (), ()), last_ms)

    def _check_composition(self) -> None:
        """The journals there belong to one composition; another one could not read them."""
        box = self.config / "box.yaml"
        if box.exists() and ("wms" not in read_process(box).systems) != self.options.wms_in_office:
            was = "without" if self.options.wms_in_office else "with"
            raise ConfigError([f"{self.root}: was begun {was} --wms-in-office; go on so, or give another --data"])

    def write(self, broker_url: str) -> None:
        """Writes the configuration the processes start from: the given one, with free ports."""
        opcua_port = self.ports.any()
        devices = {}
        for name, device in self.site.devices.items():
            update: dict[str, Any] = {"tags": device.tags.resolve()}
            if device.driver == "modbus":
                update |= {"host": "127.0.0.1", "port": self.ports.any()}
            else:
                update |= {"url": f"opc.tcp://127.0.0.1:{opcua_port}"}
            devices[name] = device.model_copy(update=update)
        self._dump("site.yaml", self.site.model_copy(update={"devices": devices}))
        box_port, office_port = self.ports.page(), self.ports.any()
        self.box_url, self.office_url = f"http://127.0.0.1:{box_port}", f"http://127.0.0.1:{office_port}"
        shared: dict[str, Any] = {
            "site": "site.yaml", "broker": BrokerSettings(url=broker_url), "clock": self.clock,
            "items_file": "items.csv",
        }  # fmt: skip
        dated = {
            "departures_file": "departures.json",
            "departures": (),
            "process_ms": 4 * MINUTE_MS,
            "slack_ms": MINUTE_MS,
        }
        box_systems, office_systems = (
            (("wes",), ("oms", "wms")) if self.options.wms_in_office else (("wms", "wes"), ("oms",))
        )
        stock = {"stock_file": "stock.csv"}
        self._dump("box.yaml", self.box.model_copy(update=shared | {
            "data": "../box", "systems": box_systems, "peers": {"office": office_systems},
            "page": PageSettings(port=box_port, port_fixed=True),
        } | ({} if self.options.wms_in_office else stock)))  # fmt: skip
        self._dump("office.yaml", self.office.model_copy(update=shared | {
            "data": "../office", "systems": office_systems, "peers": {self.site.site: box_systems},
            "page": PageSettings(port=office_port, port_fixed=True),
        } | (dated if (self.config / "departures.json").exists() else {})
          | (stock if self.options.wms_in_office else {})))  # fmt: skip

    def _dump(self, name: str, settings: SiteSettings | ProcessSettings) -> None:
        """JSON is YAML, and a reader of the demo's directory can start any process again by hand."""
        (self.config / name).write_text(settings.model_dump_json(by_alias=True, indent=1, warnings=False))

    def children(self) -> tuple[Child, Child, Child]:
        """plc-sim, office and box."""
        clock = self.clock
        simulator = Child("plc-sim", (
            "-m", "plc_sim", "run", str(self.config / "site.yaml"), "--seed", str(self.options.seed),
            "--speed", str(clock.speed), "--clock-wall", str(clock.start_wall_ms),
            "--clock-site", str(clock.start_site_ms), "--people", str(self.options.people), "--box-url", self.box_url,
            "--physical", str(self.config / "physical.csv"), "--actuations", str(self.root / "actuations.jsonl"),
        ), self.root)  # fmt: skip
        office = Child("office", ("-m", "edge", "run", str(self.config / "office.yaml")), self.root)
        box = Child("box", ("-m", "edge", "run", str(self.config / "box.yaml")), self.root)
        return simulator, office, box

    def site_now_ms(self) -> int:
        """The site's time."""
        return self.clock.start_site_ms + (time.time_ns() // 1_000_000 - self.clock.start_wall_ms) * self.clock.speed


def _last_ms(path: Path) -> Iterator[int]:
    if path.exists():
        yield max((row.at_ms for row in read_rows(path)), default=0)


def _order(fields: dict[str, Any]) -> OrderCaptured:
    order = from_plain("OrderCaptured", fields)
    assert isinstance(order, OrderCaptured)
    return order
