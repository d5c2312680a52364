"""Checks of machines with a scanner: requests, decisions and reports in their rings. Somebody puts cartons on."""

import asyncio
import time
from dataclasses import dataclass

from plc_sim.codes import DWORD, RING, Bit, Decision, Sort
from plc_sim.conformance.header import running
from plc_sim.conformance.host import Failed, Host, Skipped
from plc_sim.ring import after, distance
from plc_sim.tags import Value

UNIT_MAX_S = 60.0
"""How long we wait for somebody to put a carton on, and for what becomes of it."""
REQUEST = ("SeqHead", "TrackingId", "ScanStatus", "Barcode", "BudgetMs", "SeqTail")
REPORT = ("SeqHead", "TrackingId", "ActualLane", "Result", "Reason", "DecisionSeq", "SeqTail")
NO_IDS = (0, DWORD - 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of a ring, read whole."""

    seq: int
    fields: dict[str, Value]

    def number(self, name: str) -> int:
        return int(self.fields[name])


async def entry(host: Host, ring: str, fields: tuple[str, ...], seq: int) -> Entry:
    """A numbered entry; head and tail must agree. Raises Failed."""
    slot = f"{ring}{seq % RING}"
    for _ in range(5):
        found = await host.read(*(f"{slot}.{name}" for name in fields))
        named = {name: found[f"{slot}.{name}"] for name in fields}
        if int(named["SeqHead"]) == int(named["SeqTail"]) == seq:
            return Entry(seq, named)
        await asyncio.sleep(0.02)
    raise Failed(f"{slot}: head {named['SeqHead']}, tail {named['SeqTail']}; expected {seq} in both")


async def nxt(host: Host, newest: str, seen: int) -> int:
    """The number after the last one we have seen, as soon as it is there. Raises Failed."""
    wanted = after(seen)
    until = time.monotonic() + UNIT_MAX_S
    while time.monotonic() < until:
        last = await host.word(newest)
        if last == wanted or (last and last != seen and distance(last, wanted) < RING):
            return wanted
        if last != seen:
            raise Failed(f"{newest} went from {seen} to {last}; expected {wanted}")
        await asyncio.sleep(0.01)
    raise Skipped(f"no carton came in {UNIT_MAX_S:.0f} s; put one on when the kit says so")


class Scanner:
    """Requests, decisions and reports of one machine, one unit at a time."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.requests = self.reports = 0

    async def catch_up(self) -> None:
        """From here on; what is in the rings is not ours."""
        self.requests = await self.host.word("ReqSeqLast")
        self.reports = await self.host.word("RepSeqLast")
        await self.host.wire.write({"ReqSeqSeen": self.requests, "RepSeqSeen": self.reports})

    async def request(self) -> Entry:
        seq = await nxt(self.host, "ReqSeqLast", self.requests)
        found = await entry(self.host, "Req", REQUEST, seq)
        self.requests = seq
        if found.number("TrackingId") in NO_IDS:
            raise Failed(f"request {seq}: TrackingId {found.number('TrackingId')} is reserved for none")
        return found

    async def answer(self, request: Entry, tracking_id: int, lane: int) -> None:
        """ROUTE for a sorter, PASS for a conveyor; then the request counts as seen."""
        slot = f"Dec{request.seq % RING}"
        code = Decision.ROUTE if self.host.profile == "sorter" else Decision.PASS
        fields = {
            "SeqHead": request.seq, "TrackingId": tracking_id, "Dest1": lane if code is Decision.ROUTE else 0,
            "Dest2": 0, "DecisionCode": int(code), "Flags": 0, "MaxRecirc": 1, "HostRef": 0, "SeqTail": request.seq,
        }  # fmt: skip
        await self.host.wire.write({f"{slot}.{name}": value for name, value in fields.items()})

    async def seen(self, request: Entry) -> None:
        await self.host.wire.write({"ReqSeqSeen": request.seq})

    async def report(self, tracking_id: int) -> Entry:
        """The report about this unit; others are seen and passed over."""
        while True:
            seq = await nxt(self.host, "RepSeqLast", self.reports)
            found = await entry(self.host, "Rep", REPORT, seq)
            self.reports = seq
            await self.host.wire.write({"RepSeqSeen": seq})
            if found.number("TrackingId") == tracking_id:
                return found


async def ready(host: Host) -> Scanner:
    """The machine runs, we are there, the rings are ours. Raises Skipped, Failed."""
    if not host.wishes.motion or host.wishes.units < 1:
        raise Skipped("needs cartons: --motion --units 4, and somebody who puts them on")
    scanner = Scanner(host)
    await running(host)
    await scanner.catch_up()
    await host.until(("StatusBits",), lambda now: not now["StatusBits"] >> Bit.FALLBACK & 1, 5000, "armed again")
    return scanner


async def decided(host: Host) -> str:
    """A unit is asked about, decided, goes where it was told, and is reported under the decision's number."""
    scanner = await ready(host)
    request = await scanner.request()
    await scanner.answer(request, request.number("TrackingId"), host.wishes.lane)
    await scanner.seen(request)
    report = await scanner.report(request.number("TrackingId"))
    good = Sort.DIVERTED if host.profile == "sorter" else Sort.HANDOVER
    if report.number("Result") != good or report.number("DecisionSeq") != request.seq:
        raise Failed(f"{_said(report)}; expected result {int(good)} by decision {request.seq}")
    if host.profile == "sorter" and report.number("ActualLane") != host.wishes.lane:
        raise Failed(f"{_said(report)}; expected lane {host.wishes.lane}")
    return f"request {request.seq}, report {report.seq}"


async def foreign_decision(host: Host) -> str:
    """A decision for another unit is not this one's."""
    scanner = await ready(host)
    request = await scanner.request()
    wrong = request.number("TrackingId") % 1000 + 1000
    await scanner.answer(request, wrong, host.wishes.lane)
    await asyncio.sleep(0.06)
    await scanner.answer(request, request.number("TrackingId"), host.wishes.lane)
    await scanner.seen(request)
    report = await scanner.report(request.number("TrackingId"))
    if report.number("DecisionSeq") != request.seq:
        raise Failed(f"{_said(report)}: the decision with another TrackingId spoilt request {request.seq}")
    return f"TrackingId {wrong} ignored for request {request.seq}"


async def no_decision(host: Host) -> str:
    """Without an answer a sorter goes on alone and says so; a conveyor waits."""
    scanner = await ready(host)
    request = await scanner.request()
    if host.profile == "conveyor":
        await host.stays(("RepSeqLast",), 3000, "it let the unit go without an answer")
        await scanner.answer(request, request.number("TrackingId"), 0)
        await scanner.seen(request)
        await scanner.report(request.number("TrackingId"))
        return "the unit stood until it was answered"
    await scanner.seen(request)
    report = await scanner.report(request.number("TrackingId"))
    if report.number("Result") != Sort.NO_DECISION:
        raise Failed(f"{_said(report)}; expected result {int(Sort.NO_DECISION)} (no decision)")
    return f"lane {report.number('ActualLane')} by itself"


async def no_such_lane(host: Host) -> str:
    """A lane that is not there is refused, not guessed."""
    if host.profile != "sorter":
        raise Skipped("a conveyor has no lanes")
    scanner = await ready(host)
    request = await scanner.request()
    await scanner.answer(request, request.number("TrackingId"), 999)
    await scanner.seen(request)
    report = await scanner.report(request.number("TrackingId"))
    if report.number("Result") != Sort.INVALID_DEST:
        raise Failed(f"{_said(report)}; expected result {int(Sort.INVALID_DEST)} (invalid destination)")
    return "lane 999 refused"


def _said(report: Entry) -> str:
    return (
        f"report {report.seq}: result {report.number('Result')}, lane {report.number('ActualLane')}, "
        f"decision {report.number('DecisionSeq')}"
    )
