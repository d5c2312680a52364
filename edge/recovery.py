"""Starting is recovering: last snapshot, then the tail of the journal, decided again and compared with what it says.

A start under newer code that would decide otherwise says so and refuses, until told to accept it; then a new snapshot
is where the next start begins. The same comparison over a whole journal is `edge replay --check`.

What ended the process once does not end it again: `Aside` lets an EventSetAside take the place of such an event.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from edge.codec import BadMessage, from_plain, kind_of, plain
from edge.journal import Journal, Row, Snapshot, outputs_json
from edge.messages import LOCAL, DivertUnit, EventSetAside, JobEnded, Message, StartJob, UnitSorted
from edge.settings import ConfigError
from edge.systems import Systems, dump

UNFINISHED_MAX = 5_000
"""How far back commands to machines are looked for that may not have reached them."""
SHOWN_MAX = 5
ASIDE_TEXT_MAX = 2_000
"""So much of an event set aside is shown to the operator; all of it stays in the journal."""


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
        try:
            outputs = systems.settle(event, row.at_ms, "replay").outputs
        except Exception as error:
            error.add_note(f"while entry {row.n} ({row.kind}) of the journal was decided again")
            raise
        now = outputs_json(outputs)
        if now != row.outputs_json:
            yield f"entry {row.n} ({row.kind}): {_first_difference(row.outputs_json, now)}"


def _first_difference(was: bytes, now: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    start = max(0, at - 60)
    parts = (text[start : at + 60].decode(errors="replace") for text in (was, now))
    return "was …{}… now …{}…".format(*parts)


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
        if rows[0].n != after + 1:
            raise ConfigError([_gap(journal, after, rows[0].n), *recovered.differences])
        recovered.differences += replay(systems, rows)
        recovered.entries += len(rows)
        after = rows[-1].n
    if recovered.differences and not accept:
        said = f"{journal.path}: this version decides otherwise than the one that wrote the journal:"
        remedy = "start the earlier version, stop it cleanly and upgrade then; or pass --accept-new-decisions"
        raise ConfigError([said, *recovered.differences[:SHOWN_MAX], remedy])
    if recovered.differences:
        await journal.save_snapshot(Snapshot(journal.last_n, journal.last_at_ms, dump(systems.save())))
    recovered.commands = await _unfinished(journal)
    return recovered


def _gap(journal: Journal, after: int, first: int) -> str:
    return (
        f"{journal.path}: entries {after + 1} to {first - 1} are no longer kept and no snapshot covers them; "
        "start the version, with the systems, that wrote the last snapshot"
    )


async def _unfinished(journal: Journal) -> tuple[Message, ...]:
    """Commands that machines may not have got before the process ended; PLCs take each number only once."""
    jobs: dict[str, StartJob] = {}
    diverts: dict[tuple[str, int, int], DivertUnit] = {}
    after = max(0, journal.last_n - UNFINISHED_MAX)
    while rows := await journal.rows(after):
        after = rows[-1].n
        for message in (message for row in rows for message in _about_commands(row)):
            if isinstance(message, JobEnded):
                current = jobs.get(message.machine_id)
                if current is not None and current.job_id == message.job_id:
                    del jobs[message.machine_id]
            elif isinstance(message, UnitSorted):
                diverts.pop((message.machine_id, message.boot, message.decision_seq), None)
            elif isinstance(message, StartJob):
                jobs[message.machine_id] = message
            elif isinstance(message, DivertUnit):
                diverts[message.machine_id, message.boot, message.seq] = message
    return (*jobs.values(), *diverts.values())


def _about_commands(row: Row) -> Iterator[Message]:
    """The commands of an entry and what ends one; words of another version are passed over."""
    fields = [(row.kind, json.loads(row.event))] if row.kind in ("JobEnded", "UnitSorted") else []
    if b'"StartJob"' in row.outputs_json or b'"DivertUnit"' in row.outputs_json:
        fields += [output for output in json.loads(row.outputs_json) if output[0] in ("StartJob", "DivertUnit")]
    for kind, body in fields:
        with contextlib.suppress(BadMessage):
            yield from_plain(kind, body)


class Aside:
    """The events that ended this process once; what is the same again is not handed to the systems.

    A sender that stamps its event anew when it sends it again (a PLC's request, a person's report) sends the same
    event: the time does not count. Events about the process itself (LOCAL) are never held back, for without them it
    would run and do nothing.
    """

    def __init__(self, rows: Iterable[tuple[bytes, str, str, bool]] = ()) -> None:
        self._rows = tuple(rows)
        self._errors: dict[str, list[tuple[dict[str, Any], str]]] = {}
        for body, kind, error, _ in self._rows:
            self._errors.setdefault(kind, []).append((_content(json.loads(body)), error))

    @classmethod
    async def read(cls, journal: Journal) -> Self:
        """Those of a journal."""
        return cls(await journal.aside())

    def untold(self, now_ms: int) -> list[EventSetAside]:
        """What the systems have not been told of yet."""
        return [_told(now_ms, kind, body, error) for body, kind, error, told in self._rows if not told]

    def instead_of(self, event: Message, now_ms: int) -> Message:
        """The event, or the EventSetAside that takes its place."""
        kind = kind_of(event)
        if kind not in self._errors or type(event) in LOCAL:
            return event
        body = plain(event)
        content = _content(body)
        for known, error in self._errors[kind]:
            if known == content:
                return _told(now_ms, kind, json.dumps(body).encode(), error)
        return event


def _content(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "at_ms"}


def _told(now_ms: int, kind: str, body: bytes, error: str) -> EventSetAside:
    return EventSetAside(at_ms=now_ms, kind=kind, body=body.decode()[:ASIDE_TEXT_MAX], error=error)
