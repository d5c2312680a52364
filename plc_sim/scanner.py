"""What sorters and conveyors with a scanner share: request, decision and report rings in the PLC's memory."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edge.settings import MachineSettings
from plc_sim.agenda import Agenda
from plc_sim.codes import DWORD, RING, WORD, Decision, ReportType, Scan, Sort
from plc_sim.events import Report, Request
from plc_sim.program import Program, Tell
from plc_sim.ring import Fields, ReportRing, Ring

DECISION_FIELDS = (
    "SeqHead",
    "TrackingId",
    "Dest1",
    "Dest2",
    "DecisionCode",
    "Flags",
    "MaxRecirc",
    "HostRef",
    "SeqTail",
)
_DECISION_WORDS = tuple(f"Dec{slot}.{field}" for slot in range(RING) for field in DECISION_FIELDS)
_DECISION_TAILS = tuple(f"Dec{slot}.SeqTail" for slot in range(RING))
DECISION_POINT = 1
MISREADS_MAX = 100
"""Units about which a scanner can be told beforehand to be wrong."""
READ_AS = {Scan.NO_READ: Sort.NO_READ, Scan.MULTI_READ: Sort.MULTI_READ, Scan.SCANNER_FAULT: Sort.SCANNER_FAULT}
"""What a report calls a unit that could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A decision as the WCS gives it."""

    tracking_id: int
    dest1: int
    dest2: int
    code: int
    max_recirc: int


class ScannerProgram(Program):
    """A PLC that asks where units go and reports what became of them."""

    def __init__(
        self,
        machine: MachineSettings,
        agenda: Agenda,
        speed: int,
        tell: Tell,
        inputs: Iterable[str] = (),
        triggers: Iterable[str] = (),
    ) -> None:
        super().__init__(
            machine,
            agenda,
            speed,
            tell,
            ("ReqSeqSeen", "RepSeqSeen", *_DECISION_WORDS, *inputs),
            ("ReqSeqSeen", "RepSeqSeen", *_DECISION_TAILS, *triggers),
        )
        self.requests = Ring(self._show_request)
        self.reports = ReportRing(self._show_report)
        self.late_decisions = 0
        self.no_decisions = 0
        self.ignored_decisions = 0
        """Decisions that fitted no request, or another unit."""
        self.misreads: deque[Scan] = deque(maxlen=MISREADS_MAX)
        """What the scanner will say of the next units instead of what it would."""
        self.scanner_down = False
        self._last_tracking_id = 0

    # What a machine adds

    def on_decision(self, seq: int, answer: Answer) -> Sort:
        """The WCS has answered request `seq`: NONE if taken over, else why not."""
        raise NotImplementedError

    def on_seen(self) -> None:
        """A slot of one of the rings has become free."""

    # Plain calls

    def decide(
        self,
        seq: int,
        tracking_id: int,
        dest1: int = 0,
        dest2: int = 0,
        code: int = Decision.ROUTE,
        max_recirc: int = 3,
    ) -> Sort:
        """Answer request `seq`: NONE if taken over, else UNEXPECTED, LATE_DECISION or INVALID_DEST."""
        answer = Answer(tracking_id=tracking_id, dest1=dest1, dest2=dest2, code=code, max_recirc=max_recirc)
        verdict = self.on_decision(seq, answer)
        if verdict is Sort.UNEXPECTED:
            self.ignored_decisions += 1
        return verdict

    def acknowledge_request(self, seq: int) -> None:
        """The WCS has consumed requests up to `seq`."""
        if self.requests.acknowledge(seq):
            self.on_seen()

    def acknowledge_report(self, seq: int) -> None:
        """The WCS has consumed reports up to `seq`."""
        if self.reports.acknowledge(seq):
            self.on_seen()

    # The memory

    def on_trigger(self, name: str) -> None:
        if name == "ReqSeqSeen":
            self.acknowledge_request(self.word(name))
        elif name == "RepSeqSeen":
            self.acknowledge_report(self.word(name))
        elif name in _DECISION_TAILS:
            self._read_decision(name.partition(".")[0])
        else:
            super().on_trigger(name)

    def _read_decision(self, slot: str) -> None:
        seq = self.word(f"{slot}.SeqTail")
        if seq == 0 or self.word(f"{slot}.SeqHead") != seq:
            return
        self.decide(
            seq,
            self.word(f"{slot}.TrackingId"),
            self.word(f"{slot}.Dest1"),
            self.word(f"{slot}.Dest2"),
            self.word(f"{slot}.DecisionCode"),
            self.word(f"{slot}.MaxRecirc"),
        )

    def scan(self, *, read: bool) -> Scan:
        """What the scanner makes of the unit before it, which it could read or not."""
        if self.scanner_down:
            return Scan.SCANNER_FAULT
        if self.misreads:
            return self.misreads.popleft()
        return Scan.OK if read else Scan.NO_READ

    def next_tracking_id(self) -> int:
        """A number for a unit that comes onto the machine; never 0 or 0xFFFFFFFF."""
        self._last_tracking_id = self._last_tracking_id % (DWORD - 2) + 1
        return self._last_tracking_id

    def ask(
        self, *, tracking_id: int, scan_status: int, barcode: str, recirc_count: int, budget_ms: int, length_mm: int
    ) -> int:
        """Issue a request; only while `requests.room`."""
        seq = self.requests.issue(
            {
                "Type": 3 if recirc_count else 1,
                "DecisionPoint": DECISION_POINT,
                "TrackingId": tracking_id,
                "ScanStatus": scan_status,
                "BarcodeLen": len(barcode),
                "Barcode": barcode,
                "LengthMm": length_mm,
                "WeightCg": 0,
                "RecircCount": recirc_count,
                "BudgetMs": min(budget_ms, WORD - 1),
                "AgeMs": 0,
                "GapMm": 0,
            }
        )
        self.tell(
            Request(
                at_ms=self.agenda.now_ms,
                machine_id=self.machine_id,
                boot=self.boot,
                seq=seq,
                tracking_id=tracking_id,
                decision_point=DECISION_POINT,
                scan_status=scan_status,
                barcode=barcode,
                recirc_count=recirc_count,
                budget_ms=min(budget_ms, WORD - 1),
            )
        )
        return seq

    def report(
        self,
        result: Sort,
        *,
        tracking_id: int,
        lane: int = 0,
        requested_lane: int = 0,
        reason: int = 0,
        decision_seq: int = 0,
        latency_ms: int = 0,
        recirc: int = 0,
    ) -> None:
        """Say what became of a unit, as soon as the ring has room."""
        types = {Sort.LOST: ReportType.LOST, Sort.UNEXPECTED: ReportType.UNEXPECTED, Sort.FLUSHED: ReportType.FLUSHED}
        self.reports.report(
            {
                "Type": int(types.get(result, ReportType.SORTED)),
                "TrackingId": tracking_id,
                "ActualLane": lane,
                "RequestedLane": requested_lane,
                "Result": int(result),
                "Reason": int(reason),
                "DecisionSeq": decision_seq,
                "DecisionLatencyMs": min(latency_ms, WORD - 1),
                "PositionErrMm": 0,
                "RecircCount": recirc,
                "EventMs": self.uptime_ms,
                "DecisionPoint": DECISION_POINT,
            }
        )

    def _show_request(self, seq: int, fields: Fields) -> None:
        self._show(f"Req{seq % RING}", seq, fields)
        self.put("ReqSeqLast", seq)

    def _show_report(self, seq: int, fields: Fields) -> None:
        self._show(f"Rep{seq % RING}", seq, fields)
        self.put("RepSeqLast", seq)
        told = {name: int(fields[name]) for name in fields}
        self.tell(
            Report(
                at_ms=self.agenda.now_ms,
                machine_id=self.machine_id,
                boot=self.boot,
                seq=seq,
                type=told["Type"],
                tracking_id=told["TrackingId"],
                actual_lane=told["ActualLane"],
                requested_lane=told["RequestedLane"],
                result=told["Result"],
                reason=told["Reason"],
                decision_seq=told["DecisionSeq"],
                decision_latency_ms=told["DecisionLatencyMs"],
                recirc_count=told["RecircCount"],
                decision_point=told["DecisionPoint"],
            )
        )

    def _show(self, slot: str, seq: int, fields: Fields) -> None:
        self.put(f"{slot}.SeqHead", seq)
        for name, value in fields.items():
            self.put(f"{slot}.{name}", value)
        self.put(f"{slot}.SeqTail", seq)

    def restart(self) -> None:
        self.requests.restart()
        self.reports.restart()
        for slot in [f"{ring}{n}" for ring in ("Req", "Rep") for n in range(RING)]:
            self.put(f"{slot}.SeqHead", 0)
            self.put(f"{slot}.SeqTail", 0)
        for name in ("ReqSeqLast", "RepSeqLast", "DecSeqUsed"):
            self.put(name, 0)
        super().restart()


def latency_ms(program: ScannerProgram, requested_ms: int) -> int:
    """Wall milliseconds from a request to now."""
    return (program.agenda.now_ms - requested_ms) // program.speed
