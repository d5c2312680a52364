"""Forecasts beside the loop: a copy of the floor, its futures in short slices, an event at last.

The result enters by `report` like everything else, so that a replay hears the same forecast and decides the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns
from typing import Never, Protocol

from edge.messages import ForecastMade, Message
from edge.settings import ForecastSettings
from edge.wes import outlook
from edge.wes.engine import Engine

SLICE_US = 2_000
"""A slice ends after about this long; the step inside it adapts, so that none holds the loop for 5 ms."""
STEP_FIRST = 32
STEP_MAX = 4096
PAUSE_S = 0.008


class Figures(Protocol):
    """Where times are counted."""

    def time_us(self, name: str, value: int) -> None: ...


async def keep(
    settings: ForecastSettings,
    engine: Engine,
    report: Callable[[Message], Awaitable[Sequence[Message]]],
    now_ms: Callable[[], int],
    figures: Figures,
) -> Never:
    """Forecasts again and again; a floor without open departures is asked again later."""
    seed = 0
    while True:
        started = asyncio.get_running_loop().time()
        made = await forecast(settings, engine, seed, now_ms, figures)
        if made is not None:
            await report(made)
        seed += 1
        spent = asyncio.get_running_loop().time() - started
        await asyncio.sleep(max(1.0, settings.every_ms / 1000 - spent))


async def forecast(
    settings: ForecastSettings, engine: Engine, seed: int, now_ms: Callable[[], int], figures: Figures
) -> ForecastMade | None:
    """One forecast; None when nothing is open."""
    began = perf_counter_ns()
    copy = engine.copy(now_ms())
    figures.time_us("forecast_copy_us", (perf_counter_ns() - began) // 1000)
    if not copy.departures or not copy.units:
        return None
    # The copy alone holds the loop long enough.
    await asyncio.sleep(PAUSE_S)
    work = outlook.forecast(engine.floor, copy, settings.futures, seed)
    step, done, busy_us = STEP_FIRST, False, 0
    while not done:
        await asyncio.sleep(PAUSE_S)
        began = perf_counter_ns()
        spent_us = 0
        while not done and spent_us < SLICE_US:
            before_us = spent_us
            done = work.work(step)
            spent_us = (perf_counter_ns() - began) // 1000
            step = max(1, step // 2) if spent_us - before_us > SLICE_US // 2 else min(STEP_MAX, step + 8)
        busy_us += spent_us
        figures.time_us("forecast_slice_us", spent_us)
    figures.time_us("forecast_us", busy_us)
    return outlook.told(engine.floor, copy, work.result(), settings.futures, now_ms())
