"""The process image: the resync barrier, quality, waiting, and what happens to asks when the link goes."""

import asyncio
import json

import pytest

from edge.plc import liveness
from edge.plc.figures import LATE_MAX
from edge.plc.image import (
    ASKS_MAX,
    STALE_MIN_MS,
    STALE_PERIODS,
    LinkLost,
    PlcError,
    ProcessImage,
    Quality,
    Value,
    WriteRejected,
    WriteUnknown,
    monotonic_ms,
)
from edge.settings import Tag

POLLED = {"BootCount": 1, "PlcHeartbeat": 2, "Lane": 3, "Position": 4, "Beat": 0, "Epoch": 0, "Id": 0, "Number": 0}


@pytest.fixture
def image(tags) -> ProcessImage:
    return ProcessImage(tags.modbus)


def up(image: ProcessImage) -> None:
    image.update({**POLLED, "Far": 0})
    image.link_up()


def test_nothing_is_good_before_everything_polled_was_read(image) -> None:
    assert (image.link, image.good, image.value("Lane"), image.number("Lane")) == ("lost", False, None, 0)
    image.update(POLLED)
    assert image.reading("Lane").quality is Quality.UNCERTAIN
    with pytest.raises(LinkLost, match="never read: Far"):
        image.link_up()
    image.update({"Far": 0})
    image.link_up()
    assert image.good
    assert image.is_good("Lane")
    assert not image.is_good("Slot.Head")


def test_lost_link_keeps_values_and_believes_none(image) -> None:
    up(image)
    image.update({"Slot.Head": 7})
    image.link_lost("cable")
    assert (image.value("Lane"), image.reading("Lane").quality) == (3, Quality.BAD)
    assert (image.value("Slot.Head"), image.reading("Slot.Head").quality) == (7, Quality.BAD)
    assert (image.link, image.reason) == ("lost", "cable")
    image.update({"Lane": 5})
    with pytest.raises(LinkLost, match="never read"):
        image.link_up()


def test_sequence_rises_only_when_something_changed_and_age_falls_with_each_read(image) -> None:
    up(image)
    before = image.reading("Lane")
    image.update({"Lane": 3})
    same = image.reading("Lane")
    assert same.sequence == before.sequence
    assert same.edge_ms >= before.edge_ms
    assert same.age_ms >= 0
    image.update({"Lane": 9})
    assert image.reading("Lane").sequence > before.sequence


def test_value_asked_for_earlier_never_undoes_a_later_one(image) -> None:
    up(image)
    early, late = monotonic_ms(), monotonic_ms() + 1
    image.update({"Lane": 9}, late)
    image.update({"Lane": 8}, early)
    assert image.value("Lane") == 9


def test_spoilt_tag_is_bad_until_it_is_read_again(image) -> None:
    up(image)
    image.spoil(["Lane"])
    assert (image.value("Lane"), image.is_good("Lane"), image.good) == (3, False, True)
    image.update({"Lane": 3})
    assert image.is_good("Lane")


def test_source_time_is_kept_where_the_device_tells_it(image) -> None:
    up(image)
    assert image.reading("Lane").source_ms is None
    image.update({"Lane": 4, "Beat": 1}, source_ms={"Lane": 1_700_000_000_000})
    assert image.reading("Lane").source_ms == 1_700_000_000_000
    assert image.reading("Beat").source_ms is None


def test_every_tag_that_is_not_good_says_why(image) -> None:
    assert image.reading("Lane").reason == "not connected yet"
    up(image)
    assert image.reading("Lane").reason == ""
    assert image.reading("Slot.Head").reason == "not read yet"
    image.spoil(["Lane"])
    assert image.reading("Lane").reason == "no value"
    image.spoil(["Lane"], "BadOutOfService")
    assert image.trouble(["Beat", "Lane"]) == "Lane BadOutOfService"
    image.link_lost("cable")
    assert image.reading("Lane").reason == image.reading("Slot.Head").reason == "cable"


def test_refused_tag_does_not_keep_the_link_from_being_good(image) -> None:
    image.update(POLLED)
    image.refuse(["Far"], "illegal address (2)")
    image.link_up()
    assert image.good
    assert image.reading("Far").reason == "refused: illegal address (2)"
    assert image.is_good("Lane")
    image.link_lost("cable")
    image.update(POLLED)
    with pytest.raises(LinkLost, match="never read: Far"):
        image.link_up()


def test_link_without_a_single_tag_is_none(image) -> None:
    image.refuse([tag.name for tag in image.tags], "illegal function (1)")
    with pytest.raises(LinkLost, match=r"no tag could be read: BootCount refused: illegal function \(1\)"):
        image.link_up()


def test_tag_not_refreshed_in_its_time_is_uncertain_until_it_is(image) -> None:
    up(image)
    image.expect(["Lane", "BootCount"], 20)
    image.expect(["Beat"], 2000)
    now_ms = monotonic_ms()
    assert image.stale(now_ms) == ()
    assert image.stale(now_ms + STALE_MIN_MS - 1) == ()
    assert image.stale(now_ms + STALE_MIN_MS + 1) == ("Lane", "BootCount")
    assert image.stale(now_ms + STALE_PERIODS * 2000 + 1) == ("Lane", "BootCount", "Beat")
    assert image.age_out(now_ms + STALE_MIN_MS + 1) == ("Lane", "BootCount")
    assert image.age_out(now_ms + STALE_MIN_MS + 2) == (), "each is counted once"
    assert (image.reading("Lane").quality, image.value("Lane")) == (Quality.UNCERTAIN, 3)
    image.update({"Lane": 3})
    image.confirm(["BootCount"])
    assert image.is_good("Lane")
    assert image.is_good("BootCount")
    assert (image.figures()["stale"], image.figures()["repaired"]) == (2, 2)
    image.spoil(["Lane"])
    image.confirm(["Lane"])
    assert not image.is_good("Lane"), "hearsay makes no bad value good"
    assert image.stale(now_ms + STALE_MIN_MS + 1_000_000) == ("BootCount", "Beat"), "what is BAD is not stale"


def test_figures_are_plain_numbers(image) -> None:
    up(image)
    cycles = image.counts.plan("fast", 20)
    assert [cycles.done(at, took) for at, took in ((0, 5), (20, 7), (45, 30))] == [False, False, False]
    image.link_lost("cable")
    figures = json.loads(json.dumps(image.figures()))
    assert figures["classes"]["fast"] == {
        "plan_ms": 20, "every_ms": {"p50": 25, "max": 25}, "took_ms": {"p50": 7, "max": 30}, "cycles": 3, "late": 1,
    }  # fmt: skip
    assert (figures["link"], figures["reason"], figures["links_lost"]) == ("lost", "cable", 1)
    assert figures["tags"]["bad"] == len(image.tags)


def test_slow_cycles_are_complained_about_once_until_one_is_in_time(image) -> None:
    cycles = image.counts.plan("fast", 20)
    said = [cycles.done(at * 30, 30) for at in range(2 * LATE_MAX)]
    assert said == [at == LATE_MAX - 1 for at in range(2 * LATE_MAX)]
    assert not cycles.done(0, 5)
    assert [cycles.done(0, 30) for _ in range(LATE_MAX)] == [False] * (LATE_MAX - 1) + [True]


async def test_overdue_tags_are_repaired_when_they_are_still_overdue_at_the_next_look(image, monkeypatch) -> None:
    monkeypatch.setattr(liveness, "LOOK_MS", 5)
    monkeypatch.setattr("edge.plc.image.STALE_MIN_MS", 30)
    up(image)
    image.expect(["Lane"], 1)
    asked: list[tuple[str, ...]] = []

    async def repair(names: tuple[str, ...]) -> None:
        asked.append(names)
        if len(asked) == 1:
            raise LinkLost("not now")
        image.update(dict.fromkeys(names, 8))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(liveness.keep_fresh("plc", image, repair))
        assert await image.wait(lambda: image.value("Lane") == 8, 5000)
        assert image.is_good("Lane")
        task.cancel()
    assert asked[:2] == [("Lane",), ("Lane",)]
    assert image.figures()["repaired"] >= 1


async def test_waiting_ends_with_the_change_or_the_time(image) -> None:
    up(image)
    async with asyncio.TaskGroup() as group:
        named = group.create_task(image.wait(["Lane"], 5000))
        asked = group.create_task(image.wait(lambda: image.number("Lane") == 9, 5000))
        link = group.create_task(image.wait(["BootCount"], 5000))
        await asyncio.sleep(0)
        image.update({"Lane": 9})
        await asyncio.sleep(0)
        image.link_lost("cable")
    assert named.result()
    assert asked.result()
    assert link.result()
    assert not await image.wait(["Lane"], 10)


async def test_no_ask_without_a_link_and_none_is_kept_for_later(image) -> None:
    with pytest.raises(LinkLost, match="not connected yet"):
        await image.write([("Beat", 1)])
    with pytest.raises(LinkLost):
        await image.refresh(["Slot.Head"])
    up(image)
    written: list[object] = []

    async def write(values: object) -> None:
        written.append(values)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await image.serve(image.refresh, write)
    assert written == []


@pytest.mark.parametrize("value", [-1, 65_536, "1", float("nan"), float("inf")])
async def test_only_our_tags_and_only_what_fits(image, value) -> None:
    up(image)
    with pytest.raises(WriteRejected, match="belongs to the PLC"):
        await image.write([("Beat", 1), ("Lane", 1)])
    with pytest.raises(WriteRejected, match="does not fit"):
        await image.write([("Beat", value)])


async def test_too_many_asks_are_refused_at_once(image) -> None:
    up(image)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(image.write([("Beat", n)])) for n in range(ASKS_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(LinkLost, match="waiting already"):
            await image.write([("Beat", 1)])
        for task in waiting:
            task.cancel()


async def test_lost_link_settles_what_waits_and_leaves_what_was_sent_unknown(image) -> None:
    up(image)
    started = asyncio.Event()

    async def hang(values: tuple[tuple[str, Value], ...]) -> None:
        started.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        link = group.create_task(image.serve(image.refresh, hang))
        sent = group.create_task(failure(image.write([("Beat", 1)])))
        await started.wait()
        waiting = group.create_task(failure(image.write([("Beat", 2)])))
        reading = group.create_task(failure(image.refresh(["Slot.Head"])))
        await asyncio.sleep(0)
        link.cancel()
        await asyncio.sleep(0)
        image.link_lost("cable")
    assert [type(task.result()) for task in (sent, waiting, reading)] == [WriteUnknown, LinkLost, LinkLost]


async def failure(ask) -> PlcError | None:
    try:
        await ask
    except PlcError as error:
        return error
    return None


async def test_ask_nobody_waits_for_any_more_is_not_sent(image) -> None:
    up(image)
    written: list[object] = []

    async def write(values: object) -> None:
        written.append(values)

    async with asyncio.TaskGroup() as group:
        gone = group.create_task(image.write([("Beat", 1)]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        link = group.create_task(image.serve(image.refresh, write))
        await image.write([("Beat", 2)])
        link.cancel()
    assert written == [(("Beat", 2),)]


def test_image_of_no_tags_is_good_at_once() -> None:
    image = ProcessImage(())
    image.link_up()
    assert image.good
    assert "Lane" not in image
    assert isinstance(image.tags, tuple)
    assert not any(isinstance(tag, Tag) for tag in image.tags)
