"""The systems of one process as one pure function: an event in, everything that follows out.

Which process runs which system is configuration: a message read by a system of this process is handled at once, in
the same entry; one read by a system elsewhere goes to the peer that runs it. Used by the runtime, by replay and by a
simulated day alike, so all three decide the same.
"""

import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from time import perf_counter_ns
from typing import Any, Protocol

from edge.codec import BadMessage, dump_state, load_state
from edge.messages import LOCAL, READERS, Message
from edge.oms import engine as oms
from edge.page import twin
from edge.wes import engine as wes
from edge.wms import engine as wms

logger = logging.getLogger(__name__)

FOLLOWING_MAX = 100_000
"""One event that sets off more than this is a fault of ours, not a busy day."""


class Engine(Protocol):
    """The one door of a system."""

    def handle(self, message: Message, now_ms: int) -> list[Message]: ...

    @property
    def wake_at_ms(self) -> int | None: ...

    def save(self) -> Any: ...

    def load(self, state: Any) -> None: ...


ENGINES: Mapping[str, tuple[Callable[[], Engine], type[Any]]] = {
    "oms": (oms.Engine, oms.STATE),
    "wms": (wms.Engine, wms.STATE),
    "wes": (wes.Engine, wes.STATE),
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What one event led to. `outputs` in order; `sends` for peers; `commands` for the machines of this process."""

    outputs: tuple[Message, ...]
    sends: tuple[tuple[str, Message], ...]
    commands: tuple[Message, ...]


class Systems:
    """`names` run here, `peers` maps each other process to the systems it runs."""

    def __init__(self, names: Sequence[str], peers: Mapping[str, Sequence[str]]) -> None:
        self._engines = {name: ENGINES[name][0]() for name in ("oms", "wms", "wes") if name in names}
        self._peers = {peer: tuple(systems) for peer, systems in peers.items()}
        self.twin = twin.Twin()
        self.time_us: Callable[[str, int], None] = lambda _name, _us: None

    @property
    def wes(self) -> "wes.Engine | None":
        """The WES, if it runs here."""
        engine = self._engines.get("wes")
        return engine if isinstance(engine, wes.Engine) else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._engines)

    @property
    def wake_at_ms(self) -> int | None:
        """The earliest moment any system wants to be woken."""
        times = [at for engine in self._engines.values() if (at := engine.wake_at_ms) is not None]
        return min(times) if times else None

    def settle(self, event: Message, now_ms: int, from_peer: str = "") -> Settled:
        """Decides one event to the end. Pure but for the stopwatch."""
        outputs: list[Message] = []
        sends: list[tuple[str, Message]] = []
        commands: list[Message] = []
        following = deque([event])
        while following:
            message = following.popleft()
            self.twin.see(message, now_ms)
            if message is not event:
                outputs.append(message)
                assert len(outputs) < FOLLOWING_MAX, f"{type(event).__name__} sets off too much"
            for reader in READERS[type(message)]:
                if reader in self._engines:
                    following.extend(self._handle(reader, message, now_ms))
                elif reader == "machines":
                    commands.append(message)
            if not (message is event and from_peer) and type(message) not in LOCAL:
                sends.extend((peer, message) for peer in self._readers_elsewhere(message))
        return Settled(tuple(outputs), tuple(sends), tuple(commands))

    def _handle(self, name: str, message: Message, now_ms: int) -> list[Message]:
        started = perf_counter_ns()
        result = self._engines[name].handle(message, now_ms)
        self.time_us("dispatch_us" if name == "wes" else f"{name}_us", (perf_counter_ns() - started) // 1000)
        return result

    def _readers_elsewhere(self, message: Message) -> list[str]:
        wanted = [reader for reader in READERS[type(message)] if reader not in self._engines and reader != "machines"]
        peers = [peer for peer, systems in self._peers.items() if any(reader in systems for reader in wanted)]
        site = getattr(message, "site", None)
        if isinstance(site, str) and site in self._peers and len(peers) > 1:
            return [peer for peer in peers if peer == site or "oms" in self._peers[peer]]
        return peers

    def save(self) -> dict[str, Any]:
        """The state of every system and of the twin; live objects, to be copied or dumped at once."""
        return {name: engine.save() for name, engine in self._engines.items()} | {"twin": self.twin.save()}

    def load(self, states: Mapping[str, bytes]) -> None:
        """All systems or none. Raises BadMessage if a state does not fit today's code.

        The twin decides nothing: one that does not fit starts empty and keeps nobody from starting.
        """
        loaded = {name: _load_state(name, states[name]) for name in self._engines}
        for name, engine in self._engines.items():
            engine.load(loaded[name])
        try:
            self.twin.load(load_state(twin.STATE, states["twin"]))
        except BadMessage as error:
            logger.warning("the page starts with an empty picture", extra={"because": str(error)})


def dump(states: Mapping[str, Any]) -> dict[str, bytes]:
    """States as JSON, for a snapshot."""
    return {name: dump_state(state) for name, state in states.items()}


def _load_state(name: str, body: bytes) -> Any:
    """Raises BadMessage also for a part that this version does not know and would lose without a word."""
    state_type = ENGINES[name][1]
    state = load_state(state_type, body)
    unknown = sorted(set(json.loads(body)) - {field.name for field in fields(state_type)})
    if unknown:
        raise BadMessage(f"{name}: this version does not know {', '.join(unknown)}")
    return state
