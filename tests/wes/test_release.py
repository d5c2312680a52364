"""Waveless release: what is let onto the floor, in which order, and what is said about the rest."""

from edge.messages import Link, OrderHeldBack, OrderStarted, PackMl, TaskKind
from tests.wes.scene import MINUTE, T0, WIP_A, Play, assigned, load, of, pack, pick


def test_no_more_units_than_the_zone_may_hold() -> None:
    play = Play()
    out = play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(5)))
    assert len(of(OrderStarted, out)) == WIP_A
    assert [(m.order_id, m.reason) for m in of(OrderHeldBack, out)] == [
        ("order-hu3", "ZONE_WIP A 3/3"),
        ("order-hu4", "ZONE_WIP A 3/3"),
    ]
    got = [assigned(play.join(f"p{n}")) for n in range(5)]
    assert sum(len(each) for each in got) == WIP_A


def test_held_back_is_said_once_per_reason() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    assert len(of(OrderHeldBack, play.plan(pick("t3", "hu3", order_id="big")))) == 1
    assert of(OrderHeldBack, play.plan(pick("t4", "hu4", order_id="big"))) == []


def test_a_unit_leaves_the_window_when_it_is_packed() -> None:
    play = Play()
    tasks = {f"t{n}": pick(f"t{n}", f"hu{n}") for n in range(4)}
    closing = pack("p0", "hu0", ("t0",))
    play.plan(*tasks.values(), closing)
    play.join("ann", "pick")
    assert of(OrderStarted, play.done("ann", tasks["t0"])) == []
    play.join("bob", "pack")
    out = play.done("bob", closing)
    assert [m.order_id for m in of(OrderStarted, out)] == ["order-hu3"]


def test_a_filled_unit_keeps_its_place_until_its_pack_task_comes() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    play.plan(*tasks)
    play.join("ann", "pick")
    assert of(OrderStarted, play.done("ann", tasks[0])) == []
    closing = pack("p0", "hu0", ("t0",))
    play.join("bob", "pack")
    assert assigned(play.plan(closing)) == {"bob": "p0"}
    assert [m.order_id for m in of(OrderStarted, play.done("bob", closing))] == ["order-hu3"]


def test_a_unit_that_could_not_be_packed_keeps_its_place() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    play.plan(*tasks)
    play.join("ann", "pick")
    play.done("ann", tasks[0])
    play.join("bob", "pack")
    closing = pack("p0", "hu0", ())
    play.plan(closing)
    assert of(OrderStarted, play.done("bob", closing, quantity=0)) == []
    assert assigned(play.plan(pack("p1", "hu0", ()))) == {"bob": "p1"}


def test_a_unit_nothing_was_found_for_gives_its_place_away() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    play.plan(*tasks)
    play.join("ann", "pick")
    assert [m.order_id for m in of(OrderStarted, play.done("ann", tasks[0], quantity=0))] == ["order-hu3"]


def test_the_most_urgent_waits_first_and_priority_counts() -> None:
    play = Play()
    first = [pick(f"t{n}", f"hu{n}") for n in range(3)]
    play.plan(*first)
    for n in range(3):
        play.join(f"p{n}", "pick")
    play.plan(
        pick("late", "hu-late", due_ms=T0 + 200 * MINUTE),
        pick("soon", "hu-soon", due_ms=T0 + 100 * MINUTE),
        pick("vip", "hu-vip", due_ms=T0 + 110 * MINUTE, priority=1),
    )
    started = []
    for n, task in enumerate(first):
        started += [m.order_id for m in of(OrderStarted, play.done(f"p{n}", task, quantity=0))]
    assert started == ["order-hu-vip", "order-hu-soon", "order-hu-late"]


def test_nobody_waits_for_ever() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    play.join("ann", "pick")
    play.plan(pick("far", "hu-far", due_ms=T0 + 8 * 60 * MINUTE))
    current = "t0"
    for round_ in range(1, 200):
        play.now += 5 * MINUTE
        play.plan(pick(f"n{round_}", f"hu-n{round_}", due_ms=play.now + 60 * MINUTE))
        record = play.engine.save().tasks[current]
        out = play.done("ann", record.task, quantity=0)
        if "order-hu-far" in [m.order_id for m in of(OrderStarted, out)]:
            assert play.now < T0 + 7 * 60 * MINUTE
            return
        current = assigned(out)["ann"]
    raise AssertionError("the order with a far cutoff was never let in")


def test_loading_and_putting_away_have_no_limit() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(4)))
    away = pick("a1", "", kind=TaskKind.PUTAWAY, skill="putaway", source="RECV-1", target="A-01-01-1", order_id="")
    for n in range(5):
        play.join(f"p{n}", "load", "putaway")
    loads = [load(f"l{n}", f"x{n}", "sorter1/L01") for n in range(4)]
    assert len(assigned(play.plan(away, *loads))) == 5


def test_a_conveyor_that_is_down_holds_new_orders_back() -> None:
    play = Play()
    play.all_run()
    play.machine("conveyor1", PackMl.HELD)
    out = play.plan(pick("t1", "hu1"))
    assert [m.reason for m in of(OrderHeldBack, out)] == ["MACHINE_DOWN conveyor1"]
    assert [m.order_id for m in of(OrderStarted, play.machine("conveyor1"))] == ["order-hu1"]
    play.machine("sorter1", link=Link.LOST)
    assert [m.reason for m in of(OrderHeldBack, play.plan(pick("t2", "hu2")))] == ["MACHINE_DOWN sorter1"]


def test_units_for_a_robot_that_is_down_do_not_block_the_zone() -> None:
    play = Play()
    play.all_run()
    play.machine("robot1", PackMl.ABORTED)
    robots = [
        pick(f"r{n}", f"hu-r{n}", zone="B", source="B-01-01-1", robot_only=True, due_ms=T0 + 30 * MINUTE)
        for n in range(3)
    ]
    out = play.plan(*robots, pick("t1", "hu1", zone="B", source="B-01-01-1"))
    assert {m.reason for m in of(OrderHeldBack, out)} == {"MACHINE_DOWN robot1"}
    assert assigned(play.join("ann")) == {"ann": "t1"}
    assert "order-hu-r0" in [m.order_id for m in of(OrderStarted, play.machine("robot1"))]
