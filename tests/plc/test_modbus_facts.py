"""What pymodbus really does, as far as edge/plc/wire.py leans on it. A failure here: read the library's changes."""

import asyncio
import inspect
import time

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException


def client(device, **fields) -> AsyncModbusTcpClient:
    known = {"port": device.port, "timeout": 0.15, "retries": 0, "reconnect_delay": 0}
    return AsyncModbusTcpClient("127.0.0.1", **{**known, **fields})


async def test_without_retries_a_silent_device_is_asked_once(modbus_device) -> None:
    modbus_device.silent = True
    asks = client(modbus_device)
    assert await asks.connect()
    with pytest.raises(ModbusIOException):
        await asks.write_registers(1000, [1, 2], device_id=1)
    asks.close()
    assert modbus_device.writes() == [(1000, 2)]


async def test_with_the_default_retries_a_write_is_sent_four_times(modbus_device) -> None:
    modbus_device.silent = True
    asks = client(modbus_device, retries=3, timeout=0.05)
    assert await asks.connect()
    with pytest.raises(ModbusIOException):
        await asks.write_registers(1000, [1], device_id=1)
    asks.close()
    assert len(modbus_device.writes()) == 4


async def test_exception_comes_back_as_a_response(modbus_device) -> None:
    modbus_device.refused[7] = 2
    asks = client(modbus_device)
    assert await asks.connect()
    reply = await asks.read_holding_registers(7, count=1, device_id=1)
    asks.close()
    assert reply.isError()
    assert reply.exception_code == 2


async def test_unit_goes_out_as_device_id(modbus_device) -> None:
    modbus_device.words[5] = 77
    asks = client(modbus_device)
    assert "device_id" in inspect.signature(asks.read_holding_registers).parameters
    assert await asks.connect()
    reply = await asks.read_holding_registers(5, count=2, device_id=9)
    asks.close()
    assert reply.registers == [77, 0]
    assert modbus_device.requests == [(9, 3, 5, 2)]


async def test_no_request_is_sent_into_a_dead_link_and_nothing_reconnects(modbus_device) -> None:
    seen: list[bool] = []
    asks = client(modbus_device, trace_connect=seen.append)
    assert await asks.connect()
    await modbus_device.stop()
    while asks.connected:
        await asyncio.sleep(0.005)
    assert seen == [True, False]
    with pytest.raises(ConnectionException):
        await asks.write_registers(1000, [1], device_id=1)
    await modbus_device.start()
    await asyncio.sleep(0.3)
    assert modbus_device.connections == 0
    asks.close()


async def test_request_in_flight_waits_its_whole_time_when_the_connection_goes(modbus_device) -> None:
    modbus_device.silent = True
    asks = client(modbus_device, timeout=0.4)
    assert await asks.connect()
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        ask = group.create_task(failure(asks.read_holding_registers(0, count=1, device_id=1)))
        await asyncio.sleep(0.05)
        await modbus_device.stop()
    assert isinstance(ask.result(), ModbusIOException)
    assert time.monotonic() - started > 0.35


async def failure(ask) -> ModbusIOException | None:
    try:
        await ask
    except ModbusIOException as error:
        return error
    return None


async def test_late_answer_is_not_taken_for_the_next_one(modbus_device) -> None:
    modbus_device.words |= {1: 11, 2: 22}
    modbus_device.delay_s = 0.1
    asks = client(modbus_device, timeout=0.06)
    assert await asks.connect()
    with pytest.raises(ModbusIOException):
        await asks.read_holding_registers(1, count=1, device_id=1)
    modbus_device.delay_s = 0.0
    asks.ctx.comm_params.timeout_connect = 1.0
    reply = await asks.read_holding_registers(2, count=1, device_id=1)
    asks.close()
    assert reply.registers == [22]


async def test_cancelled_request_does_not_disturb_the_next_one(modbus_device) -> None:
    """Our time limits cancel the library's request; its own never come."""
    modbus_device.words |= {1: 11, 2: 22}
    modbus_device.delay_s = 0.1
    asks = client(modbus_device, timeout=3600)
    assert await asks.connect()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await asks.read_holding_registers(1, count=1, device_id=1)
    assert (await asks.read_holding_registers(2, count=1, device_id=1)).registers == [22]
    modbus_device.delay_s = 0.0
    await asyncio.sleep(0.15)
    assert (await asks.read_holding_registers(1, count=1, device_id=1)).registers == [11]
    asks.close()


async def test_connecting_by_the_call_behind_connect_tells_why_not(modbus_device) -> None:
    asks = client(modbus_device)
    await asks.ctx.call_create()
    assert asks.connected
    assert (await asks.read_holding_registers(1, count=1, device_id=1)).registers == [0]
    asks.ctx.transport.abort()
    asks.close()
    await modbus_device.stop()
    with pytest.raises(ConnectionRefusedError):
        await client(modbus_device).ctx.call_create()


async def test_refused_connection_is_false_not_an_error(south) -> None:
    device = south.ModbusDevice()
    asks = client(device)
    assert not await asks.connect()


async def test_socket_is_within_reach_for_its_options(modbus_device) -> None:
    asks = client(modbus_device)
    assert await asks.connect()
    assert asks.ctx.transport.get_extra_info("socket") is not None
    asks.close()
