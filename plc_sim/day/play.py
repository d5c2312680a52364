"""A whole day in virtual time: the same engines and the same simulated plant, in one thread, without sockets.

This is how an integrator tries a site file before go-live. The office and the box are two compositions of the same
systems, joined by a wire of `WIRE_MS`; machines and people are the world of `plc-sim run`. Nothing reads a clock or
draws a number of its own, so the same seed gives the same report, byte for byte.
"""

import heapq
from collections.abc import Callable
from dataclasses import asdict
from itertools import count
from typing import Any

from edge import wes
from edge.intake.generate import day_departures
from edge.messages import (
    AsnAnnounced,
    AsnLine,
    CommandEnded,
    CommandMachine,
    DeparturesPlanned,
    DivertUnit,
    GoodsReceived,
    ItemsListed,
    JobEnded,
    Message,
    OfficeOpened,
    OrderAccepted,
    OrderCaptured,
    OrderClosed,
    ResourceJoined,
    ResourceKind,
    StartJob,
    StockOpened,
    TaskAssigned,
    TaskRefused,
    TaskUnassigned,
    Woken,
)
from edge.opening import site_opened
from edge.page.reports import Report
from edge.systems import Systems
from edge.wes import outlook
from plc_sim.actuations import Actuation, line_of
from plc_sim.codes import JobError
from plc_sim.day.heard import heard, heard_first, scanner_of
from plc_sim.day.plan import DayPlan
from plc_sim.events import Happening, JobFinished, PersonDone, StateChanged
from plc_sim.program import POWER
from plc_sim.roster import roster
from plc_sim.troubles import Troubles
from plc_sim.world import World

WIRE_MS = 40
"""From one process's disk to the other's."""
FORESEE_EVERY_MS = 300_000
DAYS_MAX = 5
LINES_MAX = 10_000
"""Of the actuation log that wait to be written."""
INSTANT_MAX = 100_000
"""More events than this in one instant is a loop of ours."""

Progress = Callable[[int, int, int], None]


class VirtualDay:
    """One day; `run` plays it to its end."""

    def __init__(self, plan: DayPlan, progress: Progress | None = None) -> None:
        self.plan = plan
        self.report = Report()
        self.now_ms = plan.start_ms
        self.events = 0
        self.wired = 0
        self._progress = progress
        self._foresee_ms = plan.start_ms
        site = plan.site.site
        box, office = (("wes",), ("oms", "wms")) if plan.wms_in_office else (("wms", "wes"), ("oms",))
        self.systems = {"office": Systems(office, {site: box}), site: Systems(box, {"office": office})}
        self._box = site
        physical = {(location, sku): quantity for sku, location, quantity in plan.seed.physical}
        self._lines: list[str] = []
        log = self._log if plan.actuations is not None else None
        self.world = World(plan.site, plan.random_seed, 1, plan.start_ms, physical, log)
        self.world.host_online()
        self.troubles = Troubles(self.world)
        if plan.faults is not None:
            self.troubles.draw(plan.faults)
        self._jobs: dict[str, int] = {}
        """The job each robot has."""
        self._calendar: list[tuple[int, int, str, Message, str]] = []
        self._numbers = count()
        self._waiting: dict[str, TaskAssigned] = {}
        self._orders_left = len(plan.orders)
        self._orders_open: dict[str, None] = {}

    def run(self) -> dict[str, Any]:
        """Plays the day until every order is final; the report."""
        self._open()
        until_ms = self.now_ms + DAYS_MAX * 86_400_000
        while self.now_ms < until_ms and not self._over():
            at_ms = self._next_ms()
            if at_ms is None:
                break
            self.now_ms = at_ms
            self.world.advance(at_ms)
            self._instant()
            self._foresee()
        figures = {"core": wes.CORE, "messages": {"sent": self.wired, "received": self.wired}}
        return self.report.result(figures, virtual=True)

    def _foresee(self) -> None:
        """A forecast every so often, in no time at all."""
        if not self.plan.futures or self.now_ms < self._foresee_ms:
            return
        self._foresee_ms = self.now_ms + FORESEE_EVERY_MS
        engine = self.systems[self._box].wes
        assert engine is not None
        copy = engine.copy(self.now_ms)
        if copy.departures and copy.units:
            actions = self.plan.remedies
            found = outlook.forecast(engine.floor, copy, self.plan.futures, self.events, actions=actions).run()
            self._report(self._box, outlook.told(engine.floor, copy, found, self.plan.futures, self.now_ms))

    def _over(self) -> bool:
        return self._orders_left == 0 and not self._orders_open

    def _next_ms(self) -> int | None:
        times = [self.world.next_at_ms, self._calendar[0][0] if self._calendar else None]
        times += [systems.wake_at_ms for systems in self.systems.values()]
        due = [at for at in times if at is not None]
        return max(self.now_ms, min(due)) if due else None

    def _instant(self) -> None:
        """Everything that is due now: what the floor says, what arrives, who wants to be woken."""
        for _ in range(INSTANT_MAX):
            happened = self.world.drain()
            if happened:
                for happening in happened:
                    self._happened(happening)
            elif self._calendar and self._calendar[0][0] <= self.now_ms:
                _, _, process, message, peer = heapq.heappop(self._calendar)
                self._orders_left -= isinstance(message, OrderCaptured)
                self._report(process, message, peer)
            elif (sleeper := self._sleeper()) is not None:
                self._report(sleeper, Woken(at_ms=self.now_ms))
            else:
                return
            self.world.advance(self.now_ms)
        raise RuntimeError(f"the instant {self.now_ms} does not end")

    def _sleeper(self) -> str | None:
        for name, systems in self.systems.items():
            wake_at_ms = systems.wake_at_ms
            if wake_at_ms is not None and wake_at_ms <= self.now_ms:
                return name
        return None

    def _later(self, at_ms: int, process: str, message: Message, peer: str = "") -> None:
        heapq.heappush(self._calendar, (at_ms, next(self._numbers), process, message, peer))

    def _report(self, process: str, message: Message, peer: str = "") -> tuple[Message, ...]:
        """One event through one process, as its runtime would do it."""
        settled = self.systems[process].settle(message, self.now_ms, peer)
        self.events += 1
        self.report.see(self.now_ms, message)
        for output in settled.outputs:
            self.report.see(self.now_ms, output)
            if isinstance(output, OrderAccepted):
                self._orders_open[output.order_id] = None
            elif isinstance(output, OrderClosed):
                self._orders_open.pop(output.order_id, None)
        for to, sent in settled.sends:
            self.wired += 1
            self._later(self.now_ms + WIRE_MS, to, sent, process)
        for command in settled.commands:
            self._obey(command)
        for output in settled.outputs:
            if isinstance(output, TaskAssigned) and output.resource_id in self.world.people:
                self._give(output)
            elif isinstance(output, TaskUnassigned):
                self._withdraw(output)
        if self._progress is not None and self.events % 2000 == 0:
            self._progress(self.now_ms, self.events, self._orders_left)
        return settled.outputs

    def _happened(self, happening: Happening) -> None:
        message = heard(self.world, happening)
        if isinstance(happening, JobFinished):  # before the report: what follows from it may be the next job
            self._jobs.pop(happening.machine_id, None)
        outputs = self._report(self._box, message)
        if isinstance(happening, StateChanged) and happening.reason == POWER and happening.machine_id in self._jobs:
            self._job_ended(happening.machine_id, self._jobs.pop(happening.machine_id), "UNKNOWN", "PLC_RESTART")
        if isinstance(happening, PersonDone):
            refusals = [output.reason for output in outputs if isinstance(output, TaskRefused)]
            reason = refusals[0] if refusals else ""
            self.world.answered(happening.person, happening.task_id, "" if reason == "ALREADY_DONE" else reason)
            if happening.person in self._waiting:
                self._give(self._waiting.pop(happening.person))

    def _give(self, assigned: TaskAssigned) -> None:
        """A person who has not put the last task down takes the next one when it is."""
        if not self.world.give(assigned.resource_id, asdict(assigned.task)):
            self._waiting[assigned.resource_id] = assigned

    def _withdraw(self, unassigned: TaskUnassigned) -> None:
        waiting = self._waiting.get(unassigned.resource_id)
        if waiting is not None and waiting.task.task_id == unassigned.task_id:
            del self._waiting[unassigned.resource_id]
        elif unassigned.resource_id in self.world.people:
            self.world.withdraw(unassigned.resource_id, unassigned.task_id)

    def _obey(self, command: Message) -> None:
        """What the box's equipment would write into the PLC."""
        if isinstance(command, DivertUnit):
            scanner = scanner_of(self.world, command.machine_id)
            if scanner.boot == command.boot:
                scanner.decide(
                    command.seq, command.tracking_id, command.lane, command.alternate, command.code, command.max_recirc
                )
        elif isinstance(command, StartJob):
            self._start(command)
        elif isinstance(command, CommandMachine):
            result, reason = self.world.machines[command.machine_id].command(command.command, command.args)
            words = {1: "ACCEPTED", 2: "DONE", 3: "REJECTED"}
            ended = CommandEnded(
                at_ms=self.now_ms,
                machine_id=command.machine_id,
                command=command.command,
                args=command.args,
                result=words.get(int(result), "REJECTED"),
                reason=str(int(reason)) if reason else "",
            )
            self._later(self.now_ms, self._box, ended)

    def _start(self, command: StartJob) -> None:
        robot = self.world.robot(command.machine_id)
        aisle, bay, level = (int(part) for part in command.source.split("-")[-3:])
        if command.boot not in (0, robot.boot):
            self._job_ended(command.machine_id, command.job_id, "UNKNOWN", "PLC_RESTART")
            return
        error = robot.start_job(command.job_id, aisle, bay, level, command.quantity)
        if error is JobError.NONE:
            self._jobs[command.machine_id] = command.job_id
        else:
            self._job_ended(command.machine_id, command.job_id, "REJECTED", error.name)

    def _job_ended(self, machine_id: str, job_id: int, result: str, reason: str) -> None:
        ended = JobEnded(
            at_ms=self.now_ms,
            machine_id=machine_id,
            job_id=job_id,
            result=result,
            picked=0,
            cycle_ms=0,
            reason=reason,
        )
        self._later(self.now_ms, self._box, ended)

    def _log(self, actuation: Actuation) -> None:
        self._lines.append(line_of(actuation))
        if len(self._lines) >= LINES_MAX:
            self.write_log()

    def write_log(self) -> None:
        """What has physically happened since the last call goes to the file."""
        if self.plan.actuations is not None:
            with self.plan.actuations.open("a", encoding="utf-8") as log:
                log.writelines(f"{line}\n" for line in self._lines)
            self._lines.clear()

    def _open(self) -> None:
        plan, now_ms, site = self.plan, self.now_ms, self.plan.site.site
        opened = site_opened(plan.site, now_ms)
        office = OfficeOpened(
            at_ms=now_ms, sites=(site,), process_ms=plan.office.process_ms, slack_ms=plan.office.slack_ms
        )
        self._report("office", office)
        if plan.wms_in_office:
            self._report("office", opened)
        self._report(self._box, opened)
        stock_at = "office" if plan.wms_in_office else self._box
        items = ItemsListed(at_ms=now_ms, items=plan.seed.items)
        for process in self.systems:
            self.systems[process].settle(items, now_ms, "file")
        self._report(stock_at, StockOpened(at_ms=now_ms, site=site, lines=plan.seed.stock))
        timetable = day_departures(plan.office.departures, plan.site.timezone, now_ms, DAYS_MAX, site)
        self._report("office", DeparturesPlanned(at_ms=now_ms, departures=timetable))
        for machine_id in self.world.machines:
            for message in heard_first(self.world, machine_id):
                self._report(self._box, message)
        for worker in roster(plan.site, plan.people, ("hazmat",)):
            self.world.add_person(worker.name, worker.location)
            joined = ResourceJoined(
                at_ms=now_ms,
                resource_id=worker.name,
                kind=ResourceKind.PERSON,
                skills=worker.skills,
                zones=worker.zones,
                location=worker.location,
            )
            self._report(self._box, joined)
        for order in plan.orders:
            self._later(order.at_ms, "office", order)
        self._deliver()

    def _deliver(self) -> None:
        """One advance shipping notice, received on two handling units an hour into the day."""
        at_ms = self.now_ms + 3_600_000
        skus = [item.sku for item in self.plan.seed.items[:2]]
        lines = tuple(AsnLine(sku=sku, lot="ASN1", quantity=12) for sku in skus)
        if lines:
            notice = AsnAnnounced(at_ms=at_ms, site=self.plan.site.site, asn_id="ASN-1", lines=lines)
            self._later(at_ms, self._box, notice)
        for number, sku in enumerate(skus, start=1):
            received = GoodsReceived(
                at_ms=at_ms, asn_id="ASN-1", hu_id=f"IN-{number}", sku=sku, lot="ASN1", quantity=12, by="dock"
            )
            self._later(at_ms + 1, self._box, received)


def play_day(plan: DayPlan, progress: Progress | None = None) -> dict[str, Any]:
    """The report of a day."""
    day = VirtualDay(plan, progress)
    result = day.run()
    day.write_log()
    return result
