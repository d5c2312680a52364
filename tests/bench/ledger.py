"""Truth against belief: what the actuation log says was done, beside what the journal of the edge says about it.

Per machine (all figures that break a promise must be 0, except those marked *):

    units               that were let go by a decision, diverted or lost there
    none, one, many     how many of them have so many outcomes known to the edge: a final report, or (when that was lost
                        with a restart of the PLC) that the unit is missing or has arrived elsewhere
    elsewhere           that the edge believes in another lane than the one they fell into
    orders, executed    commands and jobs with a number of their own, and how often they were executed
    twice               executed more than once
    denied              executed although the edge said REJECTED or TIMEOUT
    late                executed after the edge had said that they were over, whatever it said
    claimed             not executed although the edge said that they were
    unended             without an end
    unknown*            ended as UNKNOWN
    requests, open      requests the edge saw, and those of them without an answer
    alone*              units the PLC decided about by itself (it was offline, restarted, or the link had a fault)
    alone_up            of these, while the link was up and without a fault
    missed*             reports the edge knows it could not read
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

from edge.messages import (
    CommandEnded,
    DivertUnit,
    Flaw,
    HandshakeFailed,
    JobEnded,
    Message,
    SortResult,
    UnitArrived,
    UnitMissing,
    UnitScanned,
    UnitSorted,
)
from plc_sim.actuations import Actuation, Did

PASSING = (SortResult.RECIRCULATED, SortResult.ESTOP, SortResult.UNEXPECTED)
"""Reports after which the unit is still there, or that are about nobody known."""
CERTAINLY_NOT = ("REJECTED", "TIMEOUT")
CERTAINLY = ("DONE", "ACCEPTED", "OK")
BROKEN = ("none", "many", "elsewhere", "twice", "denied", "late", "claimed", "unended", "open", "alone_up")
LATE_MS = 1000
"""Wall time: the journal gets an event only after it has happened, and both clocks are read apart."""


@dataclass(slots=True)
class Account:
    """One line of the table."""

    machine_id: str
    units: int = 0
    none: int = 0
    one: int = 0
    many: int = 0
    elsewhere: int = 0
    orders: int = 0
    executed: int = 0
    twice: int = 0
    denied: int = 0
    late: int = 0
    claimed: int = 0
    unended: int = 0
    unknown: int = 0
    requests: int = 0
    open: int = 0
    alone: int = 0
    alone_up: int = 0
    missed: int = 0
    detail: list[str] = field(default_factory=list)

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        return [name for name in BROKEN if getattr(self, name)]

    def figures(self) -> dict[str, int | str]:
        """Without the details."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "detail"}

    def say(self, what: str, line: str) -> None:
        """Count something that is wrong, and keep where."""
        setattr(self, what, getattr(self, what) + 1)
        self.detail.append(f"{self.machine_id} {what}: {line}")


def balance(
    machines: Sequence[str], log: Sequence[Actuation], journal: Sequence[Message], asked: Iterable[str], speed: int
) -> list[Account]:
    """The accounts of all machines; `asked` are the keys (`order_key`) of the orders that were given."""
    accounts = {name: Account(name) for name in machines}
    _units(accounts, log, journal)
    _orders(accounts, log, journal, asked, speed)
    _requests(accounts, log, journal, speed)
    return list(accounts.values())


def order_key(machine_id: str, number: int) -> str:
    """An order as the log, the journal and who gave it name it."""
    return f"{machine_id}:{number}"


def _units(accounts: dict[str, Account], log: Sequence[Actuation], journal: Sequence[Message]) -> None:
    sorted_out: dict[tuple[str, int, int], list[UnitSorted]] = defaultdict(list)
    otherwise: dict[str, list[str]] = defaultdict(list)
    for message in journal:
        if isinstance(message, UnitSorted) and message.result not in PASSING:
            sorted_out[message.machine_id, message.boot, message.tracking_id].append(message)
        elif isinstance(message, UnitArrived | UnitMissing):
            otherwise[message.hu_id].append(message.machine_id)
    for line in log:
        through = line.did is Did.RELEASED and line.seq
        if line.by in accounts and (line.did is Did.FIRED or through):
            account = accounts[line.by]
            account.units += 1
            reports = sorted_out[line.by, line.boot, line.tracking_id]
            known = len(reports) or min(1, len(otherwise[line.barcode]))
            where = f"{line.barcode} boot {line.boot} tracking {line.tracking_id} at {line.at_ms}"
            if known == 1:
                account.one += 1
            else:
                account.say("many" if known else "none", where)
            if line.did is Did.FIRED and reports and reports[-1].lane != line.lane:
                account.say("elsewhere", f"{where}: lane {line.lane}, reported {reports[-1].lane}")
    for line in log:
        if line.did is Did.MOVED and line.by in accounts and line.target == f"{line.by}/floor" and line.barcode:
            account = accounts[line.by]
            account.units += 1
            lost = any(name == line.by for name in otherwise[line.barcode])
            account.one += lost
            if not lost:
                account.say("none", f"{line.barcode} fell off at {line.at_ms}")


def _orders(
    accounts: dict[str, Account], log: Sequence[Actuation], journal: Sequence[Message], asked: Iterable[str], speed: int
) -> None:
    done: dict[str, list[int]] = defaultdict(list)
    for line in log:
        if line.did is Did.COMMANDED and len(line.args) == 3 and any(line.args[1:]):
            done[order_key(line.by, line.args[1] << 16 | line.args[2])].append(line.at_ms)
        elif line.did is Did.JOB_STARTED:
            done[order_key(line.by, line.job_id)].append(line.at_ms)
    ended: dict[str, tuple[str, int]] = {}
    for message in journal:
        if isinstance(message, CommandEnded) and message.request_id.startswith("audit:"):
            ended[message.request_id.removeprefix("audit:")] = (f"{message.result} {message.reason}", message.at_ms)
        elif isinstance(message, JobEnded):
            ended[order_key(message.machine_id, message.job_id)] = (
                f"{message.result} {message.reason}",
                message.at_ms,
            )
    for key in asked:
        account, times = accounts[key.partition(":")[0]], done[key]
        account.orders += 1
        account.executed += len(times)
        said, at_ms = ended.get(key, ("", 0))
        result, where = said.partition(" ")[0], f"{key}: {said or 'no end'} at {at_ms}, executed at {times}"
        account.unknown += result == "UNKNOWN"
        wrong = {
            "twice": len(times) > 1,
            "denied": bool(times) and result in CERTAINLY_NOT,
            "late": bool(said) and any(ms > at_ms + LATE_MS * speed for ms in times),
            "claimed": not times and result in CERTAINLY,
            "unended": not said,
        }
        for what, holds in wrong.items():
            if holds:
                account.say(what, where)


def _requests(accounts: dict[str, Account], log: Sequence[Actuation], journal: Sequence[Message], speed: int) -> None:
    answered = {(m.machine_id, m.boot, m.seq) for m in journal if isinstance(m, DivertUnit)}
    requests = Counter((m.machine_id, m.boot, m.seq) for m in journal if isinstance(m, UnitScanned))
    for key in requests:
        account = accounts[key[0]]
        account.requests += 1
        if key not in answered:
            account.say("open", f"request {key}")
    for message in journal:
        if isinstance(message, HandshakeFailed) and message.flaw is Flaw.REPORTS_MISSED:
            accounts[message.machine_id].missed += message.count
    troubled = _troubled(log, speed)
    for line in log:
        if line.did is not Did.ARMED or line.seq or line.by not in accounts:
            continue
        account = accounts[line.by]
        account.alone += 1
        if not any(begin <= line.at_ms <= end for begin, end in troubled[line.by]):
            account.say("alone_up", f"{line.barcode} tracking {line.tracking_id} at {line.at_ms}")


TROUBLING = ("plc_restart", "missing_node", "lost_reply", "delayed_reply", "half_open", "refused", "reset_link")
CALM_S = 10
"""Wall time after a fault of the link in which it counts as not yet up: reconnect, resync, the next heartbeat."""
ASKED_S = 3
"""Wall time before a fault in which a request may have been asked that it kept from being answered."""


def _troubled(log: Sequence[Actuation], speed: int) -> dict[str, list[tuple[int, int]]]:
    """Per machine the times in which its link was not up, or its PLC without us; of the site clock."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    since: dict[tuple[str, str], int] = {}
    end_ms = log[-1].at_ms if log else 0

    def over(machine_id: str, kind: str, at_ms: int) -> None:
        begun = since.pop((machine_id, kind), at_ms)
        spans[machine_id].append((begun - ASKED_S * 1000 * speed, at_ms + CALM_S * 1000 * speed))

    for line in log:
        if line.did is Did.FAULT_BEGAN and line.kind in TROUBLING:
            since[line.machine_id, line.kind] = line.at_ms
            if line.kind in ("lost_reply", "reset_link"):
                over(line.machine_id, line.kind, line.at_ms)
        elif line.did is Did.FAULT_ENDED and line.kind in TROUBLING:
            over(line.machine_id, line.kind, line.at_ms)
        elif line.did is Did.FALLBACK_ENTERED:
            since[line.by, "fallback"] = line.at_ms
        elif line.did in (Did.FALLBACK_LEFT, Did.BOOTED):
            over(line.by, "fallback", line.at_ms)
    for machine_id, kind in list(since):
        over(machine_id, kind, end_ms)
    return spans
