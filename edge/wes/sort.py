# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
# cython: initializedcheck=False, cdivision=False
"""Where a unit on a sorter goes (compiled with sort.pxd): its barcode names a destination, which has lanes.

Dense numbers only: an answer is one packed number and nothing is made in memory for it; `answers` says it in words.
"""

from array import array

from edge.messages import DecisionCode, Machine

DISABLED = 1
FULL = 2
JAM = 4

# Each name twice: the first is what Python sees, the one with the underscore a plain number of the compiled module.
FIRST_CHOICE = _FIRST_CHOICE = 1
ALTERNATE = _ALTERNATE = 2
LANES_UNAVAILABLE = _LANES_UNAVAILABLE = 3
RATE_LIMIT = _RATE_LIMIT = 4
MAX_RECIRC = _MAX_RECIRC = 5
NO_LANE = _NO_LANE = 6
UNKNOWN = _UNKNOWN = 7
_ROUTE = int(DecisionCode.ROUTE)
_RECIRC = int(DecisionCode.RECIRC)
_REJECT = int(DecisionCode.REJECT)

WHY_SHIFT = _WHY_SHIFT = 4
LANE_SHIFT = _LANE_SHIFT = 8
ALTERNATE_SHIFT = _ALTERNATE_SHIFT = 24
"""An answer: DecisionCode | why << 4 | lane << 8 | alternate << 24; lane numbers below 2**16, 0 = none."""

_DIGITS_MAX = 18
_TEXT = 1 << 61
_TEXT_MASK = (1 << 55) - 1
_SLOTS_MIN = 16
_NONE = 1 << 56
_BEHIND = 1 << 48
_WORD = (1 << 32) - 1
_SPREAD = 1640531527


def key_of(text: str) -> int:
    """A barcode as a number > 0: up to 18 digits (an SSCC) exactly, below 2**61; any other text folded, above it."""
    if len(text) > _DIGITS_MAX:
        return folded(text)
    number, above = 0, 1
    for character in text:
        digit = ord(character) - 48
        if digit < 0 or digit > 9:
            return folded(text)
        number = number * 10 + digit
        # Ten to the number of digits in front keeps "07" and "7" apart.
        above *= 10
    return above + number


def folded(text: str) -> int:
    """A text as a polynomial modulo 2**55, which never leaves 63 bits; two texts may share a number."""
    number = 0
    for character in text:
        number = (number * 131 + ord(character)) & _TEXT_MASK
    return _TEXT + number


def home_of(key: int, mask: int) -> int:
    """Where the search for a key begins (Fibonacci hashing, Knuth 6.4): numbers in sequence lie evenly apart."""
    return ((((key ^ (key >> 30)) & _WORD) * _SPREAD) >> 12) & mask


class Barcodes:
    """Barcode -> destination: open addressing, linear probing, at most half full (Knuth 6.4, algorithms L and R).

    A slot is a key and a destination side by side, so that a look-up touches one cache line.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mask = _SLOTS_MIN - 1
        self.slots = array("q", bytes(16 * _SLOTS_MIN))
        self.texts: list[str | None] = [None] * _SLOTS_MIN
        self.clashes: dict[str, int] = {}
        """Texts whose folded key another text holds."""

    def find(self, text: str) -> int:
        """The destination of a barcode; -1 for one that nobody has named."""
        return self.look_up(key_of(text), text)

    def look_up(self, key: int, text: str) -> int:
        """The destination of a barcode whose number is known; a number that is exact needs no text."""
        slot = self.slot_of(key, text)
        if slot >= 0:
            return self.slots[2 * slot + 1]
        return self.clashes.get(text, -1) if self.clashes else -1

    def slot_of(self, key: int, text: str) -> int:
        """The slot that holds this very barcode; -1 if there is none."""
        slot = home_of(key, self.mask)
        while True:
            held = self.slots[2 * slot]
            if held == key:
                return slot if key < _TEXT or self.texts[slot] == text else -1
            if held == 0:
                return -1
            slot = (slot + 1) & self.mask

    def bind(self, text: str, destination: int) -> int:
        """Name the destination (>= 0) of a barcode; the one before, -1 if it is new."""
        key = key_of(text)
        slot = self.slot_of(key, text)
        if slot >= 0:
            before = self.slots[2 * slot + 1]
            self.slots[2 * slot + 1] = destination
            return before
        if text in self.clashes or (key >= _TEXT and self.is_held(key)):
            before = self.clashes.get(text, -1)
            self.clashes[text] = destination
            return before
        if 2 * (self.count + 1) > self.mask:
            self.grow()
        self.place(key, destination, text if key >= _TEXT else None)
        self.count += 1
        return -1

    def unbind(self, text: str) -> int:
        """Forget a barcode; its destination, -1 if it had none."""
        slot = self.slot_of(key_of(text), text)
        if slot < 0:
            return self.clashes.pop(text, -1)
        before = self.slots[2 * slot + 1]
        self.vacate(slot)
        self.count -= 1
        return before

    def is_held(self, key: int) -> bool:
        """Whether some text holds this key."""
        slot = home_of(key, self.mask)
        while self.slots[2 * slot] != 0:
            if self.slots[2 * slot] == key:
                return True
            slot = (slot + 1) & self.mask
        return False

    def place(self, key: int, destination: int, text: str | None) -> None:
        """Fill the first free slot for a key that is not in the table."""
        slot = home_of(key, self.mask)
        while self.slots[2 * slot] != 0:
            slot = (slot + 1) & self.mask
        self.slots[2 * slot] = key
        self.slots[2 * slot + 1] = destination
        self.texts[slot] = text

    def vacate(self, hole: int) -> None:
        """Empty a slot and move up what would no longer be found behind it."""
        slot = hole
        while True:
            slot = (slot + 1) & self.mask
            key = self.slots[2 * slot]
            if key == 0:
                break
            if ((slot - home_of(key, self.mask)) & self.mask) >= ((slot - hole) & self.mask):
                self.slots[2 * hole] = key
                self.slots[2 * hole + 1] = self.slots[2 * slot + 1]
                self.texts[hole] = self.texts[slot]
                hole = slot
        self.slots[2 * hole] = 0
        self.texts[hole] = None

    def grow(self) -> None:
        """Twice the slots."""
        slots, texts, size = self.slots, self.texts, self.mask + 1
        self.mask = 2 * size - 1
        self.slots = array("q", bytes(32 * size))
        self.texts = [None] * (2 * size)
        for slot in range(size):
            if slots[2 * slot] != 0:
                self.place(slots[2 * slot], slots[2 * slot + 1], texts[slot])


class LanePlan:
    """One sorter: its lanes side by side (by position = lane order) and the lanes of each destination.

    A row of `rows` is: how many lanes come first, how many there are with the alternates, then their positions.
    `load` units lie in a lane, `bound` ones are on their way there, the last was sent at `sent_ms`. `ranks` is what
    follows from that, two cells a lane: units << 16 | position while there is room, and when it is ready for another.
    """

    def __init__(self, machine: Machine, barcodes: Barcodes) -> None:
        self.machine_id = machine.machine_id
        self.barcodes = barcodes
        self.default_lane = machine.default_lane
        self.hospital_lane = machine.hospital_lane
        self.max_recirc = machine.max_recirc
        self.lane_by = machine.lane_by
        self.first: dict[str, list[int]] = {}
        self.second: dict[str, list[int]] = {}
        self.position: dict[int, int] = {}
        self.pool: list[int] = []
        """Positions of the lanes that are given out."""
        lanes = sorted(machine.lanes, key=lambda each: each.lane)
        for position, lane in enumerate(lanes):
            self.position[lane.lane] = position
            for route in lane.routes:
                self.first.setdefault(route, []).append(position)
            for route in lane.alternate_for:
                if route not in lane.routes:
                    self.second.setdefault(route, []).append(position)
            if lane.pool:
                self.pool.append(position)
        self.pooled = bool(self.pool)
        self.stale = False
        """Something changed that may call for other lanes from the pool."""
        self.lanes = array("q", [lane.lane for lane in lanes])
        self.capacity = array("q", [lane.capacity for lane in lanes])
        self.gap_ms = array("q", [lane.min_gap_ms for lane in lanes])
        self.load = array("q", bytes(8 * len(lanes)))
        self.bound = array("q", bytes(8 * len(lanes)))
        self.closed = array("q", bytes(8 * len(lanes)))
        self.sent_ms = array("q", bytes(8 * len(lanes)))
        self.ranks = array("q", bytes(16 * len(lanes)))
        self.width = 2 + len(lanes)
        self.rows = array("q", bytes(8 * self.width))
        self.hospital = to_hospital(machine.hospital_lane, machine.default_lane)

    def show(self, position: int, load: int, bound: int, closed: int, sent_ms: int) -> None:
        """Take over what the books say about a lane."""
        self.load[position] = load
        self.bound[position] = bound
        self.closed[position] = closed
        self.sent_ms[position] = sent_ms
        room = not closed and load + bound < self.capacity[position]
        self.ranks[2 * position] = (load + bound) << 16 | position if room else _NONE
        self.ranks[2 * position + 1] = sent_ms + self.gap_ms[position] if self.gap_ms[position] else 0

    def seen(self, position: int) -> tuple[int, int, int, int]:
        """Load, bound, closed bits and sent_ms of a lane as decisions see them."""
        return self.load[position], self.bound[position], self.closed[position], self.sent_ms[position]

    def set_row(self, destination: int, first: list[int], second: list[int]) -> None:
        """Say which lanes (positions) serve a destination, and which others may."""
        end = len(self.rows)
        while (destination + 1) * self.width > end:
            end *= 2
        if end > len(self.rows):
            rows = array("q", bytes(8 * end))
            for cell in range(len(self.rows)):
                rows[cell] = self.rows[cell]
            self.rows = rows
        row = destination * self.width
        self.rows[row] = len(first)
        self.rows[row + 1] = len(first) + len(second)
        cell = row + 2
        for position in first + second:
            self.rows[cell] = position
            cell += 1

    def row(self, destination: int) -> tuple[list[int], list[int]]:
        """The lanes of a destination (positions): first choice, alternates."""
        start = destination * self.width + 2
        middle, end = start + self.rows[start - 2], start + self.rows[start - 1]
        first = [self.rows[cell] for cell in range(start, middle)]
        return first, [self.rows[cell] for cell in range(middle, end)]

    def decide(self, barcode: str, recirc_count: int, now_ms: int) -> int:
        """The answer to a scan, packed; changes nothing."""
        return self.choose(self.barcodes.find(barcode), recirc_count, now_ms)

    def choose(self, destination: int, recirc_count: int, now_ms: int) -> int:
        """The lane for a destination: one that comes first, else an alternate, else another round, else people.

        Among its lanes the one with the fewest units, ties to the first. All that counts about a lane is one number
        (alternates behind, units, position) and the best two are two minima: no branch hangs on what memory brings.
        """
        if destination < 0:
            return self.hospital | _UNKNOWN << _WHY_SHIFT
        start = destination * self.width + 2
        middle, end = start + self.rows[start - 2], start + self.rows[start - 1]
        if start == end and not self.pooled:
            return self.hospital | _NO_LANE << _WHY_SHIFT
        best, other = _NONE, _NONE
        for cell in range(start, end):
            position = self.rows[cell]
            late = self.ranks[2 * position + 1] > now_ms
            rank = self.ranks[2 * position] + late * _NONE + (cell >= middle) * _BEHIND
            other = min(other, max(best, rank))
            best = min(best, rank)
        if best >= _NONE:
            if recirc_count >= self.max_recirc:
                return self.hospital | _MAX_RECIRC << _WHY_SHIFT
            why = _RATE_LIMIT if self.waits(start, end) else _LANES_UNAVAILABLE
            return _RECIRC | why << _WHY_SHIFT
        why = _ALTERNATE if best >= _BEHIND else _FIRST_CHOICE
        answer = _ROUTE | why << _WHY_SHIFT | self.lanes[best & 0xFFFF] << _LANE_SHIFT
        return answer | (self.lanes[other & 0xFFFF] << _ALTERNATE_SHIFT if other < _NONE else 0)

    def waits(self, start: int, end: int) -> bool:
        """Whether one of these lanes has room and only its gap keeps a unit out."""
        able = 0
        for cell in range(start, end):
            able += self.ranks[2 * self.rows[cell]] < _NONE
        return able > 0


def to_hospital(hospital_lane: int, default_lane: int) -> int:
    """The answer for what a sorter cannot place: the lane where people look, else the default lane, else a REJECT."""
    lane = hospital_lane or default_lane
    if not lane:
        return _REJECT
    alternate = default_lane if default_lane != lane else 0
    return _ROUTE | lane << _LANE_SHIFT | alternate << _ALTERNATE_SHIFT
