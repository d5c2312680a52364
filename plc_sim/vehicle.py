"""A vehicle that speaks VDA 5050 as a pure model: takes orders, drives, acts, charges, fails. No clock, no net.

It follows lines on a map of its own (`Track`): it stops at nodes, so after cancelOrder it drives on to the next one,
unless it stands already. Whatever happens only calls `stir`; what can be done then is done at the end of the instant.
"""

import random
from collections.abc import Callable
from typing import Any

from edge.settings import FleetSettings, VehicleSettings
from plc_sim.actuations import Actuation, Did
from plc_sim.agenda import Agenda
from plc_sim.plant import Plant
from plc_sim.vehicle_actions import STANDING, Actions, ActionState
from plc_sim.vehicle_body import ACCELERATION_MM_S2, Body
from plc_sim.vehicle_course import Course, Verdict
from plc_sim.vehicle_errors import Complaint, Problem, Refused, Until
from plc_sim.vehicle_instants import Instants
from plc_sim.vehicle_load import Load
from plc_sim.vehicle_order import Malformed, Order, parse, read_instants, read_order, references
from plc_sim.vehicle_track import Spot, Track
from plc_sim.vehicle_voice import Voice
from plc_sim.vehicle_words import DIALECTS, ERRORS_MAX, Sheet, View

DRIVES = ("AUTOMATIC", "SEMIAUTOMATIC")
TAKES_ORDERS = (*DRIVES, "INTERVENED")
FORGETS_PLACE = ("SERVICE", "TEACH_IN", "STARTUP")
LOW_PERCENT, ENOUGH_PERCENT = 15, 20
PREPARE_PERCENT = 10
"""Of a pick or drop is preparation."""
SPREAD_PERCENT = 10
PLUG_MS = 2000


class Vehicle:
    """One vehicle. `voice.tell` gets its messages, `hear` takes those for it."""

    def __init__(
        self,
        settings: VehicleSettings,
        fleet: FleetSettings,
        track: Track,
        plant: Plant,
        agenda: Agenda,
        speed: int,
        seed: int,
        record: Callable[[Actuation], None],
        at: Spot,
    ) -> None:
        self.name = settings.vehicle_id
        self.settings = settings
        self.dialect = DIALECTS[settings.version]
        self.track = track
        self.boot = 1
        self.mode = "AUTOMATIC"
        self.paused = self.estop = self.blocked = False
        self.failing = 0
        """So many picks and drops to come fail."""
        self.errors: list[Complaint] = []
        self.last_node, self.last_sequence = at.node_id, 0
        self.cancelling: ActionState | None = None
        self.body = Body(agenda, at, self._arrived, self._passed)
        self.course = Course(track, self.dialect.major)
        self.actions = Actions(agenda, self.stir)
        self.load = Load(self.name, plant, track, fleet.load_type)
        self.handling_ms = fleet.handling_ms
        sheet = Sheet(
            series=settings.type or "plc-sim",
            speed_mm_s=settings.speed_mm_s,
            acceleration_mm_s2=ACCELERATION_MM_S2,
            handling_s=fleet.handling_ms / 1000,
            load_type=fleet.load_type,
        )
        self.voice = Voice(settings, self.dialect, agenda, speed, sheet, self.view)
        self._instants = Instants(self)
        self._rng = random.Random(f"{seed}:{self.name}")
        self._agenda = agenda
        self._record = record
        self._booted_ms = agenda.now_ms
        self._stirred = False
        self._did(Did.ENTERED, spot=at.node_id)
        self.voice.changed()

    # What it hears

    def hear(self, topic: str, body: bytes) -> None:
        """A message for it, by the last word of its topic."""
        mine = self.settings
        try:
            message = parse(body, self.dialect.major, mine.manufacturer, mine.serial)
            if topic == "order":
                self._take(read_order(message, self.dialect.major))
            else:
                for action in read_instants(message, self.dialect.major):
                    self._instants.take(action)
        except Malformed as error:
            self.complain(Complaint(Problem.VALIDATION_FAILURE, str(error), references(body, topic)))
        except Refused as refused:
            self.complain(refused.complaint)
        self.stir()

    def _take(self, order: Order) -> None:
        """Raises Refused."""
        why = f"it is in mode {self.mode}" if self.mode not in TAKES_ORDERS else ""
        fatal = next((each.says for each in self.errors if each.level == "FATAL"), "")
        if order.order_id != self.course.order_id and (why or fatal):
            raise Refused(Problem.MOBILE_ROBOT_NOT_AVAILABLE, why or fatal, *order.about)
        verdict = self.course.judge(order, idle=self.idle, node=self.last_node, lane=self.body.lane)
        if verdict is Verdict.SAME:
            return
        come, gone = self.course.take(order, verdict)
        self.errors = [each for each in self.errors if each.until is not Until.ORDER]
        self.actions.drop(gone)
        self.actions.expect(come, anew=verdict is Verdict.NEW)
        if verdict is Verdict.NEW:
            first = order.nodes[0]
            self.last_node, self.last_sequence = first.node_id, first.sequence
            self.actions.trigger(first.actions)
            if self.dialect.major == 2:
                self.actions.forget_instants()

    # What it does

    @property
    def idle(self) -> bool:
        """Ready for a new order (6.6.8)."""
        return not self.course.edges and self.actions.idle and self.cancelling is None

    @property
    def may_act(self) -> bool:
        held = any(self.dialect.holds(each) for each in self.errors)
        return self.mode in DRIVES and not self.paused and not self.estop and not held

    @property
    def may_drive(self) -> bool:
        return self.may_act and not self.blocked

    def stir(self) -> None:
        """Something has changed: at the end of this instant it does what it can do now, and says how it is."""
        if not self._stirred:
            self._stirred = True
            self._agenda.at(self._agenda.now_ms, self._go_on)

    def _go_on(self) -> None:
        self._stirred = False
        self._check_battery()
        if self.body.lane is not None:
            edges = self.course.edges
            ours = bool(edges) and edges[0].edge_id == self.body.lane.edge_id
            if ours and self.may_drive:
                self.body.go_on()
            else:
                self.body.halt()
        else:
            while self.may_act and (due := self.actions.due()):
                for state in due:
                    self.begin(state)
            self._leave()
        self._end_cancelling()
        self.voice.changed()

    def _leave(self) -> None:
        """Set out for the next node of the base, if nothing keeps it here."""
        edges, nodes = self.course.edges, self.course.nodes
        if not edges or not edges[0].released or not self.may_drive or self.actions.keep_standing:
            self.body.stand()
            return
        if self.body.charging:
            self.plug(on=False)
        lane = self.track.lanes[edges[0].edge_id]
        speed = min(each for each in (self.settings.speed_mm_s, lane.speed_mm_s, edges[0].speed_mm_s) if each > 0)
        ends = len(edges) == 1 or not edges[1].released
        stops = ends or any(action.blocking in STANDING for action in nodes[0].actions)
        self.body.set_out(lane, speed, stops=stops)

    def _arrived(self) -> None:
        node = self.course.arrive()
        self.last_node, self.last_sequence = node.node_id, node.sequence
        self.actions.trigger(node.actions)
        self.stir()

    def begin(self, state: ActionState) -> None:
        """Do an action of the order, or an instant one that takes its time."""
        kind = state.action.kind
        if kind in ("pick", "drop"):
            percent = 100 + self._rng.randint(-SPREAD_PERCENT, SPREAD_PERCENT)
            whole_ms = self.handling_ms * percent // 100
            prepare_ms = whole_ms * PREPARE_PERCENT // 100
            self.actions.run(state, prepare_ms, whole_ms - prepare_ms, lambda: self._handle(state))
        elif kind == "startCharging" and (not self.body.node.charger or self.body.lane is not None):
            self._fail(state, f"no charger is at {self.body.node.node_id}")
        else:
            self.actions.run(state, 0, PLUG_MS, lambda: self._plugged(state, on=kind == "startCharging"))

    def _handle(self, state: ActionState) -> None:
        """The end of a pick or drop."""
        action, here, unit = state.action, self.body.node, self.load.unit
        if self.failing:
            self.failing -= 1
            why = "the load handling device did not get through"
        elif self.body.lane is not None:
            why = f"it is not at a node, but on {self.body.lane.edge_id}"
        else:
            why = self.load.pick(action, here) if action.kind == "pick" else self.load.drop(action, here)
        if why:
            self._fail(state, why)
            return
        unit = self.load.unit or unit
        did = Did.PICKED_UP if action.kind == "pick" else Did.PUT_DOWN
        self._did(did, spot=here.node_id, barcode=unit.barcode if unit else "")
        self.actions.end(state)

    def _plugged(self, state: ActionState, *, on: bool) -> None:
        self.plug(on=on)
        self.actions.end(state)

    def plug(self, *, on: bool) -> None:
        """Charging begins or ends."""
        if self.body.charging is not on:
            self.body.plug(on=on)
            self._did(Did.CHARGING_STARTED if on else Did.CHARGING_STOPPED, spot=self.body.node.node_id)

    def _fail(self, state: ActionState, why: str) -> None:
        self.actions.end(state, failed=why)
        named = (("actionId", state.action.action_id), ("nodeId", self.last_node))
        self.complain(Complaint(Problem.ACTION_FAILED, f"{state.action.kind}: {why}", named))

    def cancel(self, state: ActionState) -> None:
        """Stop as soon as possible: where it stands, or at the next node; what is being done is brought to its end."""
        self.cancelling = state
        state.status = "RUNNING"
        self.actions.fail_all("cancelled", running=False)
        self.course.cancel(to_node=self.body.moving and self.may_drive)

    def _end_cancelling(self) -> None:
        state = self.cancelling
        if state is None or self.body.moving or not self.actions.idle:
            return
        self.course.cancel(to_node=False)
        self.cancelling = None
        self.actions.end(state)

    def _check_battery(self) -> None:
        percent = self.body.percent
        for problem, below, over in (
            (Problem.BATTERY_LOW, LOW_PERCENT, ENOUGH_PERCENT),
            (Problem.BATTERY_EMPTY, 0.01, 1),
        ):
            if self.has(problem):
                if percent >= over or self.body.charging:
                    self.settle(problem)
            elif percent < below and not self.body.charging:
                self.complain(Complaint(problem, f"the battery is at {percent:.0f} %"))

    # What people and mishaps do to it

    def set_mode(self, mode: str) -> None:
        """By the key switch: AUTOMATIC again, or out of the hands of fleet control, as tables 9 and 10 of 3.0 say."""
        if mode not in TAKES_ORDERS:
            self.body.halt()
            self.actions.fail_all(f"mode {mode}", running=True)
            self._end_cancelling()
            self.course.cancel(to_node=False)
        elif self.mode not in TAKES_ORDERS:
            self.stand_at(self.body.node)
            self.settle(Problem.MOBILE_ROBOT_NOT_AVAILABLE)
        self.mode = mode
        if mode in FORGETS_PLACE:
            self.last_node = ""
        self.stir()

    def stand_at(self, spot: Spot) -> None:
        """A person drives it to a node."""
        self.body.put(spot)
        self.last_node = spot.node_id
        self.stir()

    def press_estop(self, *, on: bool) -> None:
        """Everything stands while the button is pressed."""
        self.estop = on
        self.actions.freeze(on=on)
        if on:
            self.body.halt()
            self._did(Did.TRIPPED)
        else:
            self._did(Did.PANEL_RESET)
        self.stir()

    def block(self, *, on: bool) -> None:
        """Something stands in its way."""
        self.blocked = on
        if on:
            self.complain(Complaint(Problem.PATH_BLOCKED, "something is in its protective field"))
        else:
            self.settle(Problem.PATH_BLOCKED)
        self.stir()

    def restart(self) -> None:
        """It loses its power and comes back without its order, where it stood."""
        self.body.halt()
        self.plug(on=False)
        self.actions.fail_all("power", running=True)
        self.actions = Actions(self._agenda, self.stir)
        self.course = Course(self.track, self.dialect.major)
        self.cancelling, self.errors = None, []
        self.paused, self.mode = False, "AUTOMATIC"
        self.boot, self._booted_ms = self.boot + 1, self._agenda.now_ms
        self.last_node, self.last_sequence = self.body.node.node_id, 0
        self.voice.restarted()
        self._did(Did.BOOTED)
        self.stir()

    def complain(self, complaint: Complaint) -> None:
        """Report an error, once."""
        others = [each for each in self.errors if each != complaint]
        passing = [each for each in others if each.until is not Until.OVER]
        if len(others) >= ERRORS_MAX and passing:
            others.remove(passing[0])
        self.errors = [*others, complaint][-ERRORS_MAX:]
        self.stir()

    def settle(self, problem: Problem) -> None:
        """Its cause is over."""
        if self.has(problem):
            self.errors = [each for each in self.errors if each.problem is not problem]
            self.stir()

    def has(self, problem: Problem) -> bool:
        """Whether it complains of this."""
        return any(each.problem is problem for each in self.errors)

    # What it says

    def view(self) -> View:
        """Itself, now."""
        body, course, unit = self.body, self.course, self.load.unit
        return View(
            order_id=course.order_id,
            update=course.update,
            node=self.last_node,
            sequence=self.last_sequence,
            nodes=tuple(course.nodes),
            edges=tuple(course.edges),
            actions=tuple(self.actions.order.values()),
            instants=tuple(self.actions.instants.values()),
            loads=((unit.barcode, self.load.kind),) if unit is not None else (),
            errors=tuple(self.errors),
            driving=body.moving,
            paused=self.paused,
            new_base=course.runs_short,
            past_mm=body.past_mm,
            pose=body.pose,
            speed=body.speed_mm_s / 1000 if body.moving else 0.0,
            percent=body.percent,
            charging=body.charging,
            mode=self.mode,
            estop=self.estop,
            field=self.blocked,
        )

    def status(self) -> dict[str, Any]:
        """For the control door."""
        body = self.body
        return {
            "state": "driving" if body.moving else "charging" if body.charging else "standing",
            "mode": self.mode,
            "at": body.lane.edge_id if body.lane is not None else body.node.node_id,
            "order": self.course.order_id if not self.idle else "",
            "load": self.load.unit.barcode if self.load.unit is not None else "",
            "battery": round(body.percent),
            "errors": [str(each.problem) for each in self.errors],
            "boot": self.boot,
        }

    def _passed(self, into: str, out_of: str) -> None:
        self._did(Did.ENTERED, spot=into)
        self._did(Did.LEFT, spot=out_of)

    def _did(self, did: Did, spot: str = "", barcode: str = "") -> None:
        now_ms = self._agenda.now_ms
        self._record(
            Actuation(
                at_ms=now_ms,
                by=self.name,
                did=did,
                boot=self.boot,
                plc_ms=now_ms - self._booted_ms,
                spot=spot,
                order_id=self.course.order_id,
                barcode=barcode,
            )
        )
