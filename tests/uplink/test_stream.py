"""The streams' promise: whatever is lost, repeated, reordered or restarted, each message arrives once and in order."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.messages import EventSetAside, OrderHoldLifted
from edge.uplink.envelope import Hello, Route
from edge.uplink.link import Inbound, Link
from edge.uplink.stream import (
    ACK_TIMEOUT_MS,
    DOUBTS_MAX,
    EARLY_MAX,
    REORDER_MS,
    WINDOW,
    WINDOW_BYTES,
    Handshake,
    Receiver,
    Sender,
    Standing,
    Verdict,
)
from tests.uplink.doubles import Figures, MemoryJournal, message

OTHER = {"office": "dc1", "dc1": "office"}


@dataclass
class Node:
    """A process: its journal is on disk, its link and its half-done commits are not."""

    name: str
    journal: MemoryJournal
    boots: int = 0
    figures: Figures = field(default_factory=Figures)
    commits: list[Inbound] = field(default_factory=list)

    def start(self, now_ms: int) -> None:
        self.boots += 1
        peer = OTHER[self.name]
        self.commits = []
        self.link = Link(
            Route("acme", self.name, peer),
            f"{self.name}-boot{self.boots}",
            self.journal.epoch,
            self.journal.sent[peer],
            self.journal.cursors.get(peer, ("", 0)),
            self.figures,
        )
        self.link.join(now_ms)

    def fill(self, now_ms: int) -> None:
        peer = OTHER[self.name]
        if not self.link.sender.stopped:
            self.journal.forget(peer, self.link.sender.base)
        if (want := self.link.sender.wanted()) is not None:
            self.link.fill(want[0], self.journal.read(peer, *want), now_ms)

    def commit(self, at_most: int, now_ms: int) -> None:
        while (inbound := self.link.next_inbound()) is not None:
            self.commits.append(inbound)
        for inbound in self.commits[:at_most]:
            self.journal.take(OTHER[self.name], inbound.epoch, inbound.n, inbound.message)
            self.link.committed(inbound, now_ms)
        self.commits = self.commits[at_most:]


class World:
    """Two processes and a network that anything may happen to."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.nodes = {name: Node(name, MemoryJournal(f"{name}-epoch1")) for name in OTHER}
        self.net: list[tuple[str, str, bytes]] = []
        self.sent: dict[str, list[str]] = {}
        self.lives = {name: [node.journal] for name, node in self.nodes.items()}
        for node in self.nodes.values():
            node.start(self.now_ms)

    def produce(self, name: str, count: int) -> None:
        node = self.nodes[name]
        for _ in range(count):
            texts = self.sent.setdefault(node.journal.epoch, [])
            texts.append(f"{node.journal.epoch}/{len(texts) + 1}")
            node.journal.put(OTHER[name], message(texts[-1]))

    def speak(self, name: str, at_most: int = 20) -> None:
        node = self.nodes[name]
        node.fill(self.now_ms)
        for out in node.link.speak(self.now_ms, self.now_ms, at_most):
            self.net.append((OTHER[name], out.topic, out.payload))

    def deliver(self, index: int, *, keep: bool = False) -> None:
        if self.net:
            index %= len(self.net)
            name, topic, payload = self.net[index] if keep else self.net.pop(index)
            self.nodes[name].link.hear(topic, payload, self.now_ms)

    def wipe(self, name: str) -> None:
        node = self.nodes[name]
        node.journal = MemoryJournal(f"{name}-epoch{len(self.lives[name]) + 1}")
        self.lives[name].append(node.journal)
        node.start(self.now_ms)

    def settle(self) -> None:
        for _ in range(400):
            self.now_ms += 100
            for name, node in self.nodes.items():
                self.speak(name)
                while self.net:
                    self.deliver(0)
                node.commit(1_000, self.now_ms)

    def check(self) -> None:
        for journals in self.lives.values():
            for journal in journals:
                assert journal.repeats == 0
                self.check_order(journal)

    def check_order(self, journal: MemoryJournal) -> None:
        """Per epoch: in order, each once, the very messages; an epoch that was left never comes back."""
        epochs: list[str] = []
        last = 0
        for _, epoch, n, event in journal.taken:
            if epoch not in epochs:
                epochs.append(epoch)
                last = 0
            assert epoch == epochs[-1]
            assert n > last
            if isinstance(event, OrderHoldLifted):
                assert n == last + 1
                assert event.order_id == self.sent[epoch][n - 1]
            else:
                assert isinstance(event, EventSetAside)
            last = n

    def check_complete(self) -> None:
        for name, node in self.nodes.items():
            sender = self.nodes[OTHER[name]].journal
            if all(len(journals) == 1 for journals in self.lives.values()):
                assert node.journal.texts(OTHER[name]) == self.sent.get(sender.epoch, [])
            if sender.rows.get(name) or sender.sent[name]:
                epoch, last = node.journal.cursors.get(OTHER[name], ("", 0))
                assert not sender.rows.get(name), "all was acknowledged"
                if node.journal.taken or last:
                    assert (epoch, last) == (sender.epoch, sender.sent[name])


NAMES = st.sampled_from(["office", "dc1"])
INDEX = st.integers(0, 1_000)


class AnyInterleaving(RuleBasedStateMachine):
    """Loss, duplication, reordering, reconnects, restarts of either side, commits that lag behind."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        for name in OTHER:
            self.world.produce(name, 3)
        talk(self.world, 4)

    @rule(name=NAMES, count=st.integers(1, 30))
    def produce(self, name: str, count: int) -> None:
        self.world.produce(name, count)

    @rule(name=NAMES, at_most=st.integers(1, 40))
    def speak(self, name: str, at_most: int) -> None:
        self.world.speak(name, at_most)

    @rule(count=st.integers(1, 20))
    def deliver_in_order(self, count: int) -> None:
        for _ in range(count):
            self.world.deliver(0)

    @rule(count=st.integers(1, 10), times=st.integers(2, 3))
    def exchange(self, count: int, times: int) -> None:
        for _ in range(times):
            for name in OTHER:
                self.world.speak(name, count)
            for _ in range(2 * count):
                self.world.deliver(0)

    @rule(index=INDEX, keep=st.booleans())
    def deliver_any(self, index: int, keep: bool) -> None:
        self.world.deliver(index, keep=keep)

    @rule(index=INDEX, count=st.integers(1, 10))
    def lose(self, index: int, count: int) -> None:
        net = self.world.net
        for _ in range(min(count, len(net))):
            net.pop(index % len(net))

    @rule(name=NAMES, at_most=st.integers(1, 10))
    def commit(self, name: str, at_most: int) -> None:
        self.world.nodes[name].commit(at_most, self.world.now_ms)

    @rule(ms=st.sampled_from([1, 30, 600, 6_000, 20_000]))
    def wait(self, ms: int) -> None:
        self.world.now_ms += ms

    @rule(name=NAMES)
    def restart(self, name: str) -> None:
        self.world.nodes[name].start(self.world.now_ms)

    @rule(name=NAMES)
    def reconnect(self, name: str) -> None:
        self.world.nodes[name].link.join(self.world.now_ms)

    @invariant()
    def in_order_and_once(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()
            self.world.check()
            self.world.check_complete()


class LostJournals(AnyInterleaving):
    """The same, and either side may come back with an empty journal while old packets are still under way."""

    @rule(name=NAMES)
    def wipe(self, name: str) -> None:
        self.world.wipe(name)


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
TestLostJournals = LostJournals.TestCase
TestLostJournals.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)


def talk(world: World, rounds: int = 20, step_ms: int = 50) -> None:
    for _ in range(rounds):
        world.now_ms += step_ms
        for name in world.nodes:
            world.speak(name)
        while world.net:
            world.deliver(0)
        for node in world.nodes.values():
            node.commit(1_000, world.now_ms)


def test_nothing_is_sent_twice_on_a_quiet_line() -> None:
    world = World()
    world.produce("office", 300)
    talk(world, 60)
    dc1 = world.nodes["dc1"]
    assert dc1.journal.texts("office") == world.sent["office-epoch1"]
    assert dc1.figures["uplink_duplicates"] == 0
    assert world.nodes["office"].figures["uplink_resent"] == 0


def test_a_peer_that_is_not_there_gets_hellos_only() -> None:
    world = World()
    world.produce("office", 10)
    for _ in range(100):
        world.now_ms += 500
        world.speak("office")
    assert world.net
    assert {topic.rpartition("/")[2] for _, topic, _ in world.net} == {"hello"}
    assert not world.nodes["office"].link.online(world.now_ms)


def test_a_peer_goes_after_silence_and_comes_back() -> None:
    world = World()
    talk(world)
    office = world.nodes["office"]
    assert office.link.online(world.now_ms)
    world.now_ms += 16_000
    assert not office.link.online(world.now_ms)
    world.produce("office", 1)
    world.speak("office")
    assert all(topic.endswith("hello") for _, topic, _ in world.net)
    talk(world, 200)
    assert world.nodes["dc1"].journal.texts("office") == world.sent["office-epoch1"]


def stale(world: World, name: str, what: str) -> tuple[str, bytes]:
    """What `name` would send now, kept back by the network."""
    world.now_ms += 50
    world.speak(name)
    kept = [(topic, payload) for _, topic, payload in world.net if topic.rpartition("/")[2] == what]
    world.net.clear()
    return kept[-1]


def test_a_late_acknowledgement_of_a_receiver_that_lost_its_journal_loses_nothing() -> None:
    world = World()
    talk(world, 4)
    world.produce("office", 5)
    world.speak("office")
    while world.net:
        world.deliver(0)
    world.nodes["dc1"].commit(5, world.now_ms)
    late = stale(world, "dc1", "ack")
    world.wipe("dc1")
    for _ in range(6):
        for name in world.nodes:
            world.speak(name, 1)
        while world.net:
            world.deliver(0)
        world.now_ms += 30
    world.nodes["office"].fill(world.now_ms)
    world.nodes["office"].link.hear(*late, world.now_ms)
    talk(world, 200)
    assert world.nodes["dc1"].journal.texts("office") == world.sent["office-epoch1"]


def test_a_late_acknowledgement_of_the_old_epoch_loses_nothing_of_the_new_one() -> None:
    world = World()
    talk(world, 4)
    world.produce("office", 5)
    world.speak("office")
    while world.net:
        world.deliver(0)
    world.nodes["dc1"].commit(5, world.now_ms)
    late = stale(world, "dc1", "ack")
    world.wipe("office")
    talk(world, 8)
    world.produce("office", 5)
    world.nodes["office"].fill(world.now_ms)
    world.nodes["office"].link.hear(*late, world.now_ms)
    talk(world, 200)
    assert world.nodes["dc1"].journal.texts("office")[5:] == world.sent["office-epoch2"]


def test_early_messages_of_an_epoch_that_was_left_are_forgotten() -> None:
    receiver: Receiver[str] = Receiver("old", 4)
    receiver.take("old", 6, "old 6", 0)
    receiver.begin("new")
    assert [receiver.take("new", n, f"new {n}", 0) for n in (1, 2, 3, 4, 5, 6)] == [Verdict.NEXT] * 6
    assert [item for _, _, item in drain(receiver)] == [f"new {n}" for n in range(1, 7)]


def test_a_receiver_that_lost_its_journal_sets_aside_what_nobody_has_any_more() -> None:
    world = World()
    world.produce("office", 5)
    talk(world)
    world.wipe("dc1")
    world.produce("office", 2)
    talk(world)
    journal = world.nodes["dc1"].journal
    (_, _, n, gone), *rest = journal.taken
    assert isinstance(gone, EventSetAside)
    assert n == 5
    assert "1 to 5" in gone.error
    assert [m.order_id for _, _, _, m in rest if isinstance(m, OrderHoldLifted)] == world.sent["office-epoch1"][5:]
    assert world.nodes["dc1"].figures["uplink_refused"] == 1


def test_a_sender_restored_from_an_old_copy_stops_instead_of_being_taken_for_duplicates() -> None:
    world = World()
    world.produce("office", 10)
    talk(world)
    old = MemoryJournal("office-epoch1")
    old.put("dc1", *(message(f"other{n}") for n in range(5)))
    office = world.nodes["office"]
    office.journal = old
    office.start(world.now_ms)
    talk(world)
    assert "the peer has 10" in office.link.sender.stopped
    assert world.nodes["dc1"].figures["uplink_duplicates"] == 0
    assert office.journal.rows["dc1"], "nothing was forgotten"


def hello(boot: str, turn: int = 1, echo: str = "") -> Hello:
    return Hello(boot, turn, echo, epoch=f"epoch-{boot}", first=1, received_epoch="", received_n=0)


def test_an_unproven_start_of_the_peer_is_not_adopted() -> None:
    hands = Handshake("me")
    assert hands.hear(hello("old")) is Standing.STRANGER
    assert hands.hear(hello("old", echo="another.1")) is Standing.STRANGER
    assert hands.peer_boot == ""
    assert hands.hear(hello("new", echo=hands.token)) is Standing.NEW
    assert hands.peer_boot == "new"


def test_a_token_adopts_once() -> None:
    hands = Handshake("me")
    token = hands.token
    assert hands.hear(hello("one", echo=token)) is Standing.NEW
    assert hands.hear(hello("two", echo=token)) is Standing.STRANGER
    assert hands.token != token
    assert hands.hear(hello("one", echo=token)) is Standing.SAME
    assert hands.hear(hello("one", turn=2, echo=token)) is Standing.BACK


def test_the_window_is_bounded_in_number_and_bytes() -> None:
    sender = Sender("e", 10_000)
    sender.begin("e", 0)
    assert sender.wanted() == (0, WINDOW)
    sender.fill(0, [(n, "K", b"x") for n in range(1, WINDOW + 1)])
    assert sender.wanted() is None
    big = Sender("e", 10_000)
    big.begin("e", 0)
    big.fill(0, [(1, "K", b"x" * WINDOW_BYTES), (2, "K", b"x")])
    assert big.wanted() is None
    assert [row[0] for row, _ in big.due(0, 10)] == [1]
    assert big.acknowledge(1, 0)
    assert big.wanted() == (1, WINDOW)


def test_no_progress_sends_the_window_again_in_order() -> None:
    sender = Sender("e", 3)
    sender.begin("", 0)
    sender.fill(0, [(n, "K", b"") for n in (1, 2, 3)])
    assert [(row[0], again) for row, again in sender.due(0, 9)] == [(1, False), (2, False), (3, False)]
    assert sender.due(ACK_TIMEOUT_MS - 1, 9) == []
    assert sender.acknowledge(1, ACK_TIMEOUT_MS - 1)
    assert sender.due(ACK_TIMEOUT_MS + 1, 9) == [], "progress gives it more time"
    assert [(row[0], again) for row, again in sender.due(2 * ACK_TIMEOUT_MS, 9)] == [(2, True), (3, True)]


def test_what_the_peer_misses_goes_first() -> None:
    sender = Sender("e", 9)
    sender.begin("e", 0)
    sender.fill(0, [(n, "K", b"") for n in range(1, 10)])
    sender.due(0, 6)
    sender.asked(2, 3)
    assert [row[0] for row, _ in sender.due(1, 9)] == [2, 3, 7, 8, 9]


def test_acknowledgements_of_what_was_never_sent_are_ignored() -> None:
    sender = Sender("e", 5)
    sender.begin("e", 2)
    assert not sender.acknowledge(9, 0)
    assert not sender.acknowledge(1, 0)
    assert sender.base == 2


def drain(receiver: Receiver[str]) -> list[tuple[str, int, str]]:
    return list(iter(receiver.ready, None))  # type: ignore[arg-type]


def test_a_gap_is_kept_bounded_and_asked_for() -> None:
    receiver: Receiver[str] = Receiver("e", 0)
    assert receiver.take("e", 3, "c", 0) is Verdict.EARLY
    assert receiver.missing(REORDER_MS - 1) is None
    assert receiver.missing(REORDER_MS) == (1, 2)
    assert receiver.missing(REORDER_MS + 1) is None
    for n in range(4, EARLY_MAX + 3):
        assert receiver.take("e", n, "x", 0) is Verdict.EARLY
    assert receiver.take("e", EARLY_MAX + 3, "x", 0) is Verdict.FULL
    assert receiver.take("e", 1, "a", 0) is Verdict.NEXT
    assert receiver.take("e", 2, "b", 0) is Verdict.NEXT
    assert [item for _, _, item in drain(receiver)][:3] == ["a", "b", "c"]
    assert receiver.ask_ms is None


def test_only_an_unbroken_run_of_commits_is_acknowledged() -> None:
    receiver: Receiver[str] = Receiver("e", 0)
    for n in (1, 2, 3):
        receiver.take("e", n, "x", 0)
    assert not receiver.committed("e", 2)
    assert receiver.committed_n == 0
    assert receiver.committed("e", 1)
    assert receiver.committed_n == 2
    assert not receiver.committed("older", 3)
    assert receiver.take("e", 2, "x", 0) is Verdict.DUPLICATE
    assert receiver.take("other", 4, "x", 0) is Verdict.STRANGE


def test_a_number_that_stays_damaged_is_given_up() -> None:
    receiver: Receiver[str] = Receiver("e", 6)
    assert not receiver.doubt("e", 9), "not the next one"
    assert [receiver.doubt("e", 7) for _ in range(DOUBTS_MAX)] == [False] * (DOUBTS_MAX - 1) + [True]
