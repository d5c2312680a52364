"""Vehicles as resources: from a CARRY task to the drives that do it, and what happens when they do not."""

from dataclasses import replace

from edge.messages import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    SiteOpened,
    TaskAssigned,
    TaskCompleted,
    TasksPlanned,
    TaskUnassigned,
    TaskWithdrawn,
    UnitMissing,
    Woken,
)
from edge.messages.vehicles import (
    ActionKind,
    CancelDrive,
    DriveEnded,
    DriveRefused,
    DriveVehicle,
    ErrorLevel,
    VehicleAction,
    VehicleActionEnded,
    VehicleActionRequested,
    VehicleDescribed,
    VehicleError,
    VehicleLink,
    VehicleMode,
)
from edge.wes.drives import DriveState
from edge.wes.engine import Engine
from tests.wes.carts import Hall, carry, fleet_site
from tests.wes.scene import DISK, of, through_disk


def plan(hall: Hall, *tasks: object) -> None:
    hall.tell(TasksPlanned(at_ms=hall.play.now, site="S1", tasks=tasks))  # type: ignore[arg-type]


def test_a_unit_is_carried_by_a_vehicle_and_completed() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    assert [(m.resource_id, m.task.task_id) for m in hall.of(TaskAssigned)] == [("agv0", "t1")]
    order = hall.of(DriveVehicle)[0]
    assert [(n.node_id, n.released) for n in order.nodes] == [("h0", True), ("a", True), ("b", False), ("c", False)]
    assert [a.kind for n in order.nodes for a in n.actions] == [ActionKind.PICK, ActionKind.DROP]
    hall.go()
    done = hall.of(TaskCompleted)
    assert [(m.task_id, m.resource_id, m.quantity) for m in done] == [("t1", "agv0", 1)]
    assert hall.carts["agv0"].kinds == [ActionKind.PICK, ActionKind.DROP]
    assert hall.carts["agv0"].node_id == "h0", "without work it goes home"
    assert not hall.of(AlarmRaised)


def test_the_base_ends_where_something_is_to_be_done() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(1)
    assert hall.engine.floor.traffic.travellers["agv0"].held == ("a",)
    hall.go(2)
    assert hall.engine.floor.state.vehicles["agv0"].drive.state is DriveState.LOADED  # type: ignore[union-attr]


def test_two_vehicles_share_the_roads() -> None:
    hall = Hall()
    hall.hear()
    plan(hall, *(carry(f"t{n}", f"hu{n}", target=f"sorter1/L0{n % 2 + 1}") for n in range(8)))
    hall.go(200)
    assert sorted(m.task_id for m in hall.of(TaskCompleted)) == sorted(f"t{n}" for n in range(8))
    assert {m.resource_id for m in hall.of(TaskCompleted)} == {"agv0", "agv1"}
    assert {name: cart.node_id for name, cart in hall.carts.items()} == {"agv0": "h0", "agv1": "h1"}
    assert not hall.of(AlarmRaised)


def test_the_nearest_vehicle_by_the_roads_gets_the_task() -> None:
    hall = Hall()
    hall.hear()
    plan(hall, carry("t1", "hu1", source="sorter1/L01", target="sorter1/L13"))
    assert [m.resource_id for m in hall.of(TaskAssigned)] == ["agv1"]


def test_vehicles_do_nothing_but_carry_from_station_to_station() -> None:
    hall = Hall()
    hall.hear()
    plan(hall, carry("t1", "hu1", source="sorter1/L14"))
    assert not hall.of(TaskAssigned)
    hall.play.join("anna")
    assert hall.engine.floor.state.tasks["t1"].resource_id == "anna"


def test_a_vehicle_takes_work_only_when_it_can() -> None:
    for view in (
        {"mode": VehicleMode.MANUAL},
        {"link": VehicleLink.SILENT},
        {"errors": (VehicleError(level=ErrorLevel.FATAL, kind="lidar"),)},
        {"stopped": "ESTOP"},
        {"localized": False},
        {"node_id": "elsewhere"},
        {"loads": ("somebody's",)},
        {"busy_with": "somebody else's"},
    ):
        hall = Hall(vehicles=1)
        hall.carts["agv0"].view = view
        hall.hear()
        plan(hall, carry("t1", "hu1"))
        assert not hall.of(TaskAssigned), view
        hall.carts["agv0"].view = {}
        hall.hear()
        assert hall.of(TaskAssigned), view


def test_a_vehicle_that_sends_rubbish_is_an_alarm_while_it_does() -> None:
    hall = Hall(vehicles=1)
    hall.carts["agv0"].view = {"reason": "RUBBISH on state: battery"}
    hall.hear()
    assert "battery" in {m.alarm_id: m.text for m in hall.of(AlarmRaised)}["agv0:rubbish"]
    hall.carts["agv0"].view = {}
    hall.hear()
    assert [m.alarm_id for m in hall.of(AlarmCleared)] == ["agv0:rubbish"]


def test_errors_are_alarms_by_level() -> None:
    hall = Hall(vehicles=1)
    hall.carts["agv0"].view = {
        "errors": (
            VehicleError(level=ErrorLevel.WARNING, kind="batteryLow"),
            VehicleError(level=ErrorLevel.URGENT, kind="wheel"),
            VehicleError(level=ErrorLevel.FATAL, kind="lidar"),
        )
    }
    hall.hear()
    assert {m.alarm_id: m.priority for m in hall.of(AlarmRaised)} == {
        "agv0:warning": 4, "agv0:urgent": 3, "agv0:fatal": 2,
    }  # fmt: skip
    hall.carts["agv0"].view = {}
    hall.hear()
    assert {m.alarm_id for m in hall.of(AlarmCleared)} == {"agv0:warning", "agv0:urgent", "agv0:fatal"}


CRITICAL = {"errors": (VehicleError(level=ErrorLevel.CRITICAL, kind="ACTION_FAILED"),)}


def test_after_a_failed_pick_a_vehicle_with_a_critical_error_gets_another_order() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.carts["agv0"].fails = {ActionKind.PICK: 1}
    while not hall.of(CancelDrive):
        hall.go(1)
    hall.carts["agv0"].view = CRITICAL
    hall.hear()
    hall.go(60)
    assert [(m.task_id, m.quantity) for m in hall.of(TaskCompleted)] == [("t1", 1)]


def test_a_vehicle_that_cannot_go_on_gives_up_its_drive_and_takes_another() -> None:
    hall = Hall(site=fleet_site(1, ahead=1))
    hall.hear()
    plan(hall, carry("t1", "hu1", source="sorter1/L02", target="sorter1/L01"))
    hall.go(1)
    hall.carts["agv0"].view = CRITICAL
    hall.hear()
    assert not hall.of(CancelDrive), "a person may still remove the cause"
    hall.play.now += 31_000
    hall.tell(Woken(at_ms=hall.play.now))
    assert [m.resource_id for m in hall.of(TaskUnassigned)] == ["agv0"]
    assert [m.reason for m in hall.of(CancelDrive)] == ["VEHICLE_GAVE_UP"]
    hall.go(60)
    assert [(m.task_id, m.resource_id) for m in hall.of(TaskCompleted)] == [("t1", "agv0")]


def test_a_vehicle_lost_before_its_pick_is_out_gives_the_task_back() -> None:
    hall = Hall(site=fleet_site(2, ahead=1))
    hall.carts["agv1"].view = {"mode": VehicleMode.MANUAL}
    hall.hear()
    plan(hall, carry("t1", "hu1", source="sorter1/L02", target="sorter1/L01"))
    hall.go(1, "agv0")
    hall.carts["agv0"].view = {"link": VehicleLink.BROKEN}
    hall.carts["agv1"].view = {}
    hall.hear()
    hall.play.now += 31_000
    hall.tell(Woken(at_ms=hall.play.now))
    assert [m.resource_id for m in hall.of(TaskUnassigned)] == ["agv0"]
    hall.go(60, "agv1")
    assert [(m.task_id, m.resource_id) for m in hall.of(TaskCompleted)] == [("t1", "agv1")]
    assert hall.carts["agv0"].kinds == []


def test_a_vehicle_that_dies_with_a_unit_calls_a_person_who_may_take_over() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    hall.play.packed("hu1")
    plan(hall, carry("t1", "hu1"))
    hall.go(3)
    assert hall.carts["agv0"].loads == ("hu1",)
    where = hall.carts["agv0"].node_id
    hall.carts["agv0"].view = {"errors": (VehicleError(level=ErrorLevel.FATAL, kind="drive"),)}
    hall.hear()
    hall.play.now += 31_000
    hall.tell(Woken(at_ms=hall.play.now))
    raised = {m.alarm_id: m for m in hall.of(AlarmRaised)}
    assert where in raised["agv0:stranded"].text
    assert "hu1" in raised["agv0:stranded"].text
    assert not hall.of(TaskUnassigned)
    hall.tell(AlarmAcknowledged(at_ms=hall.play.now, alarm_id="agv0:stranded", by="anna"))
    assert [(m.hu_id, m.machine_id) for m in hall.of(UnitMissing)] == [("hu1", "agv0")]
    assert hall.of(CancelDrive)
    assert "t1" not in hall.engine.floor.state.tasks
    hall.tell(TaskWithdrawn(at_ms=hall.play.now, site="S1", task_id="t1", reason="unit came to rest elsewhere"))
    hall.carts["agv0"].loads, hall.carts["agv0"].view = (), {}
    hall.hear()
    hall.hear()
    plan(hall, carry("t2", "hu2"))
    hall.go(30)
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t2"]


def test_a_vehicle_that_comes_back_with_its_unit_goes_on() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(3)
    hall.carts["agv0"].view = {"link": VehicleLink.BROKEN}
    hall.hear()
    hall.play.now += 31_000
    hall.tell(Woken(at_ms=hall.play.now))
    hall.carts["agv0"].view = {}
    hall.go(20)
    assert "agv0:stranded" in {m.alarm_id for m in hall.of(AlarmCleared)}
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t1"]


def test_a_failed_pick_cancels_the_drive_and_is_tried_again() -> None:
    hall = Hall(vehicles=1)
    hall.carts["agv0"].fails = {ActionKind.PICK: 1}
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(60)
    assert [m.reason for m in hall.of(CancelDrive)] == ["PICK_FAILED"]
    assert [m.reason for m in hall.of(TaskUnassigned)] == ["VEHICLE_PICK_FAILED"]
    assert [(m.task_id, m.quantity) for m in hall.of(TaskCompleted)] == [("t1", 1)]


def test_a_pick_that_never_works_ends_the_task_with_nothing() -> None:
    hall = Hall(vehicles=1)
    hall.carts["agv0"].fails = {ActionKind.PICK: 9}
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(200)
    assert [(m.quantity, m.reason) for m in hall.of(TaskCompleted)] == [(0, "VEHICLE_FAILED")]


def test_a_failed_drop_is_tried_again_with_a_new_order() -> None:
    hall = Hall(vehicles=1)
    hall.carts["agv0"].fails = {ActionKind.DROP: 1}
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(60)
    assert [m.reason for m in hall.of(CancelDrive)] == ["DROP_FAILED"]
    assert [(m.task_id, m.quantity) for m in hall.of(TaskCompleted)] == [("t1", 1)]
    assert hall.carts["agv0"].kinds == [ActionKind.PICK, ActionKind.DROP]


def test_a_refused_order_gives_the_task_back() -> None:
    hall = Hall()
    hall.carts["agv0"].deaf = True
    hall.hear()
    hall.carts["agv0"].deaf = False
    hall.hear("agv0")
    hall.carts["agv0"].deaf = True
    plan(hall, carry("t1", "hu1"))
    order = hall.of(DriveVehicle)[0]
    assert order.vehicle_id == "agv0"
    refused = DriveRefused(
        at_ms=hall.play.now, vehicle_id="agv0", drive_id=order.drive_id, update=0, reason="NO_ROUTE_TO_TARGET"
    )
    hall.tell(refused)
    assert [m.resource_id for m in hall.of(TaskUnassigned)] == ["agv0"]
    hall.tell(refused)
    hall.go(40, "agv1")
    assert [(m.task_id, m.resource_id) for m in hall.of(TaskCompleted)] == [("t1", "agv1")]


def test_no_answer_is_no_refusal() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    order = hall.of(DriveVehicle)[0]
    hall.tell(
        DriveRefused(at_ms=hall.play.now, vehicle_id="agv0", drive_id=order.drive_id, update=0, reason="NO_ANSWER")
    )
    assert not hall.of(TaskUnassigned)
    hall.go()
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t1"]
    assert "agv0:order" in {m.alarm_id for m in hall.of(AlarmCleared)}


def test_a_drive_the_vehicle_forgot_is_given_again() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(3)
    cart, first = hall.carts["agv0"], hall.of(DriveVehicle)[0].drive_id
    cart.nodes, cart.edges, cart.drive_id = [], [], ""
    hall.tell(DriveEnded(at_ms=hall.play.now, vehicle_id="agv0", drive_id=first, result="LOST"))
    hall.go(30)
    assert len({m.drive_id for m in hall.of(DriveVehicle)}) >= 2
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t1"]
    assert cart.kinds == [ActionKind.PICK, ActionKind.DROP], "the unit was aboard: it is not taken up twice"


def test_a_low_battery_is_charged_and_the_plug_is_pulled_before_the_next_drive() -> None:
    hall = Hall(vehicles=1)
    cart = hall.carts["agv0"]
    cart.battery = 20
    hall.hear()
    hall.go(10)
    assert cart.node_id == "p"
    assert cart.charging
    plan(hall, carry("t1", "hu1"))
    assert not hall.of(TaskAssigned)
    cart.battery = 60
    hall.hear()
    assert hall.of(TaskAssigned)
    hall.go(30)
    assert cart.kinds == [
        ActionKind.START_CHARGING, ActionKind.STOP_CHARGING, ActionKind.PICK, ActionKind.DROP,
    ]  # fmt: skip
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t1"]


def test_a_full_battery_goes_home() -> None:
    hall = Hall(vehicles=1)
    cart = hall.carts["agv0"]
    cart.battery = 20
    hall.hear()
    hall.go(10)
    cart.battery = 95
    hall.go(20)
    assert (cart.node_id, cart.charging) == ("h0", False)


def test_one_charger_is_for_one_vehicle() -> None:
    hall = Hall()
    for cart in hall.carts.values():
        cart.battery = 20
    hall.hear()
    hall.go(30)
    assert sorted(cart.charging for cart in hall.carts.values()) == [False, True]


def test_a_vehicle_on_its_way_home_is_led_elsewhere_by_an_update() -> None:
    hall = Hall(vehicles=1, site=fleet_site(1, ahead=1))
    hall.hear()
    plan(hall, carry("t1", "hu1", target="sorter1/L02"))
    while not hall.of(TaskCompleted):
        hall.go(1)
    hall.go(7)
    assert hall.carts["agv0"].busy
    drive = hall.engine.floor.state.vehicles["agv0"].drive
    assert drive is not None
    before = drive.drive_id
    plan(hall, carry("t2", "hu2", source="sorter1/L13", target="sorter1/L02"))
    hall.go(40)
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t1", "t2"]
    assert any(m.drive_id == before and "t2" for m in hall.of(DriveVehicle) if m.update > 0)


def test_a_task_withdrawn_before_its_pick_is_out_sends_the_vehicle_home() -> None:
    hall = Hall(vehicles=1, site=fleet_site(1, ahead=1))
    hall.hear()
    plan(hall, carry("t1", "hu1", source="sorter1/L01", target="sorter1/L02"))
    hall.go(1)
    hall.tell(TaskWithdrawn(at_ms=hall.play.now, site="S1", task_id="t1", reason="cancelled"))
    hall.go(20)
    assert hall.carts["agv0"].kinds == []
    assert hall.carts["agv0"].node_id == "h0"


def test_a_restart_tells_each_drive_again_in_the_same_words() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(2)
    last = hall.of(DriveVehicle)[-1]
    hall.play.engine = through_disk(hall.engine)
    again = hall.tell(SiteOpened(at_ms=hall.play.now, site=fleet_site(1)))
    assert of(DriveVehicle, again) == [replace(last, begun=True)]
    assert not hall.engine.floor.state.resources["agv0"].available
    hall.go()
    assert [m.task_id for m in hall.of(TaskCompleted)] == ["t1"]


def test_a_layout_without_the_node_it_holds_gives_the_drive_up() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(3)
    site = fleet_site(1)
    assert site.fleet is not None
    held = hall.engine.floor.traffic.travellers["agv0"].held
    assert held
    again = hall.tell(SiteOpened(at_ms=hall.play.now, site=fleet_site(1, nodes=site.fleet.nodes[:1], edges=())))
    assert [m.reason for m in of(CancelDrive, again)] == ["LAYOUT_CHANGED"]


def test_operators_may_pause_and_resume_and_nothing_else() -> None:
    hall = Hall(vehicles=1)
    hall.hear()
    ask = VehicleActionRequested(at_ms=hall.play.now, vehicle_id="agv0", kind=ActionKind.PAUSE, by="anna")
    assert [m.kind for m in of(VehicleAction, hall.tell(ask))] == [ActionKind.PAUSE]
    for wrong in (
        VehicleActionRequested(at_ms=hall.play.now, vehicle_id="agv0", kind=ActionKind.PICK, by="anna"),
        VehicleActionRequested(at_ms=hall.play.now, vehicle_id="agv9", kind=ActionKind.PAUSE, by="anna"),
    ):
        out = hall.tell(wrong)
        assert [m.result for m in of(VehicleActionEnded, out)] == ["FAILED"]
        assert not of(VehicleAction, out)


def test_a_factsheet_that_lacks_what_is_needed_is_an_alarm() -> None:
    hall = Hall(vehicles=1)
    said = VehicleDescribed(
        at_ms=hall.play.now, vehicle_id="agv0", series="T1", speed_mm_s=1000, nodes_max=10, actions=("pick",)
    )
    assert [m.alarm_id for m in of(AlarmRaised, hall.tell(said))] == ["agv0:factsheet"]


def test_a_vehicle_put_where_another_is_asks_for_a_person() -> None:
    hall = Hall()
    hall.hear()
    hall.carts["agv1"].node_id = "h0"
    hall.hear("agv1")
    assert "agv1:place" in {m.alarm_id for m in hall.of(AlarmRaised)}
    hall.carts["agv1"].node_id = "c"
    hall.hear("agv1")
    assert "agv1:place" in {m.alarm_id for m in hall.of(AlarmCleared)}


def test_the_same_messages_give_the_same_answers_also_over_the_disk() -> None:
    hall = Hall()
    hall.carts["agv0"].fails = {ActionKind.PICK: 1}
    hall.carts["agv1"].battery = 25
    hall.hear()
    plan(hall, *(carry(f"t{n}", f"hu{n}", target=f"sorter1/L0{n % 2 + 1}") for n in range(4)))
    hall.go(120)
    assert len(hall.of(TaskCompleted)) == 4
    engine = Engine()
    engine.handle(SiteOpened(at_ms=hall.log[0][0], site=fleet_site(2)), hall.log[0][0])
    for n, (now, message, out) in enumerate(hall.log):
        assert engine.handle(message, now) == out
        if n % 20 == 0:
            engine = through_disk(engine)
    assert DISK.dump_json(engine.save()) == DISK.dump_json(hall.engine.save())


def test_a_vehicle_that_gave_up_between_two_nodes_keeps_both() -> None:
    hall = Hall(vehicles=1)
    hall.carts["agv0"].fails = {ActionKind.DROP: 1}
    hall.hear()
    plan(hall, carry("t1", "hu1"))
    hall.go(3)
    drive = hall.of(DriveVehicle)[0].drive_id
    way = hall.engine.floor.traffic.travellers["agv0"]
    here, further = way.held[:2]
    hall.carts["agv0"].view = {"past_mm": 1200, "mode": VehicleMode.MANUAL}
    hall.hear()
    hall.tell(DriveEnded(at_ms=hall.play.now, vehicle_id="agv0", drive_id=drive, result="CANCELLED"))
    assert (way.held, way.near) == ((here,), (further,))
    hall.carts["agv0"].view = {"past_mm": 0, "mode": VehicleMode.MANUAL}
    hall.tell(hall.carts["agv0"].says(hall.play.now)[0])
    assert (way.held, way.near) == ((here,), ())
