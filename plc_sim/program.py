"""What every PLC program here has: PackML, a command mailbox, both heartbeats, an e-stop chain, a safe fallback.

Two ways in, one state: the tags (`read`, `write`) as a protocol serves them, and plain calls (`command`,
`host_online`) for a world without wires and for people at the panel.

The fallback: a WCS whose heartbeat has not risen for two seconds is gone. The machine then does what its program calls
safe (here: Holding, Held), sets FallbackActive, and stays so when the heartbeat is back, until somebody says so: a
command (Unhold, or Stop, Reset, Start), or what a program takes for one (see Sorter).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from edge.settings import MachineSettings
from plc_sim import packml
from plc_sim.actuations import Actuation, Did, Record
from plc_sim.agenda import Agenda, Ticket
from plc_sim.belt import Belt
from plc_sim.codes import DWORD, WORD, Bit, Cmd, CmdReason, CmdResult, FaultCode, State
from plc_sim.events import Happening, StateChanged
from plc_sim.ring import newer
from plc_sim.sim_settings import number
from plc_sim.tags import SCAN_MS, TagMemory, Value

__all__ = ["LIVE", "SCAN_MS", "Program", "Tell", "Value"]

Tell = Callable[[Happening], None]

HEARTBEAT_MS = 500
STALE_MS = 2000
MAILBOX = ("CmdCode", "CmdArg1", "CmdArg2", "CmdArg3", "CmdSeq")
WCS_WORDS = ("WcsHeartbeat", "WcsEpoch", "WcsState", *MAILBOX)
LIVE = ("PlcHeartbeat", "UptimeMs", "EncoderMm")
"""Tags computed when they are read, of every machine; see TagMemory.live for those of one."""
HOST_OFFLINE = "HOST_OFFLINE"
COMMANDS = frozenset(Cmd)
POWER = "power"
"""Why a machine is Stopped after its PLC has started."""
WCS_READY, WCS_STOPPING = 1, 3
"""Values of WcsState."""
PANEL_LOOK_MS = 1000
PANEL_LOOKS_MAX = 30
"""A person at the panel gives up then."""
BUTTONS = {State.ABORTED: Cmd.CLEAR, State.STOPPED: Cmd.RESET, State.IDLE: Cmd.START}


class Program(TagMemory):
    """One PLC."""

    def __init__(
        self,
        machine: MachineSettings,
        agenda: Agenda,
        speed: int,
        tell: Tell,
        inputs: Iterable[str],
        triggers: Iterable[str],
    ) -> None:
        super().__init__(agenda, speed, (*WCS_WORDS, *inputs), ("CmdSeq", "WcsHeartbeat", "WcsState", *triggers))
        self.machine = machine
        self.machine_id = machine.machine_id
        self.tell = tell
        self.record: Record | None = None
        """Where the actuation log is kept; None = nowhere."""
        self.boot = 1
        self.state = State.STOPPED
        self.online = False
        """The WCS's heartbeat is alive."""
        self.fallback = False
        """The WCS was lost and nobody has armed the machine again."""
        self.faults: dict[FaultCode, None] = {}
        self.live["PlcHeartbeat"] = lambda: (self.on_ms // HEARTBEAT_MS + 1) % WORD
        self.live["EncoderMm"] = lambda: self.encoder_mm() % DWORD
        self._horn_ms = number(machine, "horn_ms", packml.HORN_MS)
        self._settle: Ticket | None = None
        self.reason = ""
        """Why the machine is in its state."""
        self._beat = 0
        self._beat_ms = 0
        self._watching = False
        self._pinned = False
        self._command_seq = 0
        self._running_command = False
        self._pressed: set[int] = set()
        self._tripped: set[int] = set()
        self.put("BootCount", self.boot)
        self.put("UnitMode", 1)
        self.put("StateCurrent", int(self.state))

    # What a program adds

    def on_state(self, state: State) -> None:
        """The PackML state changed."""

    def on_host(self) -> None:
        """The WCS came or went, or may be obeyed again."""

    def on_fallback(self) -> None:
        """The WCS is gone: do what is safe."""
        if self.state in packml.MOVING:
            self.enter(State.HOLDING, HOST_OFFLINE)

    def armed(self) -> bool:
        """Whether the returned WCS may be obeyed without a command: here if nothing has been held."""
        return self.state not in (State.HOLDING, State.HELD)

    def on_estop(self) -> None:
        """The e-stop chain has opened and everything stands."""

    def on_chain(self) -> None:
        """The e-stop chain has opened or is closed again."""

    def settles(self, state: State) -> bool:
        """Whether an acting state ends by its time; else the program ends it with `settled`."""
        return True

    def own_command(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason]:
        """Commands beyond PackML."""
        return CmdResult.REJECTED, CmdReason.ARGUMENT

    def own_bits(self) -> int:
        """StatusBits beyond the common ones."""
        return 0

    def encoder_mm(self) -> int:
        return 0

    # The log

    def did(self, did: Did, **what: Any) -> None:
        """Write down something physical."""
        if self.record is not None:
            self.record(Actuation(at_ms=self.agenda.now_ms, by=self.machine_id, did=did, **what))

    def drive(self, belt: Belt, *, on: bool) -> None:
        """Start or stop a drive."""
        if belt.running != on:
            belt.run(on=on)
            self.did(Did.MOTION_STARTED if on else Did.MOTION_STOPPED, reason=self.state.name)

    # The WCS's heartbeat

    def host_online(self, *, online: bool) -> None:
        """Say that the WCS is there and in step (or gone) for good, without heartbeats."""
        self._pinned = True
        self._set_online(online=online)

    def on_trigger(self, name: str) -> None:
        if name == "CmdSeq":
            self._mailbox()
        elif name == "WcsHeartbeat" and self.word(name) != self._beat:
            self._beat = self.word(name)
            self._heard()
        elif name == "WcsState" and self.word(name) == WCS_STOPPING and not self._pinned:
            self._set_online(online=False)

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
        if online == self.online:
            return
        self.online = online
        if not online:
            self.fallback = True
            heard_ms = self.uptime_ms - (self.agenda.now_ms - self._beat_ms) // self.speed
            self.did(Did.FALLBACK_ENTERED, reason=HOST_OFFLINE, heard_ms=heard_ms)
            self.on_fallback()
        elif self.fallback and self.armed():
            self.arm("HOST_ONLINE")
        self.show_bits()
        self.on_host()

    def arm(self, reason: str) -> None:
        """The WCS may be obeyed again."""
        if self.fallback:
            self.fallback = False
            self.did(Did.FALLBACK_LEFT, reason=reason)
            self.show_bits()
            self.on_host()

    # PackML and the mailbox

    @property
    def running(self) -> bool:
        return self.state is State.EXECUTE

    def command(self, code: int, args: Sequence[int] = (), seq: int = 0) -> tuple[int, int]:
        """CmdResult and CmdReason, as the mailbox answers at once; `seq` 0 = by a person at the panel."""
        result, reason, acting = self._judge(code, args)
        if result is CmdResult.REJECTED:
            self.did(Did.REFUSED, cmd_seq=seq, code=code, args=tuple(args), reason=reason.name)
            return result, reason
        self.did(Did.COMMANDED, cmd_seq=seq, code=code, args=tuple(args))
        if acting is not None:
            if self.online:
                self.arm(Cmd(code).name)
            self.enter(acting, Cmd(code).name)
        return result, reason

    def _judge(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason, State | None]:
        """The answer, and the acting state a command of PackML leads into; own commands are carried out here."""
        if code >= Cmd.LANE_ENABLE:
            return *self.own_command(code, args), None
        if code not in COMMANDS or (code == Cmd.TO_COMPLETE and not self.completes):
            return CmdResult.REJECTED, CmdReason.ARGUMENT, None
        acting = packml.TABLE.get((self.state, Cmd(code)))
        if acting is None:
            return CmdResult.REJECTED, CmdReason.STATE, None
        if code in packml.ARMING and self._tripped:
            return CmdResult.REJECTED, CmdReason.INTERLOCK, None
        return CmdResult.ACCEPTED, CmdReason.NONE, acting

    completes = False
    """Has Completing and Complete."""

    def enter(self, state: State, reason: str) -> None:
        """Go into a state; acting ones settle by themselves."""
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        self.state, self.reason = state, reason
        self.put("StateCurrent", int(state))
        self.show_bits()
        self.tell(
            StateChanged(
                at_ms=self.agenda.now_ms, machine_id=self.machine_id, state=state, boot=self.boot, reason=reason
            )
        )
        self.on_state(state)
        if state in packml.SETTLES and self.state is state and self.settles(state):
            wall_ms = self._horn_ms if state in packml.HORN else packml.SETTLES[state][1]
            self._settle = self.agenda.at(self.agenda.now_ms + wall_ms * self.speed, self.settled)

    def settled(self) -> None:
        """The acting state has done its work."""
        self._settle = None
        if self._running_command:
            self._running_command = False
            self.put("CmdResult", int(CmdResult.DONE))
        self.enter(packml.SETTLES[self.state][0], self.reason)

    def _mailbox(self) -> None:
        """A CmdSeq ahead of the last one taken is a command; the same again, or an older one come late, is none."""
        seq = self.word("CmdSeq")
        if not newer(seq, self._command_seq):
            return
        self._command_seq = seq
        self._running_command = False
        result, reason = self.command(self.word("CmdCode"), [self.word(f"CmdArg{n}") for n in (1, 2, 3)], seq)
        self._running_command = result == CmdResult.ACCEPTED
        self.put("CmdResult", int(result))
        self.put("CmdReason", int(reason))
        self.put("CmdAckSeq", seq)

    # Faults and the e-stop chain, which no command resets

    def fault(self, code: FaultCode, *, on: bool = True) -> None:
        """A fault comes or goes; FaultCode shows the oldest."""
        if on:
            self.faults.setdefault(code)
        else:
            self.faults.pop(code, None)
        self.put("FaultCode", int(next(iter(self.faults), FaultCode.NONE)))
        self.show_bits()

    def trip(self, zone: int) -> None:
        """Somebody presses an e-stop."""
        self._pressed.add(zone)
        self._tripped.add(zone)
        self.did(Did.TRIPPED, zone=zone)
        self._show_chain()
        if (self.state, Cmd.ABORT) in packml.TABLE:
            self.enter(State.ABORTING, FaultCode.ESTOP.name)
        self.on_estop()

    def release_estop(self, zone: int) -> None:
        """The button is pulled out again; the chain stays open until somebody resets it."""
        self._pressed.discard(zone)

    def panel_reset(self) -> bool:
        """A person resets the chain at the panel; False while a button is pressed."""
        if self._pressed:
            return False
        self._tripped.clear()
        self.did(Did.PANEL_RESET)
        self._show_chain()
        return True

    def start_at_panel(self, looks: int = PANEL_LOOKS_MAX) -> None:
        """A person at the panel presses Clear, Reset and Start, each as soon as the machine is ready for it."""
        button = BUTTONS.get(self.state)
        if button is not None:
            self.command(button)
        if self.state is not State.EXECUTE and looks > 1:
            at_ms = self.agenda.now_ms + PANEL_LOOK_MS * self.speed
            self.agenda.at(at_ms, lambda: self.start_at_panel(looks - 1))

    @property
    def tripped(self) -> bool:
        return bool(self._tripped)

    def _show_chain(self) -> None:
        self.put("EStopZones", sum(1 << zone for zone in self._tripped) % WORD)
        self.put("EStop", bool(self._tripped))
        self.fault(FaultCode.ESTOP, on=bool(self._tripped))
        self.on_chain()

    def show_bits(self) -> None:
        """Bring StatusBits up to date."""
        bits = (not self._tripped) << Bit.ESTOP_CHAIN_OK | 1 << Bit.GUARD_OK | self.own_bits()
        bits |= self.online << Bit.HOST_ONLINE | (self.fallback or not self.online) << Bit.FALLBACK
        bits |= self.running << Bit.RUNNING | (self.state in packml.HORN) << Bit.HORN
        bits |= bool(self.faults) << Bit.FAULT
        self.put("StatusBits", bits)

    def restart(self) -> None:
        """The PLC loses power and starts again: a new boot, stopped, what the WCS had written is gone."""
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        self.boot = self.boot % (WORD - 1) + 1
        self.forget()
        self._command_seq = self._beat = 0
        self._running_command = False
        for name in ("CmdAckSeq", "CmdResult", "CmdReason"):
            self.put(name, 0)
        self.put("BootCount", self.boot)
        self.did(Did.BOOTED)
        self.online = self.online and self._pinned
        self.enter(State.STOPPED, POWER)
        self.arm("BOOTED")
