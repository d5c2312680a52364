"""Two processes' uplinks over a real broker: messages in one outbox, messages in the other journal."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.messages import EventSetAside, Message
from edge.settings import BrokerSettings, ConfigError
from edge.uplink import mqtt
from edge.uplink.account import read_account
from edge.uplink.broker import free_port
from edge.uplink.envelope import Route, pack_data
from tests.uplink.conftest import Mosquitto
from tests.uplink.doubles import Figures, MemoryJournal, message

OTHER = {"office": "dc1", "dc1": "office"}


class Process:
    """One process's uplink, as the runtime keeps it."""

    def __init__(self, name: str, url: str, journal: MemoryJournal | None = None, keepalive_s: int = 10) -> None:
        self.name = name
        self.settings = BrokerSettings(url=url, keepalive_s=keepalive_s)
        self.journal = journal or MemoryJournal(f"{name}-epoch")
        self.figures = Figures()
        self.seen: list[tuple[str, bool]] = []
        self.changed = asyncio.Event()

    async def on_peer(self, peer: str, online: bool) -> None:
        self.seen.append((peer, online))
        self.changed.set()

    async def wait_seen(self, *seen: bool, within_s: float = 40) -> None:
        async with asyncio.timeout(within_s):
            while [online for _, online in self.seen] != list(seen):
                self.changed.clear()
                await self.changed.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                mqtt.keep(
                    self.settings,
                    "acme",
                    self.name,
                    {OTHER[self.name]: ("oms",)},
                    self.journal,
                    self.journal.report_inbound,
                    self.figures,
                    self.on_peer,
                )
            )
            try:
                yield
            finally:
                task.cancel()


def texts(prefix: str, count: int, first: int = 1) -> list[str]:
    return [f"{prefix}{n}" for n in range(first, first + count)]


def send(process: Process, *names: str) -> None:
    process.journal.put(OTHER[process.name], *(message(name) for name in names))


async def forgotten(process: Process, within_s: float = 20) -> None:
    """Until the peer has acknowledged everything."""
    async with asyncio.timeout(within_s):
        while process.journal.rows.get(OTHER[process.name]):
            await asyncio.sleep(0.01)


@pytest.mark.mosquitto
async def test_both_ways_at_once(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    send(office, *texts("o", 1500))
    send(dc1, *texts("d", 1500))
    async with office.running(), dc1.running():
        await dc1.journal.wait_taken(1500)
        await office.journal.wait_taken(1500)
        await forgotten(office)
        await forgotten(dc1)
        await office.wait_seen(True)
        await dc1.wait_seen(True)
    assert dc1.journal.texts("office") == texts("o", 1500)
    assert office.journal.texts("dc1") == texts("d", 1500)
    assert office.figures["uplink_sent"] == dc1.figures["uplink_received"] == 1500
    assert dc1.figures["uplink_duplicates"] == office.figures["uplink_resent"] == 0


@pytest.mark.mosquitto
async def test_messages_that_come_later_go_at_once(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    async with office.running(), dc1.running():
        await office.wait_seen(True)
        for n in range(1, 21):
            send(office, f"o{n}")
            await dc1.journal.wait_taken(n)
    assert dc1.journal.texts("office") == texts("o", 20)
    assert office.figures["uplink_resent"] == 0


@pytest.mark.mosquitto
async def test_the_broker_is_killed_again_and_again_and_forgets_everything(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    dc1.journal.commit_s = 0.002
    send(office, *texts("o", 4000))
    send(dc1, *texts("d", 1000))
    async with office.running(), dc1.running():
        for taken in (300, 1200, 2500):
            await dc1.journal.wait_taken(taken)
            mosquitto.kill()
            await asyncio.sleep(0.2)
            mosquitto.start()
        await dc1.journal.wait_taken(4000, within_s=60)
        await office.journal.wait_taken(1000)
        await forgotten(office)
    assert dc1.journal.texts("office") == texts("o", 4000)
    assert office.journal.texts("dc1") == texts("d", 1000)
    assert dc1.journal.repeats == office.journal.repeats == 0


@pytest.mark.mosquitto
async def test_both_processes_restart_after_the_broker_lost_its_state(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    dc1.journal.commit_s = 0.005
    send(office, *texts("o", 2000))
    async with office.running(), dc1.running():
        await dc1.journal.wait_taken(200)
    mosquitto.kill()
    had = len(dc1.journal.taken)
    assert 200 <= had < 2000, "stopped in the middle"
    mosquitto.start()
    office = Process("office", mosquitto.url, office.journal)
    dc1 = Process("dc1", mosquitto.url, dc1.journal)
    async with office.running(), dc1.running():
        await dc1.journal.wait_taken(2000)
        await forgotten(office)
    assert dc1.journal.texts("office") == texts("o", 2000)
    assert dc1.journal.repeats == 0


@pytest.mark.mosquitto
async def test_a_receiver_that_comes_later_gets_everything(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    send(office, *texts("o", 100))
    async with office.running():
        await asyncio.sleep(0.5)
        assert office.figures["uplink_sent"] == 0, "nothing is left with a broker for a peer that is not there"
        async with dc1.running():
            await dc1.journal.wait_taken(100)
    assert dc1.journal.texts("office") == texts("o", 100)


@pytest.mark.mosquitto
async def test_a_broker_that_stops_answering_is_left_and_tried_again(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "PUBACK_TIMEOUT_S", 1.0)
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    async with office.running(), dc1.running():
        await office.wait_seen(True)
        mosquitto.signal(signal.SIGSTOP)
        send(office, *texts("o", 50))
        await asyncio.sleep(2.5)
        assert not dc1.journal.taken
        mosquitto.signal(signal.SIGCONT)
        await dc1.journal.wait_taken(50)
    assert dc1.journal.texts("office") == texts("o", 50)


@pytest.mark.mosquitto
async def test_a_slow_journal_holds_the_sender_back(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    stuck = asyncio.Event()
    started = 0

    async def report(peer: str, epoch: str, n: int, event: Message) -> None:
        nonlocal started
        started += 1
        await stuck.wait()
        dc1.journal.take(peer, epoch, n, event)
        dc1.journal.committed.set()

    dc1.journal.report_inbound = report  # type: ignore[method-assign]
    send(office, *texts("o", 3000))
    async with office.running(), dc1.running():
        await dc1.wait_seen(True)
        await asyncio.sleep(1.0)
        assert started == 200, "so many commits at once and no more"
        assert office.figures["uplink_sent"] <= 500
        stuck.set()
        await dc1.journal.wait_taken(3000)
    assert dc1.journal.texts("office") == texts("o", 3000)


@pytest.mark.mosquitto
async def test_a_failing_journal_ends_the_uplink(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    send(office, "o1")

    async def report(peer: str, epoch: str, n: int, event: Message) -> None:
        raise OSError("disk full")

    dc1.journal.report_inbound = report  # type: ignore[method-assign]
    with pytest.raises(ExceptionGroup) as raised:
        async with office.running(), dc1.running():
            await asyncio.sleep(20)
    assert raised.group_contains(OSError, match="disk full")


@pytest.mark.mosquitto
async def test_the_presence_of_a_process_stands_on_the_broker(mosquitto: Mosquitto) -> None:
    office = Process("office", mosquitto.url)
    async with listening(mosquitto, "uns/v1/acme/_edge/office/status") as heard:
        async with office.running():
            await until(lambda: any(b'"online"' in payload for _, payload in heard))
        await until(lambda: b'"offline"' in heard[-1][1])
    async with listening(mosquitto, "uns/v1/acme/_edge/office/status") as heard:
        await until(lambda: bool(heard) and b'"offline"' in heard[-1][1])


ALONE = """
import asyncio, sys
from edge.settings import BrokerSettings
from edge.uplink import mqtt
from tests.uplink.doubles import Figures, MemoryJournal

async def main():
    journal = MemoryJournal("e")
    await mqtt.keep(BrokerSettings(url=sys.argv[1]), "acme", "office", {"dc1": ()}, journal, None, Figures(), None)

asyncio.run(main())
"""


@pytest.mark.mosquitto
async def test_the_broker_says_offline_for_a_process_that_was_killed(mosquitto: Mosquitto) -> None:
    root = Path(__file__).parents[2]
    async with listening(mosquitto, "uns/v1/acme/_edge/office/status") as heard:
        alone = await asyncio.create_subprocess_exec(sys.executable, "-c", ALONE, mosquitto.url, cwd=root)
        await until(lambda: bool(heard) and b'"online"' in heard[-1][1])
        alone.kill()
        await alone.wait()
        await until(lambda: b'"offline"' in heard[-1][1])


@asynccontextmanager
async def listening(broker: Mosquitto, topic: str) -> AsyncIterator[list[tuple[str, bytes]]]:
    heard: list[tuple[str, bytes]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, m: heard.append((m.topic, bytes(m.payload)))
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(ready.set)
    client.on_connect = lambda c, *_: c.subscribe(topic, 1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    await ready.wait()
    yield heard
    client.disconnect()
    await asyncio.to_thread(client.loop_stop)


async def until(true: object, within_s: float = 15) -> None:
    assert callable(true)
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


OFFICE = Route("acme", "office", "dc1")
GOOD = pack_data(OFFICE, "stranger", 1, "OrderHoldLifted", b'{"at_ms":1,"order_id":"x","hold_id":"h","by":"b"}', 1)
ORDER_TOPIC = OFFICE.business("OrderHoldLifted")

BAD = {
    "not json": (ORDER_TOPIC, b"{no", "NOT_JSON"),
    "not utf-8": (ORDER_TOPIC, b"\xff\xfe\x00", "NOT_JSON"),
    "nothing": (ORDER_TOPIC, b"", "NOT_JSON"),
    "not an object": (ORDER_TOPIC, b"[1,2]", "NOT_JSON"),
    "too deep": (ORDER_TOPIC, b"[" * 200_000, "NOT_JSON"),
    "a lone surrogate": (ORDER_TOPIC, GOOD.replace(b'"x"', b'"\\ud800"'), "NOT_JSON"),
    "another schema": (ORDER_TOPIC, GOOD.replace(b"edge/1", b"acme/1"), "WRONG_SCHEMA"),
    "another version": (ORDER_TOPIC, GOOD.replace(b"edge/1", b"edge/2"), "WRONG_VERSION"),
    "another stream": (ORDER_TOPIC, GOOD.replace(b"office->dc1", b"office->dc2"), "WRONG_STREAM"),
    "huge": (ORDER_TOPIC, b'{"x":"' + b"x" * 2_100_000 + b'"}', "TOO_LARGE"),
    "kind and topic differ": (OFFICE.business("StockMoved"), GOOD, "WRONG_TOPIC"),
    "an unknown word of the uplink": (OFFICE.own("shout"), GOOD, "WRONG_TOPIC"),
    "a wrong number": (ORDER_TOPIC, GOOD.replace(b'"seq":1', b'"seq":"1"'), "BAD_FIELD"),
    "no epoch": (ORDER_TOPIC, GOOD.replace(b'"epoch":"stranger"', b'"epoch":""'), "BAD_FIELD"),
    "a hello without a boot": (OFFICE.own("hello"), GOOD, "BAD_FIELD"),
    "a bad hash": (ORDER_TOPIC, GOOD.replace(b'"order_id":"x"', b'"order_id":"y"'), "BAD_HASH"),
}


@pytest.mark.mosquitto
async def test_bad_input_is_refused_and_said_and_the_process_lives(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    stranger = paho.Client(CallbackAPIVersion.VERSION2)
    stranger.connect("127.0.0.1", mosquitto.port)
    stranger.loop_start()
    async with listening(mosquitto, "uns/v1/acme/dc1/_uplink/dc1/office/nack") as nacks, dc1.running():
        await asyncio.sleep(0.5)
        for topic, payload, reason in BAD.values():
            before = len(nacks)
            stranger.publish(topic, payload, qos=1)
            await until(lambda before=before: len(nacks) > before)
            assert f'"reason":"{reason}"'.encode() in nacks[-1][1]
        assert dc1.figures["uplink_refused"] == len(BAD)
        assert dc1.journal.taken == []
        async with office.running():
            send(office, "o1")
            await dc1.journal.wait_taken(1)
            await until(lambda: bool(office.seen))
    await asyncio.to_thread(stranger.loop_stop)
    assert dc1.journal.texts("office") == ["o1"]
    said = [record.__dict__["reason"] for record in caplog.records if record.message == "uplink refused"]
    assert len(said) == len(set(said)), "each reason once"


@pytest.mark.mosquitto
async def test_what_cannot_be_read_is_set_aside_and_the_stream_goes_on(mosquitto: Mosquitto) -> None:
    office, dc1 = Process("office", mosquitto.url), Process("dc1", mosquitto.url)
    send(office, "o1")
    rows = office.journal.rows["dc1"]
    rows.append((2, "OrderTeleported", b'{"at_ms":7}'))
    rows.append((3, "OrderHoldLifted", b'{"at_ms":8,"order_id":5}'))
    rows.append((4, "SiteOpened", b'{"at_ms":9}'))
    rows.append((5, "OrderHoldLifted", b'"' + b"x" * 2_100_000 + b'"'))
    office.journal.sent["dc1"] = 5
    send(office, "o6")
    async with office.running(), dc1.running():
        await dc1.journal.wait_taken(6)
        await forgotten(office)
        await until(lambda: office.figures["uplink_nacked"] == 4)
    assert [n for _, _, n, _ in dc1.journal.taken] == [1, 2, 3, 4, 5, 6]
    assert dc1.journal.texts("office") == ["o1", "o6"]
    aside = [event for _, _, _, event in dc1.journal.taken if isinstance(event, EventSetAside)]
    assert [event.kind for event in aside] == ["OrderTeleported", "OrderHoldLifted", "SiteOpened", "OrderHoldLifted"]
    assert [event.at_ms for event in aside] == [7, 8, 9, 0]
    assert "UNKNOWN_KIND" in aside[0].error
    assert "BAD_PAYLOAD" in aside[1].error
    assert dc1.figures["uplink_refused"] == 4


async def test_no_broker_at_all_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    office = Process("office", f"mqtt://127.0.0.1:{free_port()}")
    async with office.running():
        await asyncio.sleep(1.5)
    assert len([r for r in caplog.records if r.message == "broker away"]) == 1, "said once"


async def test_something_that_is_no_broker_is_not_hammered(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0

    async def slam(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    office = Process("office", f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server, office.running():
        await asyncio.sleep(3)
    assert 2 <= calls <= 60
    assert [record.message for record in caplog.records] == ["broker away"]


@pytest.mark.parametrize(
    "settings",
    [
        BrokerSettings(),
        BrokerSettings(url="mqtt://user:secret@127.0.0.1"),
        BrokerSettings(url="mqtt://127.0.0.1:99999"),
        BrokerSettings(url="mqtt://127.0.0.1", username="u", password_file=Path("/nowhere/password")),
        BrokerSettings(url="mqtts://127.0.0.1", ca_file=Path("/nowhere/ca.pem")),
    ],
)
def test_settings_that_cannot_work_are_the_installers_fault(settings: BrokerSettings) -> None:
    with pytest.raises(ConfigError, match="broker"):
        read_account(settings, "acme", "office", ())
