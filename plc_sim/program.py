"""What every PLC program here has: a memory with one writer per word, PackML, a command mailbox, both heartbeats.

Two ways in, one state: the tags (`read`, `write`) as a protocol serves them, where what a client writes takes effect at
the next scan, and plain calls (`command`, `host_online`) for a world without wires.
"""

from collections.abc import Callable, Iterable, Sequence

from edge.settings import MachineSettings
from plc_sim import packml
from plc_sim.agenda import Agenda, Ticket
from plc_sim.codes import DWORD, WORD, Bit, Cmd, CmdReason, CmdResult, State
from plc_sim.events import Happening, StateChanged

Value = int | str | bool
Tell = Callable[[Happening], None]

SCAN_MS = 20
HEARTBEAT_MS = 500
STALE_MS = 2000
MAILBOX = ("CmdCode", "CmdArg1", "CmdArg2", "CmdArg3", "CmdSeq")
WCS_WORDS = ("WcsHeartbeat", "WcsEpoch", "WcsState", *MAILBOX)
LIVE = ("PlcHeartbeat", "UptimeMs", "EncoderMm")
"""Tags computed when they are read."""


class Program:
    """One PLC. Protocol timers are wall milliseconds: `speed` site milliseconds each."""

    def __init__(
        self,
        machine: MachineSettings,
        agenda: Agenda,
        speed: int,
        tell: Tell,
        inputs: Iterable[str],
        triggers: Iterable[str],
    ) -> None:
        self.machine = machine
        self.machine_id = machine.machine_id
        self.agenda = agenda
        self.speed = speed
        self.tell = tell
        self.boot = 1
        self.state = State.STOPPED
        self.online = False
        """The WCS's heartbeat is alive."""
        self.refused_writes = 0
        self.values: dict[str, Value] = {}
        self.changed: dict[str, None] = {}
        """Tags that changed since a protocol last took them, in the order of their last change."""
        self._inputs = frozenset((*WCS_WORDS, *inputs))
        self._triggers = frozenset(("CmdSeq", *triggers))
        self._due: dict[str, None] = {}
        self._scan: Ticket | None = None
        self._settle: Ticket | None = None
        self._started_ms = agenda.now_ms
        self._beat_ms = 0
        self._watching = False
        self._pinned = False
        self._command_seq = 0
        self._running_command = False
        self.put("BootCount", self.boot)
        self.put("UnitMode", 1)
        self.put("StateCurrent", int(self.state))

    # What a program adds

    def on_state(self, state: State) -> None:
        """The PackML state changed."""

    def on_host(self) -> None:
        """The WCS came or went."""

    def on_trigger(self, name: str) -> None:
        """At a scan: a client has written this tag."""

    def own_command(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason]:
        """Commands beyond PackML."""
        return CmdResult.REJECTED, CmdReason.ARGUMENT

    def own_bits(self) -> int:
        """StatusBits beyond the common ones."""
        return 0

    def encoder_mm(self) -> int:
        return 0

    # The memory

    def put(self, name: str, value: Value) -> None:
        """Set a tag."""
        if self.values.get(name) != value:
            self.values[name] = value
            self.changed.pop(name, None)
            self.changed[name] = None

    def read(self, name: str) -> Value:
        """The value of a tag; 0 for one this program never sets."""
        if name == "UptimeMs":
            return self.uptime_ms
        if name == "PlcHeartbeat":
            return (self.uptime_ms // HEARTBEAT_MS + 1) % WORD
        if name == "EncoderMm":
            return self.encoder_mm() % DWORD
        return self.values.get(name, 0)

    def write(self, name: str, value: Value) -> bool:
        """A client writes a tag; False (and counted) when it is not the client's to write."""
        if name not in self._inputs:
            self.refused_writes += 1
            return False
        beat = name == "WcsHeartbeat" and self.values.get(name) != value
        self.put(name, value)
        if beat:
            self._heard()
        elif name in self._triggers:
            self._due[name] = None
            if self._scan is None:
                cycle_ms = SCAN_MS * self.speed
                past_ms = (self.agenda.now_ms - self._started_ms) % cycle_ms
                self._scan = self.agenda.at(self.agenda.now_ms + cycle_ms - past_ms, self._scanned)
        return True

    def word(self, name: str) -> int:
        """A numeric tag as the program reads it."""
        return int(self.values.get(name, 0))

    @property
    def uptime_ms(self) -> int:
        """The PLC's own clock: wall milliseconds since it started."""
        return (self.agenda.now_ms - self._started_ms) // self.speed % DWORD

    def _scanned(self) -> None:
        self._scan = None
        due, self._due = self._due, {}
        for name in due:
            if name == "CmdSeq":
                self._mailbox()
            else:
                self.on_trigger(name)

    # The WCS's heartbeat

    def host_online(self, *, online: bool) -> None:
        """Say that the WCS is there (or not) for good, without heartbeats."""
        self._pinned = True
        self._set_online(online=online)

    def _heard(self) -> None:
        self._beat_ms = self.agenda.now_ms
        if self._pinned:
            return
        self._set_online(online=True)
        if not self._watching:
            self._watching = True
            self.agenda.at(self._beat_ms + STALE_MS * self.speed, self._check_host)

    def _check_host(self) -> None:
        self._watching = False
        stale_at_ms = self._beat_ms + STALE_MS * self.speed
        if self._pinned:
            return
        if self.agenda.now_ms >= stale_at_ms:
            self._set_online(online=False)
        else:
            self._watching = True
            self.agenda.at(stale_at_ms, self._check_host)

    def _set_online(self, *, online: bool) -> None:
        if online != self.online:
            self.online = online
            self.show_bits()
            self.on_host()

    # PackML and the mailbox

    @property
    def running(self) -> bool:
        return self.state is State.EXECUTE

    def command(self, code: int, args: Sequence[int] = ()) -> tuple[int, int]:
        """CmdResult and CmdReason, as the mailbox answers at once."""
        if code >= Cmd.LANE_ENABLE:
            return self.own_command(code, args)
        if not Cmd.RESET <= code <= Cmd.CLEAR:
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        acting = packml.TABLE.get((self.state, Cmd(code)))
        if acting is None:
            return CmdResult.REJECTED, CmdReason.STATE
        self.enter(acting, Cmd(code).name)
        return CmdResult.ACCEPTED, CmdReason.NONE

    def enter(self, state: State, reason: str) -> None:
        """Go into a state; acting ones settle by themselves."""
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        self.state = state
        self.put("StateCurrent", int(state))
        self.show_bits()
        self.tell(
            StateChanged(
                at_ms=self.agenda.now_ms, machine_id=self.machine_id, state=state, boot=self.boot, reason=reason
            )
        )
        self.on_state(state)
        if state in packml.SETTLES and self.state is state:
            final, wall_ms = packml.SETTLES[state]
            self._settle = self.agenda.at(
                self.agenda.now_ms + wall_ms * self.speed, lambda: self._settled(final, reason)
            )

    def _settled(self, final: State, reason: str) -> None:
        self._settle = None
        if self._running_command:
            self._running_command = False
            self.put("CmdResult", int(CmdResult.DONE))
        self.enter(final, reason)

    def _mailbox(self) -> None:
        """A changed CmdSeq is a new command; the same one again is not."""
        seq = self.word("CmdSeq")
        if seq in (0, self._command_seq):
            return
        self._command_seq = seq
        self._running_command = False
        result, reason = self.command(self.word("CmdCode"), [self.word(f"CmdArg{n}") for n in (1, 2, 3)])
        self._running_command = result == CmdResult.ACCEPTED
        self.put("CmdResult", int(result))
        self.put("CmdReason", int(reason))
        self.put("CmdAckSeq", seq)

    def show_bits(self) -> None:
        """Bring StatusBits up to date."""
        bits = 1 << Bit.ESTOP_CHAIN_OK | 1 << Bit.GUARD_OK | self.own_bits()
        bits |= self.online << Bit.HOST_ONLINE | (not self.online) << Bit.FALLBACK
        bits |= self.running << Bit.RUNNING | (self.state in packml.HORN) << Bit.HORN
        self.put("StatusBits", bits)

    def restart(self) -> None:
        """The PLC loses power and starts again: a new boot, stopped, what the WCS had written is gone."""
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        self.boot = self.boot % (WORD - 1) + 1
        self._started_ms = self.agenda.now_ms
        self._due.clear()
        self._command_seq = 0
        self._running_command = False
        for name in self._inputs & self.values.keys():
            self.put(name, 0)
        for name in ("CmdAckSeq", "CmdResult", "CmdReason"):
            self.put(name, 0)
        self.put("BootCount", self.boot)
        if not self._pinned:
            self._set_online(online=False)
        self.enter(State.STOPPED, "power")
