"""Supervision: one word when a link goes, one when it is back; jittered back-off; what may end it and what may not."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Never

import pytest

from edge.plc import supervision
from edge.plc.image import LinkLost, ProcessImage
from edge.plc.supervision import BACK_OFF_MAX_S, pause_s, still_wanted, supervise


def test_back_off_is_full_jitter_and_capped() -> None:
    assert all(0.0 <= pause_s(failures) <= BACK_OFF_MAX_S for failures in range(2000))
    assert max(pause_s(50) for _ in range(200)) > BACK_OFF_MAX_S / 2
    assert min(pause_s(50) for _ in range(200)) < BACK_OFF_MAX_S / 2


async def test_each_change_is_said_once(monkeypatch, caplog) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_S", 0.0)
    caplog.set_level(logging.INFO)
    image = ProcessImage(())
    lives = iter("xxgxgxx")
    done = asyncio.Event()

    async def hold(up: Callable[[], None]) -> Never:
        life = next(lives, "")
        if life == "g":
            up()
        if not life:
            done.set()
            await asyncio.Event().wait()
        async with asyncio.TaskGroup():
            raise LinkLost(f"reason {life}")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervise("plc", image, hold))
        await done.wait()
        assert image.reason == "reason x"
        task.cancel()
    assert [record.message for record in caplog.records] == [
        "link lost", "link good", "link lost", "link good", "link lost",
    ]  # fmt: skip


async def test_programming_error_ends_it() -> None:
    image = ProcessImage(())

    async def hold(up: Callable[[], None]) -> Never:
        up()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await supervise("plc", image, hold)
    assert not image.good


async def test_cancel_that_a_library_swallowed_is_found() -> None:
    async def swallow() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        still_wanted()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(swallow())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    still_wanted()


async def test_task_waiting_in_the_body_of_a_group_is_not_left_marked_as_cancelled() -> None:
    """The fact behind `still_wanted`: waiting in the exit of the group would leave the mark on Python 3.11."""

    async def fail() -> Never:
        raise LinkLost("x")

    async def wait() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await wait()
    still_wanted()


def test_importing_the_room_loads_no_protocol_library() -> None:
    code = "import sys, edge.plc, edge.equipment; print([m for m in ('pymodbus', 'asyncua') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
