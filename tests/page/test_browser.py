"""The pages in a real browser: units move, nothing is fetched from elsewhere, people can work with it."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.messages import AlarmAcknowledged, TaskDone
from edge.messages.vehicles import ActionKind, VehicleActionRequested
from edge.page.server import STATIC
from edge.settings import PageSettings
from tests.page.conftest import Page, served
from tests.page.day import START_MS, Day, office_morning
from tests.page.stage import Stage, link_view, vehicle

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]
SPEED = 6
MORNING_MS = 20 * 60_000
WIDTHS = {"light": (1280, 800), "dark": (1280, 800), "phone": (390, 844)}


class Browser:
    """Chromium, and what it asked for and complained about."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def open(self, url: str, size: tuple[int, int] = (1280, 800), **context: Any) -> Any:
        made = await self._chromium.new_context(viewport={"width": size[0], "height": size[1]}, **context)
        tab = await made.new_page()
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("websocket", lambda socket: self.asked.append(socket.url))
        tab.on("console", lambda line: self.complaints.append(line.text) if line.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        await tab.goto(url)
        return tab


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield Browser(chromium)
        await chromium.close()


@contextlib.asynccontextmanager
async def floor(tmp_path: Path) -> AsyncIterator[tuple[Page, Day]]:
    """A box in the middle of its morning, time running."""
    stage = Stage()
    day = Day(lambda message: _tell(stage, message))
    day.open()
    day.run_until(START_MS + MORNING_MS)
    day.trouble()

    async def drive() -> None:
        began = time.monotonic()
        while True:
            stage.clock_ms = START_MS + MORNING_MS + int((time.monotonic() - began) * 1000 * SPEED)
            day.run_until(stage.clock_ms)
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        driving = tasks.create_task(drive())
        async with stage.serving(tmp_path / "s"), served(PageSettings(port=0), tmp_path / "s", stage) as page:
            await page.until(up=True)
            yield page, day
        driving.cancel()


def _tell(stage: Stage, message: Any) -> None:
    stage.clock_ms = max(stage.clock_ms, message.at_ms)
    stage.tell(message)


async def until(tab: Any, true: str) -> None:
    """Asks from outside, because the page's own rules forbid to evaluate text inside."""
    async with asyncio.timeout(20):
        while not await tab.evaluate(true):
            await asyncio.sleep(0.05)


POSITIONS = """() => Object.fromEntries([...document.querySelectorAll('[data-unit]')]
    .map((unit) => [unit.dataset.unit, unit.getAttribute('transform')]))"""


@pytest.mark.parametrize("look", WIDTHS)
async def test_units_move_and_nothing_comes_from_elsewhere(tmp_path: Path, browser: Browser, look: str) -> None:
    async with floor(tmp_path) as (page, _):
        tab = await browser.open(
            page.url, WIDTHS[look], color_scheme="dark" if look == "dark" else "light", reduced_motion="no-preference"
        )
        await until(tab, "window.__edge.units > 3 && window.__edge.fps > 0")
        before = await tab.evaluate(POSITIONS)
        await tab.wait_for_timeout(700)
        after = await tab.evaluate(POSITIONS)
        assert any(after[unit] != where for unit, where in before.items() if unit in after)
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
        for text in ("conveyor1", "sorter1", "Lane 4 is jammed", "NORTH-1021"):
            assert await tab.get_by_text(text).first.is_visible(), text
        assert await tab.locator("#departures li.risk").count() > 0
        assert await tab.evaluate("document.documentElement.dataset.theme") == ("dark" if look == "dark" else "light")
        picture = tmp_path / f"{look}.png"
        await tab.screenshot(path=str(picture), full_page=True)
        assert picture.stat().st_size > 20_000
        host = page.url.removeprefix("http://")
        assert browser.asked
        assert all(re.match(rf"(http|ws)://{re.escape(host)}/", url) for url in browser.asked), browser.asked
        assert browser.complaints == []


async def test_people_who_want_calm_get_it(tmp_path: Path, browser: Browser) -> None:
    """Without motion the picture steps once a second: between two frames nothing moves."""
    async with floor(tmp_path) as (page, _):
        tab = await browser.open(page.url, reduced_motion="reduce")
        await until(tab, "window.__edge.units > 3")
        steps = await tab.evaluate(
            """async () => { const seen = new Set();
               const one = document.querySelector('[data-unit]');
               for (let i = 0; i < 40; i++) {
                 await new Promise(requestAnimationFrame);
                 seen.add(one.getAttribute('transform'));
               }
               return seen.size; }"""
        )
        assert steps <= 4


async def test_what_is_old_is_shown_as_old(tmp_path: Path, browser: Browser) -> None:
    async with served(PageSettings(port=0), tmp_path / "s", Stage()) as page:
        stage = Stage()
        Day(lambda message: _tell(stage, message)).open()
        async with stage.serving(tmp_path / "s"):
            await page.until(up=True)
            tab = await browser.open(page.url)
            await tab.wait_for_selector("#stale", state="hidden")
            assert await tab.inner_text("#link") == "live"
        await tab.wait_for_selector("#stale", state="visible")
        assert await tab.inner_text("#link") == "not live"
        async with stage.serving(tmp_path / "s"):
            await tab.wait_for_selector("#stale", state="hidden")


async def test_an_alarm_is_acknowledged_by_name(tmp_path: Path, browser: Browser) -> None:
    async with floor(tmp_path) as (page, _):
        tab = await browser.open(page.url)
        button = tab.locator("#alarms li", has_text="Lane 4 is jammed").get_by_role("button")
        await button.click()
        assert page.stage.reported == [], "nothing is done without a name"
        await tab.keyboard.type("ann")
        await button.click()
        await button.wait_for(state="hidden")
        (acknowledged,) = page.stage.reported
        assert isinstance(acknowledged, AlarmAcknowledged)
        assert acknowledged.by == "ann"
        assert await tab.locator("#alarms li", has_text="seen by ann").count() == 1


async def test_a_command_is_asked_twice(tmp_path: Path, browser: Browser) -> None:
    async with floor(tmp_path) as (page, _):
        tab = await browser.open(page.url)
        await tab.fill("#operator", "ann")
        await tab.get_by_role("button", name="conveyor2, details").click()
        stop = tab.locator("dialog").get_by_role("button", name="Stop")
        await stop.click()
        assert page.stage.reported == []
        await stop.click()
        await tab.get_by_text("Stop: asked").wait_for()
        assert [getattr(m, "machine_id", "") for m in page.stage.reported] == ["conveyor2"]


async def test_the_office_sees_orders_instead_of_machines(tmp_path: Path, browser: Browser) -> None:
    stage = Stage()
    office_morning(lambda message: _tell(stage, message))
    async with stage.serving(tmp_path / "s"), served(PageSettings(port=0), tmp_path / "s", stage) as page:
        await page.until(up=True)
        tab = await browser.open(page.url)
        await tab.wait_for_selector("#book tr")
        assert not await tab.locator("#floor").is_visible()
        await tab.fill("#book-filter", "rejected")
        await until(tab, "document.querySelectorAll('#book tr').length < 10")
        assert await tab.locator("#book tr", has_text="SO-10207").count() == 1
        assert browser.complaints == []


async def test_a_person_works_with_the_scanner(page: Page, browser: Browser) -> None:
    tab = await browser.open(f"{page.url}/handheld?person=kim&skills=pick&zones=A", (390, 760))
    await tab.get_by_text("A-03-12-2").wait_for()
    await tab.keyboard.type("999\n")
    await tab.get_by_text("Wrong label. Expected 5012345678900").wait_for()
    await tab.keyboard.type("5012345678900\n")
    await tab.get_by_role("button", name="one less").click()
    await tab.click("#done")
    await tab.get_by_role("button", name="Not enough").click()
    await tab.get_by_text("Done.").wait_for()
    (done,) = [m for m in page.stage.reported if isinstance(m, TaskDone)]
    assert (done.resource_id, done.task_id, done.quantity, done.scanned, done.reason) == (
        "kim",
        "T-1",
        2,
        "5012345678900",
        "SHORT",
    )
    await tab.locator("#scan").wait_for()
    assert await tab.evaluate("document.activeElement.id") == "scan"
    assert browser.complaints == []


async def test_reports_wait_for_the_network_and_are_booked_once(page: Page, browser: Browser) -> None:
    tab = await browser.open(f"{page.url}/handheld?person=kim&skills=pick&zones=A", (390, 760))
    await tab.locator("#scan").wait_for()
    await tab.keyboard.type("5012345678900\n")
    await tab.context.set_offline(True)
    await tab.click("#done")
    await tab.get_by_text("1 report waits for the network").wait_for()
    assert not any(isinstance(m, TaskDone) for m in page.stage.reported)
    await tab.context.set_offline(False)
    await tab.locator("#scan").wait_for()
    assert not await tab.locator("#queue").is_visible()
    assert [m.task_id for m in page.stage.reported if isinstance(m, TaskDone)] == ["T-1"]


def test_the_files_name_no_other_host() -> None:
    for path in STATIC.rglob("*.*"):
        found = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text("utf-8")))
        assert found <= {"http://www.w3.org/2000/svg"}, path


def test_the_files_are_small_rooms() -> None:
    for path in STATIC.rglob("*.*"):
        assert len(path.read_text("utf-8").splitlines()) <= 400, path


async def test_a_vehicle_is_paused_and_a_link_looked_at_from_the_page(tmp_path: Path, browser: Browser) -> None:
    async with floor(tmp_path) as (page, _):
        page.stage.figures.link("conveyor1", link_view())
        page.stage.tell(vehicle("agv1"))
        tab = await browser.open(page.url, reduced_motion="reduce")
        await until(tab, "window.__edge.units > 3")
        await tab.get_by_role("button", name="conveyor1").first.click()
        await tab.get_by_role("cell", name="FAST").wait_for()
        await tab.get_by_role("button", name="Close").click()
        await tab.locator("#operator").fill("ann")
        await tab.get_by_role("button", name="agv1, details").dispatch_event("click")
        await tab.get_by_role("button", name="Pause").click()
        await tab.get_by_role("button", name="Pause: sure?").click()
        await tab.get_by_text("Pause: asked").wait_for()
        asked = next(m for m in page.stage.reported if isinstance(m, VehicleActionRequested))
        assert (asked.vehicle_id, asked.kind, asked.by) == ("agv1", ActionKind.PAUSE, "ann")
        assert browser.complaints == []
