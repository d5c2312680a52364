"""The Modbus link against a lying network: half-open links, black holes, writes that come late, dead neighbours."""

import asyncio
import struct
from pathlib import Path

import pytest

from edge.plc import modbus, supervision
from edge.plc.image import LinkLost, ProcessImage, WriteUnknown
from edge.settings import DeviceSettings, PollSettings, read_site, read_tags
from plc_sim.codes import Cmd, State
from plc_sim.modbus import ModbusServer
from plc_sim.program import SCAN_MS
from tests.plc.relay import ModbusRelay
from tests.plc_sim.stage import CONVEYOR, SORTER, run, started, world_of

POLL_MS = 20
POLLS_MAX = 1500 // POLL_MS
"""A dead link is noticed before so many polls were missed: 1.5 seconds."""
SITE = read_site(Path(__file__).parents[2] / "config" / "site.yaml")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.05)


def behind(device, relay: ModbusRelay, south, **fields) -> DeviceSettings:
    return south.modbus(device, port=relay.port, poll=PollSettings(fast=POLL_MS), timeout_ms=500, **fields)


async def polls_missed(image: ProcessImage) -> int:
    """How many polls of a healthy link fall into the time until this one is given up (it may be back at once)."""
    missed, before = 0, image.counts.counts["links_lost"]
    while image.counts.counts["links_lost"] == before:
        await asyncio.sleep(POLL_MS / 1000)
        missed += 1
        assert missed < 10 * POLLS_MAX, "never"
    return missed


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("poll_class", ["fast", "slow"])
async def test_black_hole_is_noticed(modbus_device, south, tags, connections: int, poll_class: str) -> None:
    table = [tags.holding("BootCount", 1, poll_class=poll_class)]
    async with ModbusRelay(modbus_device.port) as relay:
        device = behind(modbus_device, relay, south, connections=connections)
        async with south.kept(modbus.keep, device, table) as image:
            await south.until(lambda: image.good)
            relay.swallow = True
            assert await polls_missed(image) <= POLLS_MAX
            assert image.reason in ("silent for 1200 ms", "3 requests without an answer")
            assert image.reading("BootCount").reason == image.reason
            relay.swallow = False
            await south.until(lambda: image.good)


async def test_silent_peer_is_noticed_as_fast_as_a_black_hole(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device, timeout_ms=500), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.silent = True
        assert await polls_missed(image) <= POLLS_MAX


async def test_only_the_command_connection_dies(modbus_device, south, tags) -> None:
    """Nobody asks for anything, and still it is noticed."""
    dead: list[asyncio.StreamWriter] = []

    async def relay_but_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", modbus_device.port)
        mute = len(dead) == 1
        dead.append(writer)
        while data := await reader.read(4096):
            if mute and swallow.is_set():
                continue
            up_writer.write(data)
            writer.write(await up_reader.read(4096))
        writer.close()
        up_writer.close()

    swallow = asyncio.Event()
    server = await asyncio.start_server(relay_but_second, "127.0.0.1", 0)
    device = south.modbus(modbus_device, port=server.sockets[0].getsockname()[1], timeout_ms=500)
    async with south.kept(modbus.keep, device, tags.modbus) as image:
        await south.until(lambda: image.good)
        swallow.set()
        assert await polls_missed(image) <= POLLS_MAX
        await south.until(lambda: image.good)
    server.close()


async def test_closing_resets_the_connection(south, tags) -> None:
    """Nothing lingers in our kernel, and the PLC's few connections are free at once."""
    ends: list[BaseException] = []
    device = south.ModbusDevice()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(7)
                await reader.readexactly(struct.unpack(">H", head[4:6])[0] - 1)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            ends.append(error)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", device.port)
    async with south.kept(modbus.keep, south.modbus(device), tags.modbus):
        await south.until(lambda: len(ends) >= 2)
    server.close()
    assert all(isinstance(error, ConnectionResetError) for error in ends)


async def test_one_dead_device_never_slows_another(modbus_device, south, tags) -> None:
    """The polls of the healthy one beside a black hole, against those of it alone."""
    table = [tags.holding("BootCount", 1)]
    healthy = south.modbus(modbus_device, poll=PollSettings(fast=POLL_MS))

    async def polls() -> int:
        modbus_device.requests.clear()
        for _ in range(2 * POLLS_MAX):
            await asyncio.sleep(POLL_MS / 1000)
        return len(modbus_device.requests)

    other = south.ModbusDevice()
    await other.start()
    async with south.kept(modbus.keep, healthy, table) as image:
        await south.until(lambda: image.good)
        alone = await polls()
        async with (
            ModbusRelay(other.port) as relay,
            south.kept(modbus.keep, behind(other, relay, south), table) as dead,
        ):
            await south.until(lambda: dead.good)
            relay.swallow = True
            beside = await polls()
            assert not dead.good
        assert image.good
        assert image.counts.counts["unanswered"] == 0
    await other.stop()
    assert beside >= 0.9 * alone


class Sim:
    """The sorter of the default site behind its Modbus server, in real time."""

    def __init__(self) -> None:
        self.settings = SITE.devices["plc_sorter1"]
        self.tags = read_tags(self.settings.tags)
        self.world = world_of()
        self.sorter = self.world.sorter(SORTER)
        self.server = ModbusServer(self.settings, self.tags, self.sorter)

    async def scan(self, times: int = 2) -> None:
        for _ in range(times):
            self.world.advance(self.world.now_ms + SCAN_MS)
            await asyncio.sleep(0.002)

    def device(self, port: int) -> DeviceSettings:
        return self.settings.model_copy(update={"port": port, "timeout_ms": 200, "poll": PollSettings(fast=10)})


async def commanded(image: ProcessImage, number: int, code: int) -> None:
    await image.write([("CmdCode", code), ("CmdArg1", 0), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", number)])


async def held_command(sim: Sim, relay: ModbusRelay, image: ProcessImage, south, number: int, code: int) -> None:
    """A command that the network keeps; the edge gives up, finds nobody has taken it, and is back."""
    relay.hold = True
    with pytest.raises(WriteUnknown):
        await commanded(image, number, code)
    await south.until(lambda: not image.good)
    relay.hold = False
    await south.until(lambda: image.good)
    await sim.scan()
    await image.refresh(["CmdSeq", "CmdAckSeq"])
    assert image.number("CmdAckSeq") != number


async def test_write_given_up_is_sent_once_and_the_link_never_repeats_it(modbus_device, south, tags) -> None:
    async with (
        ModbusRelay(modbus_device.port) as relay,
        south.kept(modbus.keep, behind(modbus_device, relay, south), tags.modbus) as image,
    ):
        await south.until(lambda: image.good)
        relay.hold = True
        with pytest.raises(WriteUnknown):
            await image.write([("Number", 9)])
        await south.until(lambda: not image.good)
        with pytest.raises(LinkLost):
            await image.write([("Number", 10)])
        relay.hold = False
        await south.until(lambda: image.good)
        assert relay.sent.count(16) == 1
        assert modbus_device.writes() == []
        await image.refresh(["Number"])
        assert image.value("Number") == 0, "read back: it was not written (yet)"
        relay.release()
        await south.until(modbus_device.writes)
        assert modbus_device.writes() == [(1004, 1)], "no protocol can call back what the network kept"


async def test_late_command_moves_nothing_once_a_newer_number_was_taken(south) -> None:
    """What protects is the number: the PLC takes none that lies behind the last one it took (`fence`)."""
    sim = Sim()
    await sim.server.start(0)
    async with (
        ModbusRelay(sim.server.port) as relay,
        south.kept(modbus.keep, sim.device(relay.port), sim.tags) as image,
    ):
        await south.until(lambda: image.good)
        await held_command(sim, relay, image, south, 5, Cmd.RESET)
        await commanded(image, 6, 0)  # the fence: no command, but it takes the number
        await sim.scan()
        assert sim.sorter.word("CmdAckSeq") == 6
        assert relay.release() > 0
        await south.until(lambda: sim.sorter.word("CmdSeq") == 5)
        await sim.scan()
        assert sim.sorter.state is State.STOPPED
        assert sim.sorter.word("CmdAckSeq") == 6
    await sim.server.stop()


async def test_same_number_arriving_twice_is_one_command(south) -> None:
    """Resent under its own number after an UNKNOWN, and then the first one comes after all."""
    sim = Sim()
    await sim.server.start(0)
    states: list[State] = []
    async with (
        ModbusRelay(sim.server.port) as relay,
        south.kept(modbus.keep, sim.device(relay.port), sim.tags) as image,
    ):
        await south.until(lambda: image.good)
        await held_command(sim, relay, image, south, 5, Cmd.RESET)
        await commanded(image, 5, Cmd.RESET)
        await sim.scan()
        states.append(sim.sorter.state)
        result = sim.sorter.word("CmdResult")
        relay.release()
        await asyncio.sleep(0.1)
        await sim.scan()
        states.append(sim.sorter.state)
    await sim.server.stop()
    assert states == [State.RESETTING, State.RESETTING]
    assert (sim.sorter.word("CmdAckSeq"), result) == (5, 1)


async def asked(sim: Sim) -> tuple[int, int]:
    """A unit comes to the scanner; the PLC's question: its number and tracking id."""
    started(sim.world)
    assert sim.world.plant.place(CONVEYOR, "0" * 17 + "5")
    while sim.sorter.word("ReqSeqLast") == 0:
        run(sim.world, SCAN_MS, lambda request: None, acknowledge=False)
    seq = sim.sorter.word("ReqSeqLast")
    return seq, sim.sorter.word(f"Req{seq % 4}.TrackingId")


async def decided(image: ProcessImage, seq: int, tracking_id: int, lane: int) -> None:
    values = (("SeqHead", seq), ("TrackingId", tracking_id), ("Dest1", lane), ("Dest2", 0), ("DecisionCode", 1))
    rest = (("Flags", 0), ("MaxRecirc", 3), ("HostRef", 0), ("SeqTail", seq))
    await image.write([(f"Dec{seq % 4}.{name}", value) for name, value in (*values, *rest)])


async def test_late_decision_sends_no_unit_elsewhere(south) -> None:
    """What protects: number, tracking id, and that the PLC takes one decision for each."""
    sim = Sim()
    await sim.server.start(0)
    async with (
        ModbusRelay(sim.server.port) as relay,
        south.kept(modbus.keep, sim.device(relay.port), sim.tags) as image,
    ):
        await south.until(lambda: image.good)
        seq, tracking_id = await asked(sim)
        assert seq
        relay.hold = True
        with pytest.raises(WriteUnknown):
            await decided(image, seq, tracking_id, lane=2)
        await south.until(lambda: not image.good)
        relay.hold = False
        await south.until(lambda: image.good)
        await decided(image, seq, tracking_id, lane=1)
        await sim.scan()
        assert sim.sorter.word("DecSeqUsed") == seq
        assert relay.release() > 0
        await south.until(lambda: sim.sorter.word(f"Dec{seq % 4}.Dest1") == 2)
        counts = dict.fromkeys((1, 2), 0)
        for _ in range(2_000):
            sim.world.advance(sim.world.now_ms + SCAN_MS)
            counts = {lane: sim.sorter.word(f"Lane{lane:02}.Count") for lane in counts}
    await sim.server.stop()
    assert counts == {1: 1, 2: 0}
