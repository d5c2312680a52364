"""The test plays the PLC: a table of values behind a bare ProcessImage, and a journal that keeps what is reported."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from edge.equipment import Conveyor, Robot, Sorter
from edge.messages import LaneChanged, MachineChanged, Message
from edge.plc.image import PlcError, ProcessImage, Value
from edge.settings import LaneSettings, MachineSettings, read_tags

TAGS = Path(__file__).parents[2] / "config" / "tags"
EMPTY: dict[str, Value] = {"string": "", "bool": False, "float32": 0.0}


class Plc:
    """A PLC as a table; `run` is its program (heartbeat) and its link."""

    def __init__(self, tags: str, map_id: int) -> None:
        self.image = ProcessImage(read_tags(TAGS / tags))
        self.values: dict[str, Value] = {tag.name: EMPTY.get(tag.type, 0) for tag in self.image.tags}
        self.values |= {"MapId": map_id, "BootCount": 1, "StateCurrent": 6, "StatusBits": 0x60}
        self.polled = [tag.name for tag in self.image.tags if tag.poll_class != "ring"]
        self.writes: list[tuple[tuple[str, Value], ...]] = []
        self.errors: list[tuple[PlcError, bool]] = []
        """What the next writes end with, and whether they arrive all the same (heartbeats excepted)."""
        self.beating = True
        self.program: Callable[[tuple[tuple[str, Value], ...]], None] = lambda written: None

    def put(self, **values: Value) -> None:
        """Sets polled values (a dot is written as two underscores) as the next poll would bring them."""
        named = {name.replace("__", "."): value for name, value in values.items()}
        self.values |= named
        if self.image.good:
            self.image.update({name: value for name, value in named.items() if name in self.polled})

    def connect(self) -> None:
        self.image.update({name: self.values[name] for name in self.polled})
        self.image.link_up()

    def disconnect(self) -> None:
        self.image.link_lost("cable")

    def wrote(self, tag: str) -> list[Value]:
        """Every value that was written to a tag."""
        return [value for values in self.writes for name, value in values if name == tag]

    def slot(self, ring: str, seq: int, **fields: Value) -> None:
        first = f"{ring}{seq % 4}."
        fields = {"SeqHead": seq, "SeqTail": seq, **fields}
        self.values |= {first + name: value for name, value in fields.items()}

    def request(self, seq: int, barcode: str = "106141412345678908", **fields: Value) -> None:
        """Puts a request into its slot and raises the newest number."""
        known = {"TrackingId": 1000 + seq, "ScanStatus": 1, "Barcode": barcode, "BarcodeLen": len(barcode)}
        self.slot("Req", seq, **{**known, "DecisionPoint": 1, "BudgetMs": 250, **fields})
        self.put(ReqSeqLast=seq)

    def sorted_out(self, seq: int, **fields: Value) -> None:
        self.slot("Rep", seq, **{"TrackingId": 1000 + seq, "ActualLane": 3, "RequestedLane": 3, "Result": 1, **fields})
        self.put(RepSeqLast=seq)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.image.serve(self._read, self._write))
            group.create_task(self._beat())

    async def _read(self, names: tuple[str, ...]) -> None:
        self.image.update({name: self.values[name] for name in names})

    async def _write(self, values: tuple[tuple[str, Value], ...]) -> None:
        self.writes.append(values)
        beat = values[0][0] == "WcsHeartbeat"
        error, arrives = (None, True) if beat or not self.errors else self.errors.pop(0)
        if arrives:
            self.values |= dict(values)
            self.program(values)
        if error is not None:
            raise error

    async def _beat(self) -> None:
        for beat in itertools.count(1):
            if self.beating:
                self.put(PlcHeartbeat=beat % 65_536)
            await asyncio.sleep(0.02)


class Journal:
    """Keeps reported events in order; a closed gate holds the commits, `steps` lets them through one by one."""

    def __init__(self) -> None:
        self.events: list[Message] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.steps: asyncio.Semaphore | None = None
        self._more = asyncio.Event()

    async def report(self, message: Message) -> list[Message]:
        await asyncio.sleep(0)
        if not isinstance(message, MachineChanged):
            await self.gate.wait()
            if self.steps is not None and not isinstance(message, LaneChanged):
                await self.steps.acquire()
        self.events.append(message)
        self._more.set()
        return []

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def wait(self, kind: type, number: int = 1) -> Any:
        """The `number`th event of a kind."""
        async with asyncio.timeout(8):
            while len(self.of(kind)) < number:
                self._more.clear()
                await self._more.wait()
        return self.of(kind)[number - 1]


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(8):
        while not holds():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def at_work(machine: Any, plc: Plc, journal: Journal, epoch: int = 7) -> AsyncIterator[None]:
    clock = itertools.count(1_700_000_000_000)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(plc.run()), group.create_task(machine.watch(journal.report, epoch, clock.__next__))]
        yield
        for task in tasks:
            task.cancel()


@pytest.fixture
def world() -> Any:
    """What the tests of this room are made of."""

    class World:
        until = staticmethod(until)
        at_work = staticmethod(at_work)
        lanes: Iterable[int] = (1, 2, 3)

        def __init__(self) -> None:
            self.journal = Journal()

        def sorter(self, **kwargs: Any) -> tuple[Plc, Sorter]:
            plc = Plc("sorter_modbus.csv", 0x5301)
            plc.values |= {f"Lane{lane:02d}.Bits": 1 for lane in range(1, 15)}
            lanes = tuple(LaneSettings(lane=lane) for lane in self.lanes)
            settings = MachineSettings(machine_id="sorter1", kind="sorter", device="plc", lanes=lanes)
            return plc, Sorter(settings, plc.image, **kwargs)

        def again(self, plc: Plc) -> Sorter:
            """The edge restarts: a new image and a new sorter on the same PLC."""
            plc.image = ProcessImage(plc.image.tags)
            lanes = tuple(LaneSettings(lane=lane) for lane in self.lanes)
            settings = MachineSettings(machine_id="sorter1", kind="sorter", device="plc", lanes=lanes)
            return Sorter(settings, plc.image)

        def conveyor(self) -> tuple[Plc, Conveyor]:
            plc = Plc("conveyor_opcua.csv", 0x4301)
            return plc, Conveyor(MachineSettings(machine_id="conveyor2", kind="conveyor", device="plc"), plc.image)

        def robot(self, plc: Plc | None = None, **settings: int) -> tuple[Plc, Robot]:
            if plc is None:
                plc = Plc("robot_opcua.csv", 0x5201)
                plc.values |= {"Ready": True, "AtHome": True, "VacuumOk": True}
            else:
                plc.image = ProcessImage(plc.image.tags)
            machine = MachineSettings(machine_id="robot1", kind="robot", device="plc", **settings)
            return plc, Robot(machine, plc.image)

    return World()
