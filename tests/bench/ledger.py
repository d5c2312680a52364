"""Truth against belief: what the actuation log says was done, beside what the journal of the edge says about it.

Per machine (all figures that break a promise must be 0, except those marked *):

    units               that were let go by a decision, diverted or lost there
    none, one, many     how many of them have so many outcomes known to the edge: a final report, or (when that was lost
                        with a restart of the PLC) that the unit is missing or has arrived elsewhere
    elsewhere           that the edge believes in another lane than the one they fell into
    stuck               units that lie neither in a lane nor on the floor when everything has come to rest
    orders, executed    commands and jobs with a number of their own, and how often they were executed
    twice               executed more than once
    denied              executed although the edge said REJECTED or TIMEOUT
    late                executed after the edge had said that they were over; of those it said UNKNOWN about: after the
                        link was good again, with which the edge has settled that they are not done any more
    claimed             not executed although the edge said that they were
    miscounted          jobs that placed another number of pieces than the edge was told
    unended, reended    without an end, or with more than one
    unknown*, done*     ended as UNKNOWN, and those of them that had been executed
    requests, open      requests the edge saw, and those of them without an answer
    forgotten*          the last one before a restart of the PLC, which was still waiting for room behind; it asks anew
    timeouts*           units whose decision the PLC did not have in its time (2 s), by its report
    alone*              units the PLC decided about by itself (no decision in time, or it was offline or had restarted)
    alone_up            of these, while the link was up: the requests that were not answered although they could be
    up_percent*         of the time in which the link was up
    missed*             reports the edge knows it could not read

The link of a machine is up from CALM_S after its last fault (of the link or the PLC, also of a machine whose server it
shares, and the PLC's fallback) until ASKED_S before the next one. A request is answered when the PLC has taken over a
decision before its own time is over (`decision_timeout_ms`), all by the PLC's clock.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from edge.messages import (
    CommandEnded,
    DivertUnit,
    Flaw,
    HandshakeFailed,
    JobEnded,
    Link,
    MachineChanged,
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
COUNTED = ("OK", "SHORT", "REJECTED")
TIMEOUTS = (SortResult.NO_DECISION, SortResult.LATE_DECISION)
BROKEN = (
    "none", "many", "elsewhere", "stuck", "twice", "denied", "late", "claimed", "miscounted", "unended", "reended",
    "open", "alone_up",
)  # fmt: skip
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
    stuck: int = 0
    orders: int = 0
    executed: int = 0
    twice: int = 0
    denied: int = 0
    late: int = 0
    claimed: int = 0
    miscounted: int = 0
    unended: int = 0
    reended: int = 0
    unknown: int = 0
    done: int = 0
    requests: int = 0
    open: int = 0
    forgotten: int = 0
    timeouts: int = 0
    alone: int = 0
    alone_up: int = 0
    up_percent: int = 100
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
    machines: Mapping[str, str],
    log: Sequence[Actuation],
    journal: Sequence[Message],
    asked: Iterable[str],
    speed: int,
) -> list[Account]:
    """The accounts of all machines (name -> server of its PLC); `asked` are the keys (`order_key`) of the orders."""
    accounts = {name: Account(name) for name in machines}
    _units(accounts, log, journal)
    _stuck(accounts, log)
    _orders(accounts, log, journal, asked, speed)
    _requests(accounts, log, journal)
    _alone(accounts, log, _troubled(machines, log, speed))
    return list(accounts.values())


def order_key(machine_id: str, number: int) -> str:
    """An order as the log, the journal and who gave it name it."""
    return f"{machine_id}:{number}"


def job_key(machine_id: str, job_id: int) -> str:
    """The same for a job."""
    return f"{machine_id}:job{job_id}"


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


def _stuck(accounts: dict[str, Account], log: Sequence[Actuation]) -> None:
    places = {line.barcode: line.target for line in log if line.did is Did.MOVED and line.barcode}
    for barcode, place in places.items():
        machine, _, spot = place.partition("/")
        if machine in accounts and spot != "floor" and not spot.startswith("L"):
            accounts[machine].say("stuck", f"{barcode} in {place}")


def _orders(
    accounts: dict[str, Account], log: Sequence[Actuation], journal: Sequence[Message], asked: Iterable[str], speed: int
) -> None:
    done, placed = _executed(log)
    ends, good = _ends(journal), _GoodAgain(journal)
    for key in asked:
        account, times, mine = accounts[key.partition(":")[0]], done[key], ends[key]
        account.orders += 1
        account.executed += len(times)
        said, at_ms, picked = mine[-1] if mine else ("", 0, None)
        result, where = said.partition(" ")[0], f"{key}: {said or 'no end'} at {at_ms}, executed at {times}"
        account.unknown += result == "UNKNOWN"
        account.done += result == "UNKNOWN" and bool(times)
        over_ms = good.after(account.machine_id, at_ms) if result == "UNKNOWN" else at_ms
        wrong = {
            "twice": len(times) > 1,
            "denied": bool(times) and result in CERTAINLY_NOT,
            "late": bool(said) and any(ms > over_ms + LATE_MS * speed for ms in times),
            "claimed": not times and result in CERTAINLY,
            "miscounted": picked is not None and result in COUNTED and picked != placed[key],
            "unended": not said,
            "reended": len(mine) > 1,
        }
        for what, holds in wrong.items():
            if holds:
                account.say(what, where)


def _executed(log: Sequence[Actuation]) -> tuple[dict[str, list[int]], Counter[str]]:
    """When each order was carried out, and how many pieces each job has placed."""
    done: dict[str, list[int]] = defaultdict(list)
    placed: Counter[str] = Counter()
    for line in log:
        if line.did is Did.COMMANDED and len(line.args) == 3 and any(line.args[1:]):
            done[order_key(line.by, line.args[1] << 16 | line.args[2])].append(line.at_ms)
        elif line.did is Did.JOB_STARTED:
            done[job_key(line.by, line.job_id)].append(line.at_ms)
        elif line.did is Did.PLACED:
            placed[job_key(line.by, line.job_id)] += line.quantity
    return done, placed


def _ends(journal: Sequence[Message]) -> dict[str, list[tuple[str, int, int | None]]]:
    """Result and reason, when, and the pieces picked by a job, of every order the edge has ended."""
    ends: dict[str, list[tuple[str, int, int | None]]] = defaultdict(list)
    for message in journal:
        if isinstance(message, CommandEnded) and message.request_id.startswith("audit:"):
            key, picked = message.request_id.removeprefix("audit:"), None
        elif isinstance(message, JobEnded):
            key, picked = job_key(message.machine_id, message.job_id), message.picked
        else:
            continue
        ends[key].append((f"{message.result} {message.reason}", message.at_ms, picked))
    return ends


class _GoodAgain:
    """From when on the link of a machine was good, by what the edge said."""

    def __init__(self, journal: Sequence[Message]) -> None:
        self._said: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for message in journal:
            if isinstance(message, MachineChanged):
                self._said[message.machine_id].append((message.at_ms, message.link is Link.GOOD))

    def after(self, machine_id: str, at_ms: int) -> float:
        """The first moment from `at_ms` on at which it was; inf if it never was again."""
        said = self._said[machine_id]
        at = bisect_right(said, (at_ms, True))
        if at and said[at - 1][1]:
            return at_ms
        return next((when_ms for when_ms, good in said[at:] if good), math.inf)


def _requests(accounts: dict[str, Account], log: Sequence[Actuation], journal: Sequence[Message]) -> None:
    answered = {(m.machine_id, m.boot, m.seq) for m in journal if isinstance(m, DivertUnit)}
    requests = dict.fromkeys((m.machine_id, m.boot, m.seq) for m in journal if isinstance(m, UnitScanned))
    newest: dict[str, tuple[str, int, int]] = {}
    forgotten: set[tuple[str, int, int]] = set()
    for key in requests:
        before = newest.get(key[0])
        if before is not None and before[1] != key[1]:
            forgotten.add(before)
        newest[key[0]] = key
    for key in requests:
        account = accounts[key[0]]
        account.requests += 1
        if key not in answered and key in forgotten:
            account.forgotten += 1
        elif key not in answered:
            account.say("open", f"request {key}")
    for message in journal:
        if isinstance(message, HandshakeFailed) and message.flaw is Flaw.REPORTS_MISSED:
            accounts[message.machine_id].missed += message.count
        elif isinstance(message, UnitSorted):
            accounts[message.machine_id].timeouts += message.result in TIMEOUTS


def _alone(
    accounts: dict[str, Account], log: Sequence[Actuation], troubled: Mapping[str, Sequence[tuple[int, int]]]
) -> None:
    """What the PLCs decided by themselves, beside the times in which they had to."""
    first_ms, last_ms = (log[0].at_ms, log[-1].at_ms) if log else (0, 0)
    for name, account in accounts.items():
        down_ms, until_ms = 0, first_ms
        for begin, end in sorted(troubled[name]):
            down_ms += max(0, min(end, last_ms) - max(begin, until_ms))
            until_ms = max(until_ms, end)
        account.up_percent = round(100 - 100 * down_ms / max(1, last_ms - first_ms))
    for line in log:
        if line.did is not Did.ARMED or line.seq or line.by not in accounts:
            continue
        account = accounts[line.by]
        account.alone += 1
        if not any(begin <= line.at_ms <= end for begin, end in troubled[line.by]):
            account.say("alone_up", f"{line.barcode} tracking {line.tracking_id} at {line.at_ms}")


TROUBLING = ("plc_restart", "missing_node", "lost_reply", "delayed_reply", "half_open", "hung", "refused", "reset_link")
CALM_S = 10
"""Wall time after a fault of the link in which it counts as not yet up: reconnect, resync, the next heartbeat."""
ASKED_S = 3
"""Wall time before a fault in which a request may have been asked that it kept from being answered."""


def _troubled(machines: Mapping[str, str], log: Sequence[Actuation], speed: int) -> dict[str, list[tuple[int, int]]]:
    """Per machine the times in which its link was not up, or its PLC without us; of the site clock."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    since: dict[tuple[str, str], int] = {}
    end_ms = log[-1].at_ms if log else 0

    def over(machine_id: str, kind: str, at_ms: int) -> None:
        begun = since.pop((machine_id, kind), at_ms)
        for name, server in machines.items():
            if name == machine_id or server == machines.get(machine_id):
                spans[name].append((begun - ASKED_S * 1000 * speed, at_ms + CALM_S * 1000 * speed))

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
