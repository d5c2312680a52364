"""Starting is recovering: last snapshot, then the tail of the journal, decided again and compared with what it says.

A start under newer code that would decide otherwise says so and refuses, until told to accept it; the same comparison
over a whole journal is `edge replay --check`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edge.codec import BadMessage
from edge.journal import Journal, Row, outputs_json
from edge.messages import DivertUnit, JobEnded, Message, StartJob, UnitSorted
from edge.settings import ConfigError
from edge.systems import Systems

UNFINISHED_MAX = 5_000
"""How far back commands to machines are looked for that may not have reached them."""


@dataclass(slots=True)
class Recovered:
    entries: int = 0
    commands: tuple[Message, ...] = ()
    differences: list[str] = field(default_factory=list)


def replay(systems: Systems, rows: Iterable[Row]) -> Iterator[str]:
    """Decides the rows again; yields one line for each that comes out differently."""
    for row in rows:
        try:
            event = row.message()
        except BadMessage as error:
            yield f"entry {row.n}: this version does not understand it: {error}"
            continue
        now = outputs_json(systems.settle(event, row.at_ms, "replay").outputs)
        if now != row.outputs_json:
            yield f"entry {row.n} ({row.kind}): {_first_difference(row.outputs_json, now)}"


def _first_difference(was: bytes, now: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    start = max(0, at - 60)
    return f"was …{was[start : at + 60].decode()}… now …{now[start : at + 60].decode()}…"


async def recover(systems: Systems, journal: Journal, *, accept: bool) -> Recovered:
    """Brings the systems to where the journal ends. Raises ConfigError if today's code decides otherwise."""
    recovered = Recovered()
    snapshot = await journal.last_snapshot()
    after = 0
    if snapshot is not None and set(snapshot.states) >= set(systems.names):
        try:
            systems.load(snapshot.states)
            after = snapshot.n
        except BadMessage as error:
            recovered.differences.append(f"snapshot at entry {snapshot.n}: {error}; replaying from the first entry")
    while rows := await journal.rows(after):
        recovered.differences += replay(systems, rows)
        recovered.entries += len(rows)
        after = rows[-1].n
    if recovered.differences and not accept:
        said = f"{journal.path}: this version decides otherwise than the one that wrote the journal:"
        remedy = "start the earlier version, stop it cleanly and upgrade then; or pass --accept-new-decisions"
        raise ConfigError([said, *recovered.differences[:5], remedy])
    recovered.commands = await _unfinished(journal)
    return recovered


async def _unfinished(journal: Journal) -> tuple[Message, ...]:
    """Commands that machines may not have got before the process ended; PLCs take each number only once."""
    jobs: dict[str, StartJob] = {}
    diverts: dict[tuple[str, int, int], DivertUnit] = {}
    after = max(0, journal.last_n - UNFINISHED_MAX)
    while rows := await journal.rows(after):
        after = rows[-1].n
        for row in rows:
            if row.kind == "JobEnded" and isinstance(ended := row.message(), JobEnded):
                jobs.pop(ended.machine_id, None)
            elif row.kind == "UnitSorted" and isinstance(done := row.message(), UnitSorted):
                diverts.pop((done.machine_id, done.boot, done.decision_seq), None)
            if b'"StartJob"' in row.outputs_json or b'"DivertUnit"' in row.outputs_json:
                for message in row.outputs():
                    if isinstance(message, StartJob):
                        jobs[message.machine_id] = message
                    elif isinstance(message, DivertUnit):
                        diverts[message.machine_id, message.boot, message.seq] = message
    return (*jobs.values(), *diverts.values())
