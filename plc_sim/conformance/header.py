"""Checks of every machine: identity, heartbeats, one writer per word, mailbox, PackML, fallback."""

import asyncio
import time

from plc_sim.codes import MAP_CONVEYOR, MAP_ROBOT, MAP_SORTER, SEQ_MAX, Bit, Cmd, CmdReason, CmdResult, State
from plc_sim.conformance.host import Answer, Failed, Host, Skipped
from plc_sim.conformance.wire import Refused
from plc_sim.program import HEARTBEAT_MS, STALE_MS

MAPS = {"sorter": MAP_SORTER, "conveyor": MAP_CONVEYOR, "robot": MAP_ROBOT}
SLACK_MS = 250
"""What our own looking may add to a time."""
START_MAX_MS = 60_000
SETTLE_MAX_MS = 10_000
NO_COMMAND = 0
NO_SUCH_COMMAND = 99


async def map_id(host: Host) -> str:
    """MapId names the map of this profile."""
    found, wanted = await host.word("MapId"), MAPS[host.profile]
    if found != wanted:
        raise Failed(f"MapId is 0x{found:04x}; a {host.profile} has 0x{wanted:04x}")
    return f"0x{found:04x}"


async def all_tags(host: Host) -> str:
    """Every tag of the table can be read."""
    bad = []
    for name in host.tags:
        try:
            await host.wire.read((name,))
        except Refused as refused:
            bad.append(f"{name} ({refused})")
    if bad:
        raise Failed(f"{len(bad)} of {len(host.tags)} cannot: {', '.join(bad[:5])}")
    return f"{len(host.tags)} tags"


async def boot_count(host: Host) -> str:
    """BootCount is not 0 and stands still while the PLC runs."""
    found = await host.stays(("BootCount",), 1000, "BootCount moves without a restart")
    if not found["BootCount"]:
        raise Failed("BootCount is 0; count the starts of the PLC, from 1")
    return f"boot {found['BootCount']}"


async def heartbeat(host: Host) -> str:
    """PlcHeartbeat rises by one every 500 ms."""
    first, started = await host.word("PlcHeartbeat"), time.monotonic()
    steps, last = [], first
    while time.monotonic() - started < 4:
        await asyncio.sleep(0.05)
        now = await host.word("PlcHeartbeat")
        if now != last:
            steps.append((now - last) % 65536)
            last = now
    expected = 4000 / HEARTBEAT_MS
    if any(step != 1 for step in steps) or not 0.7 * expected <= len(steps) <= 1.3 * expected:
        raise Failed(f"{len(steps)} steps of {sorted(set(steps))} in 4 s; expected {expected:.0f} steps of 1")
    return f"{len(steps)} beats in 4 s"


async def one_writer(host: Host) -> str:
    """What the PLC writes cannot be written by us."""
    for name in ("BootCount", "StateCurrent"):
        before = await host.word(name)
        try:
            await host.wire.write({name: before + 7})
        except Refused:
            continue
        if await host.word(name) == before + 7:
            await host.wire.write({name: before})
            raise Failed(f"{name} took our value; make it read-only for clients")
    return "BootCount and StateCurrent cannot be written"


async def host_online(host: Host) -> str:
    """HostOnline follows our heartbeat."""
    host.go()
    limit_ms = STALE_MS + host.wishes.scan_ms + SLACK_MS
    await host.until(("StatusBits",), lambda now: not now["StatusBits"] >> Bit.HOST_ONLINE & 1, limit_ms, "offline")
    await host.come()
    _, took_ms = await host.until(
        ("StatusBits",), lambda now: bool(now["StatusBits"] >> Bit.HOST_ONLINE & 1), 1500, "HostOnline after a beat"
    )
    return f"online {took_ms:.0f} ms after our first beat"


async def goes_offline(host: Host) -> str:
    """Without our heartbeat the PLC falls back after two seconds and one scan, and not before."""
    await host.come()
    await asyncio.sleep(1.2)
    last = await host.word("WcsHeartbeat")
    await host.until(("WcsHeartbeat",), lambda now: now["WcsHeartbeat"] != last, 1000, "our own heartbeat")
    host.go()
    limit_ms = STALE_MS + host.wishes.scan_ms + SLACK_MS
    _, took_ms = await host.until(
        ("StatusBits",), lambda now: bool(now["StatusBits"] >> Bit.FALLBACK & 1), limit_ms, "FallbackActive"
    )
    await host.come()
    if took_ms < STALE_MS - HEARTBEAT_MS - SLACK_MS:
        raise Failed(f"FallbackActive after {took_ms:.0f} ms already; one late beat would stop the machine")
    return f"fallback {took_ms:.0f} ms after our last beat"


async def unknown_command(host: Host) -> str:
    """A command nobody knows is refused as such, and says so."""
    await host.come()
    answer = await refused(host, NO_SUCH_COMMAND)
    return f"refused in {answer.took_ms:.0f} ms"


async def refused(host: Host, code: int) -> Answer:
    """The answer to a code that is no command. Raises Failed if it was taken for one."""
    answer = await host.command(code)
    if (answer.result, answer.reason) != (CmdResult.REJECTED, CmdReason.ARGUMENT):
        raise Failed(f"CmdResult {answer.result}, CmdReason {answer.reason}; expected 3 (rejected), 3 (argument)")
    return answer


async def ignored(host: Host, seq: int, what: str) -> None:
    """STOP under a number that must not be taken changes nothing. Raises Failed with `what`."""
    await host.send(seq, Cmd.STOP)
    await host.stays(("CmdAckSeq", "CmdResult", "CmdReason", "StateCurrent"), 500, f"{what} was carried out")


async def same_number(host: Host) -> str:
    """The same CmdSeq again is not another command."""
    answer = await host.command(NO_SUCH_COMMAND)
    await ignored(host, answer.seq, "a command with the number of the last one")
    return f"CmdSeq {answer.seq} twice, one answer"


async def taken_back(host: Host) -> str:
    """A CmdSeq with no command in it is refused as such, and ends its number: what comes late under it is none."""
    answer = await refused(host, NO_COMMAND)
    await ignored(host, answer.seq, "a command that had been taken back")
    return f"CmdSeq {answer.seq} with no command, then STOP under it: ignored"


async def late_number(host: Host) -> str:
    """An older CmdSeq, come late, is not a command."""
    await host.command(NO_SUCH_COMMAND)
    answer = await host.command(NO_SUCH_COMMAND)
    older = (answer.seq - 2) % SEQ_MAX + 1
    await ignored(host, older, "a command with an older number")
    await host.send(answer.seq, NO_SUCH_COMMAND)
    return f"CmdSeq {older} after {answer.seq} ignored"


async def at_rest(host: Host) -> State:
    """Brings the machine to Stopped."""
    state = State(await host.word("StateCurrent"))
    if state is State.ABORTED:
        await host.command(Cmd.CLEAR)
    elif state is not State.STOPPED:
        await host.command(Cmd.STOP)
    await host.until(("StateCurrent",), lambda now: now["StateCurrent"] == State.STOPPED, SETTLE_MAX_MS, "Stopped")
    return State.STOPPED


async def wrong_state(host: Host) -> str:
    """A command the state does not allow is refused and changes nothing."""
    _moves(host)
    await host.come()
    await at_rest(host)
    answer = await host.command(Cmd.UNHOLD)
    if (answer.result, answer.reason) != (CmdResult.REJECTED, CmdReason.STATE):
        raise Failed(f"Unhold in Stopped: CmdResult {answer.result}, CmdReason {answer.reason}; expected 3, 1 (state)")
    if await host.word("StateCurrent") != State.STOPPED:
        raise Failed("the state changed")
    return "Unhold in Stopped refused"


async def start(host: Host) -> str:
    """Reset and Start: Idle, then Starting with the horn and no motion, then Execute."""
    _moves(host)
    await host.come()
    await at_rest(host)
    await host.command(Cmd.RESET)
    await host.until(("StateCurrent",), lambda now: now["StateCurrent"] == State.IDLE, SETTLE_MAX_MS, "Idle")
    await host.command(Cmd.START)
    names = ("StateCurrent", "StatusBits")
    seen, _ = await host.until(names, lambda now: now["StateCurrent"] == State.STARTING, 1000, "Starting")
    if not seen["StatusBits"] >> Bit.HORN & 1:
        raise Failed("Starting without HornActive; nothing may move before the horn has sounded")
    if seen["StatusBits"] >> Bit.RUNNING & 1:
        raise Failed("Running while Starting; nothing may move before the horn has sounded")
    _, took_ms = await host.until(
        names, lambda now: now["StateCurrent"] == State.EXECUTE, START_MAX_MS, "Execute after Start"
    )
    return f"Execute after {took_ms / 1000:.1f} s of horn"


async def rearm(host: Host) -> str:
    """Held without us, the machine does not move again by itself when we are back; a command arms it."""
    _moves(host)
    if host.profile == "sorter":
        raise Skipped("a sorter goes on over its default lane; `fallback` and `no answer` tell")
    await running(host)
    host.go()
    limit_ms = STALE_MS + host.wishes.scan_ms + SLACK_MS + SETTLE_MAX_MS
    await host.until(("StateCurrent",), lambda now: now["StateCurrent"] == State.HELD, limit_ms, "Held without us")
    await host.come()
    await host.stays(("StateCurrent",), 3000, "it moved without a command")
    answer = await host.command(Cmd.UNHOLD)
    if answer.result == CmdResult.REJECTED:
        raise Failed(f"Unhold refused with {answer.reason}")
    await host.until(("StateCurrent",), lambda now: now["StateCurrent"] == State.EXECUTE, START_MAX_MS, "Execute")
    return "Held until Unhold"


async def stop(host: Host) -> str:
    """Stop leads to Stopped."""
    _moves(host)
    await at_rest(host)
    return "Stopped"


async def running(host: Host) -> None:
    """Has the machine in Execute. Raises Failed."""
    await host.come()
    if await host.word("StateCurrent") != State.EXECUTE:
        await start(host)


def _moves(host: Host) -> None:
    if not host.wishes.motion:
        raise Skipped("moves the machine: --motion, with nobody in it")
