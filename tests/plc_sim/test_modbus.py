"""The Modbus server against a foreign client and against bytes that no client should send."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient

from edge.settings import Tag, read_tags
from plc_sim.codes import MAP_CONVEYOR, MAP_SORTER, Cmd, State
from plc_sim.modbus import CONNECTIONS_MAX, Limits, ModbusServer
from plc_sim.words import decode, encode
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, SITE, SORTER, run, started, world_of

DEVICE = SITE.devices["plc_sorter1"]
TAGS = read_tags(DEVICE.tags)
AT = {tag.name: tag.address for tag in TAGS}


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[ModbusServer]:
    server = ModbusServer(DEVICE, TAGS, world.sorter(SORTER))
    await server.start(0)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def client_of(server: ModbusServer) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=3, retries=0, reconnect_delay=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


async def test_a_foreign_client_reads_the_header_and_writes_its_own_area() -> None:
    world = world_of()
    sorter = world.sorter(SORTER)
    async with serving(world) as server, client_of(server) as client:
        header = (await client.read_holding_registers(0, count=40)).registers
        assert header[0] == MAP_SORTER
        assert header[AT["StateCurrent"]] == State.STOPPED
        assert header[AT["DefaultLane"]] == 14
        assert header[27:40] == [0] * 13, "gaps read as 0"
        reply = await client.write_registers(AT["CmdCode"], [Cmd.RESET, 0, 0, 0, 5])
        assert not reply.isError()
        assert sorter.word("CmdAckSeq") == 0
        world.advance(world.now_ms + 20)
        header = (await client.read_holding_registers(0, count=40)).registers
        assert (header[AT["CmdAckSeq"]], header[AT["StateCurrent"]]) == (5, State.RESETTING)
        assert not (await client.write_register(AT["WcsHeartbeat"], 77)).isError()
        world.advance(world.now_ms + 20)
        assert sorter.online
        assert not (await client.mask_write_register(address=AT["WcsState"], and_mask=0, or_mask=3)).isError()
        assert sorter.word("WcsState") == 3
        both = await client.readwrite_registers(
            read_address=AT["WcsHeartbeat"], read_count=3, write_address=AT["WcsEpoch"], values=[9]
        )
        assert both.registers == [77, 9, 3], "written first, then read"


async def test_a_decision_slot_written_in_one_request_sorts_a_unit() -> None:
    world = started(world_of())
    world.plant.place(CONVEYOR, "0" * 17 + "5")
    while world.sorter(SORTER).word("ReqSeqLast") == 0:
        run(world, 20, lambda request: None, acknowledge=False)
    async with serving(world) as server, client_of(server) as client:
        slot = (await client.read_holding_registers(AT["Req1.SeqHead"], count=26)).registers
        assert (slot[0], slot[-1]) == (1, 1)
        barcode = b"".join(struct.pack(">H", word) for word in slot[7:19])[: slot[6]]
        assert barcode == b"0" * 17 + b"5"
        answer = [1, *slot[3:5], 6, 0, 1, 0, 3, 0, 1]
        assert not (await client.write_registers(AT["Dec1.SeqHead"], answer)).isError()
        run(world, 60_000, reports=False)
        report = (await client.read_holding_registers(AT["Rep1.SeqHead"], count=16)).registers
        lanes = (await client.read_holding_registers(AT["Lane06.Bits"], count=2)).registers
    assert (report[0], report[4], report[6], report[-1]) == (1, 6, 1, 1)
    assert report[2:4] == slot[3:5]
    assert lanes == [1, 1]


@pytest.mark.parametrize(
    "address", [0, AT["StateCurrent"], AT["Req0.SeqHead"], 999, AT["WcsHeartbeat"] - 1, 1005, 40_000]
)
async def test_writing_what_is_not_the_clients_is_refused_counted_and_changes_nothing(address: int) -> None:
    world = world_of()
    async with serving(world) as server, client_of(server) as client:
        before = dict(world.sorter(SORTER).values)
        reply = await client.write_registers(address, [1, 2])
        assert (reply.isError(), reply.exception_code) == (True, 2)
        assert server.registers.refused == 1
        assert world.sorter(SORTER).values == before


async def exchange(server: ModbusServer, sent: bytes, expected: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    async with asyncio.timeout(5):
        got = await (reader.readexactly(expected) if expected else reader.read())
    writer.close()
    return got


def frame(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


async def test_pipelined_requests_each_get_their_answer_in_order() -> None:
    async with serving(world_of()) as server:
        sent = b"".join(frame(n, struct.pack(">BHH", 3, n, 1)) for n in range(50))
        got = await exchange(server, sent, 50 * 11)
        transactions = [struct.unpack(">H", got[at : at + 2])[0] for at in range(0, len(got), 11)]
        assert transactions == list(range(50))
        assert got[9:11] == struct.pack(">H", MAP_SORTER)


async def test_a_frame_cut_into_pieces_is_put_together() -> None:
    async with serving(world_of()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for byte in frame(7, struct.pack(">BHH", 3, 0, 2)):
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert (await reader.readexactly(9))[7:9] == b"\x03\x04"
        writer.close()


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        (b"\x07", 1),
        (b"\x2b\x0e\x01\x00", 1),
        (b"\x01\x00\x00\x00\x01", 2),
        (b"\x02\x00\x00\x00\x01", 2),
        (b"\x04\x00\x00\x00\x01", 2),
        (b"\x05\x00\x00\xff\x00", 2),
        (b"\x0f\x00\x00\x00\x01\x01\x01", 2),
        (struct.pack(">BHH", 3, 0, 0), 3),
        (struct.pack(">BHH", 3, 0, 126), 3),
        (struct.pack(">BHH", 3, 1099, 2), 2),
        (struct.pack(">BHH", 3, 65535, 1), 2),
        (b"\x03\x00\x00", 3),
        (b"\x10\x03\xe8\x00\x02\x02\x00\x01", 3),
        (b"\x10\x03\xe8\x00\x00\x00", 3),
        (b"\x06\x03\xe8\x00", 3),
        (b"\x16\x03\xe8\x00\x00", 3),
        (b"\x17\x00\x00\x00\x01\x03\xe8\x00\x02\x02\x00\x01", 3),
        (b"\x17", 3),
    ],
)
async def test_bad_requests_are_answered_with_the_right_exception(pdu: bytes, exception: int) -> None:
    async with serving(world_of()) as server:
        got = await exchange(server, frame(1, pdu), 9)
        assert got[7:] == bytes((pdu[0] | 0x80, exception))


async def test_an_unknown_unit_is_answered_as_a_gateway_would() -> None:
    async with serving(world_of()) as server:
        assert (await exchange(server, frame(1, b"\x03\x00\x00\x00\x01", unit=9), 9))[7:] == b"\x83\x0b"


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0\0\0\0", b"\0\1\0\0\xff\xff\1" + b"x" * 300, b"\0\1\0\0\0\1\1"]
)
async def test_rubbish_closes_the_connection_and_nothing_else(sent: bytes) -> None:
    async with serving(world_of()) as server:
        assert await exchange(server, sent, 0) == b""
        assert server.rubbish == 1
        assert len(await exchange(server, frame(1, b"\x03\x00\x00\x00\x01"), 11)) == 11


async def test_a_plc_takes_only_so_many_connections() -> None:
    async with serving(world_of()) as server:
        pairs = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(CONNECTIONS_MAX)]
        for _, writer in pairs:
            writer.write(frame(1, b"\x03\x00\x00\x00\x01"))
        for reader, _ in pairs:
            await reader.readexactly(11)
        assert await exchange(server, b"", 0) == b""
        for _, writer in pairs:
            writer.close()


def tag(name: str, table: str, address: int, kind: str = "bool", writer: str = "plc", **more: object) -> Tag:
    access = "rw" if writer == "wcs" else "r"
    row = {"name": name, "table": table, "address": address, "type": kind, "writer": writer, "access": access, **more}
    return Tag.model_validate(row)


FOUR_TABLES = (
    tag("StateCurrent", "input", 3, "uint16"),
    tag("UptimeMs", "input", 10, "uint32"),
    tag("Running", "discrete", 4),
    tag("EStop", "discrete", 5),
    tag("WcsState", "coil", 2, writer="wcs"),
    tag("WcsHeartbeat", "coil", 3, writer="wcs"),
    tag("Guard", "coil", 9),
    tag("Ready", "holding", 7, bit=3),
    tag("Busy", "holding", 7, bit=15),
    tag("EyeJam", "holding", 20, "bits", count=8),
)


@asynccontextmanager
async def four_tables(limits: Limits | None = None) -> AsyncIterator[tuple[ModbusServer, World]]:
    world = world_of()
    server = ModbusServer(DEVICE, FOUR_TABLES, world.sorter(SORTER), limits=limits)
    await server.start(0)
    try:
        yield server, world
    finally:
        await server.stop()


async def test_bits_and_input_registers_are_served_where_the_tag_table_has_them() -> None:
    async with four_tables() as (server, world), client_of(server) as client:
        sorter = world.sorter(SORTER)
        sorter.put("EStop", value=True)
        world.advance(world.now_ms + 70_000)
        assert (await client.read_input_registers(3, count=1)).registers == [State.STOPPED]
        assert (await client.read_input_registers(10, count=2)).registers == [1, 70_000 - 65_536]
        assert (await client.read_discrete_inputs(0, count=10)).bits[:10] == [n == 5 for n in range(10)]
        assert not (await client.write_coil(2, value=True)).isError()
        assert not (await client.write_coils(2, [True, True])).isError()
        assert (await client.read_coils(0, count=12)).bits[:12] == [n in (2, 3) for n in range(12)]
        assert sorter.word("WcsState") == 1
        sorter.put("Busy", value=True)
        sorter.lanes.jammed.add(3)
        assert (await client.read_holding_registers(7, count=1)).registers == [1 << 15]
        assert (await client.read_holding_registers(20, count=2)).registers == [0, 1 << 2]
        for refused in (
            client.write_coil(9, value=True),
            client.write_coils(3, [True] * 3),
            client.write_coil(4, True),
        ):
            assert (await refused).exception_code == 2
        assert (server.registers.refused, sorter.refused_writes) == (3, 3)


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (struct.pack(">BHH", 1, 0, 2001), b"\x81\x03"),
        (struct.pack(">BHH", 2, 0, 0), b"\x82\x03"),
        (struct.pack(">BHH", 1, 0, 101), b"\x81\x02"),
        (struct.pack(">BHH", 4, 99, 2), b"\x84\x02"),
        (struct.pack(">BHH", 5, 2, 1), b"\x85\x03"),
        (struct.pack(">BHHBB", 15, 2, 9, 1, 1), b"\x8f\x03"),
        (struct.pack(">BHHB", 15, 2, 1969, 247) + bytes(247), b"\x8f\x03"),
        (struct.pack(">BHHBB", 15, 2, 2, 1, 3), struct.pack(">BHH", 15, 2, 2)),
        (struct.pack(">BHH", 5, 2, 0xFF00), struct.pack(">BHH", 5, 2, 0xFF00)),
    ],
)
async def test_bit_functions_keep_their_limits(pdu: bytes, answer: bytes) -> None:
    async with four_tables() as (server, _):
        assert (await exchange(server, frame(1, pdu), 7 + len(answer)))[7:] == answer


async def test_a_small_plc_takes_fewer_registers_and_not_every_function() -> None:
    limits = Limits(functions=frozenset({3, 6, 16, 23}), read_max=45, write_max=20)
    async with four_tables(limits) as (server, _):
        for pdu, answer in (
            (struct.pack(">BHH", 3, 0, 46), b"\x83\x03"),
            (struct.pack(">BHHBH", 16, 0, 21, 42, 0) + bytes(40), b"\x90\x03"),
            (struct.pack(">BHH", 4, 3, 1), b"\x84\x01"),
            (struct.pack(">BHHH", 22, 0, 0, 0), b"\x96\x01"),
        ):
            assert (await exchange(server, frame(1, pdu), 9))[7:] == answer
        assert (await exchange(server, frame(1, struct.pack(">BHH", 3, 0, 45)), 9))[7:9] == b"\x03\x5a"


async def test_several_plcs_behind_one_port_are_told_apart_by_their_unit() -> None:
    world = world_of()
    other = SITE.devices["plc_conveyor1"]
    async with serving(world) as server:
        server.add(7, read_tags(other.tags), world.conveyor(CONVEYOR))
        read = struct.pack(">BHH", 3, 0, 1)
        assert (await exchange(server, frame(1, read), 11))[9:] == struct.pack(">H", MAP_SORTER)
        assert (await exchange(server, frame(1, read, unit=7), 11))[9:] == struct.pack(">H", MAP_CONVEYOR)
        assert (await exchange(server, frame(1, read, unit=2), 9))[7:] == b"\x83\x0b"


RESET = struct.pack(">BHHB5H", 16, AT["CmdCode"], 5, 10, Cmd.RESET, 0, 0, 0, 1)
READ = struct.pack(">BHH", 3, 0, 1)


async def silent(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.15):
            return not await reader.read(1)
    except TimeoutError:
        return True


async def test_a_lost_reply_is_a_request_done_and_not_answered() -> None:
    world = world_of()
    async with serving(world) as server:
        server.lose_replies(1)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(frame(1, READ) + frame(2, RESET) + frame(3, READ))
        async with asyncio.timeout(5):
            got = await reader.readexactly(22)
        assert [struct.unpack(">H", got[at : at + 2])[0] for at in (0, 11)] == [1, 3]
        world.advance(world.now_ms + 20)
        assert (world.sorter(SORTER).state, server.swallowed) == (State.RESETTING, 1)
        writer.close()


async def test_a_delayed_reply_is_late_and_what_was_asked_was_not() -> None:
    world = world_of()
    async with serving(world) as server:
        server.delay_replies(200)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(frame(2, RESET))
        assert await silent(reader)
        assert world.sorter(SORTER).word("CmdSeq") == 1
        async with asyncio.timeout(5):
            await reader.readexactly(12)
        server.delay_replies(0)
        writer.close()


async def test_a_half_open_link_accepts_and_is_silent_and_does_what_it_was_asked_when_it_thaws() -> None:
    world = world_of()
    sorter = world.sorter(SORTER)
    async with serving(world) as server:
        old, old_writer = await asyncio.open_connection("127.0.0.1", server.port)
        old_writer.write(frame(1, READ))
        async with asyncio.timeout(5):
            await old.readexactly(11)
        server.freeze(on=True)
        new, new_writer = await asyncio.open_connection("127.0.0.1", server.port)
        old_writer.write(frame(2, RESET))
        new_writer.write(frame(3, READ))
        assert await silent(old)
        assert await silent(new)
        assert sorter.word("CmdSeq") == 0
        server.freeze(on=False)
        async with asyncio.timeout(5):
            await old.readexactly(12)
            await new.readexactly(11)
        assert sorter.word("CmdSeq") == 1
        for writer in (old_writer, new_writer):
            writer.close()


async def test_what_was_asked_over_a_frozen_link_and_given_up_is_not_done_when_it_thaws() -> None:
    world = world_of()
    async with serving(world) as server:
        server.freeze(on=True)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(frame(2, RESET))
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await asyncio.sleep(0.05)
        server.freeze(on=False)
        assert len(await exchange(server, frame(1, READ), 11)) == 11
        assert world.sorter(SORTER).word("CmdSeq") == 0


async def test_a_link_that_refuses_or_resets_comes_back_at_the_same_port() -> None:
    async with serving(world_of()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(frame(1, READ))
        async with asyncio.timeout(5):
            await reader.readexactly(11)
            server.reset()
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
        writer.close()
        port = server.port
        await server.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await server.start()
        assert server.port == port
        assert len(await exchange(server, frame(1, READ), 11)) == 11


async def test_a_tag_that_is_missing_is_an_illegal_address_until_it_is_back() -> None:
    world = world_of()
    async with serving(world) as server:
        server.drop_nodes(["StateCurrent", "sorter1/WcsEpoch", "conveyor1/WcsState"])
        for pdu, answer in (
            (struct.pack(">BHH", 3, AT["StateCurrent"], 1), b"\x83\x02"),
            (struct.pack(">BHH", 3, 0, 40), b"\x83\x02"),
            (struct.pack(">BHH", 6, AT["WcsEpoch"], 1), b"\x86\x02"),
            (struct.pack(">BHH", 6, AT["WcsState"], 1), struct.pack(">BHH", 6, AT["WcsState"], 1)),
        ):
            assert (await exchange(server, frame(1, pdu), 7 + len(answer)))[7:] == answer
        server.drop_nodes([])
        assert len(await exchange(server, frame(1, struct.pack(">BHH", 3, 0, 40)), 89)) == 89


NUMBERS = {
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


@given(st.sampled_from(sorted(NUMBERS)), st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]), st.data())
def test_numbers_survive_every_word_order(kind: str, order: str, data: st.DataObject) -> None:
    tag = Tag.model_validate({"name": "T", "table": "holding", "type": kind, "word_order": order})
    value = data.draw(st.integers(*NUMBERS[kind]))
    words = encode(tag, value)
    assert len(words) == tag.words
    assert decode(tag, words) == value


def test_word_orders_are_what_their_names_say() -> None:
    def words(order: str) -> list[int]:
        return encode(
            Tag.model_validate({"name": "T", "table": "holding", "type": "uint32", "word_order": order}), 0x01020304
        )

    assert words("ABCD") == [0x0102, 0x0304]
    assert words("CDAB") == [0x0304, 0x0102]
    assert words("BADC") == [0x0201, 0x0403]
    assert words("DCBA") == [0x0403, 0x0201]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_strings_are_cut_and_padded(text: str) -> None:
    tag = Tag.model_validate({"name": "T", "table": "holding", "type": "string", "count": 24})
    assert decode(tag, encode(tag, text)) == text[:24]
