# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""The priority index of open work: the best task for a spot, exact, without looking at every task (with index.pxd).

An item's value follows four pieces: it rises with time, rests at its top once it is urgent, rises again towards its
next departure once the first is lost, and falls by LOST when that one is lost too (dispatch.md 1, "Kinetic form": ATCS
of Lee, Bhaskaran, Pinedo 1997 in logarithms, with triage). All rising pieces have the same slope, so two items on
rising pieces never change places, nor do two at rest. Each cell (a class in an area) therefore keeps two queues, the
rising and the resting items, sorted, the best last; `tops` repeats the best key of every queue side by side, and a
decision reads that. No piece rises above the one before it, so an item left on a piece that has ended is at most
overrated: it is moved to its present piece when it comes to the top, not when the time comes. Sorted queues beat heaps
here, since what leaves one is nearly always its last: up to some thousand items in a cell, and with 100 000 in a single
one it still takes less than 20 us to put or take one (12 bytes are moved for each that is better). Ties go by number,
then by item. Nothing is saved: the same items put into a new index give the same decisions.
"""

from array import array

_LOST = 1 << 40
LOST = _LOST
"""What the value of an item falls by when its last departure is lost, in index units (Q32: 256 nats)."""
_HORIZON_MS = 1 << 36
NEVER_MS = _HORIZON_MS
"""A time that does not come: every `t` is smaller."""
_REACH = 1 << 55
REACH = _REACH
"""No top, line or travel may be farther from 0, in index units."""
_EMPTY = -(1 << 62)
_FLOOR = -(1 << 61)
# An item's row, one cache line wide.
_WIDTH = 8
_HOME, _NUMBER, _TOP, _LINE, _URGENT, _LOST_AT, _LINE2, _URGENT2 = range(8)
# Its pieces in order of time, odd ones at rest; _HOME holds 4 * cell + piece, 0 for an item that is not there.
_RISING, _RESTING, _AGAIN, _GONE = range(4)


def _logarithms() -> "array[int]":
    """ln(1 + i / 1024) in Q32 for i = 0..1024, summed in Q96 from ln((m+1)/m) = 2 artanh(1/(2m+1))."""
    table, total = array("q", [0]), 0
    for m in range(1024, 2048):
        power, odd = (2 << 96) // (2 * m + 1), 1
        while power:
            total += power // odd
            power //= (2 * m + 1) ** 2
            odd += 2
        table.append((total + (1 << 63)) >> 64)
    return table


_TABLE = _logarithms()


def log_q32(n: int) -> int:
    """Natural logarithm of 1 <= n < 2**62 in Q32: never falling, error below 2**-22 nat, the same on every machine."""
    assert n >= 1, "logarithm of a number below 1"
    left, octave, shift = n, 0, 32
    while shift:
        if left >> shift:
            left >>= shift
            octave += shift
        shift >>= 1
    mantissa = n << (61 - octave)
    step = (mantissa >> 51) & 1023
    within = (mantissa >> 19) & 0xFFFFFFFF
    low = _TABLE[step]
    return octave * _TABLE[1024] + low + ((_TABLE[step + 1] - low) * within >> 32)


def _longer32(old: "array[int]", length: int) -> "array[int]":
    """A copy with zeros at its end."""
    new = array("i", [0]) * length
    view = new
    for i in range(len(old)):
        view[i] = old[i]
    return new


def _longer(old: "array[int]", length: int) -> "array[int]":
    """A copy with zeros at its end."""
    new = array("q", [0]) * length
    view = new
    for i in range(len(old)):
        view[i] = old[i]
    return new


class Index:
    """Open items by class and area; `slope` in index units (Q32) per ms, `travel[a * areas + b]` in index units.

    Times are ms from an origin, 0 <= t < NEVER_MS, and never go back from one decision to the next.
    """

    def __init__(self, areas: int, slope: int, travel: "array[int]") -> None:
        assert len(travel) == areas * areas > 0, "travel wants one cost for every pair of areas"
        assert 0 <= slope < 1 << 24, "slope out of range"
        self.areas = areas
        self.slope = slope
        self.travel = travel
        self.now_ms = 0
        self.count = 0
        self.capacity = 16
        self.rows = array("q", [0]) * (_WIDTH * self.capacity)
        self.classes = 0
        self.firsts = array("q")  # of each class: its cells [first, end), and what turns a cell into its area
        self.ends = array("q")
        self.shifts = array("q")
        self.homes = array("q", [-1])  # of each cell: its class
        self.tops = array("q", [_EMPTY, _EMPTY])  # of each queue: its best key; cell c has queues 2c and 2c + 1
        self.starts, self.sizes, self.rooms = array("q", [0, 0]), array("q", [0, 0]), array("q", [0, 0])
        self.used = 0
        self.keys, self.items = array("q", [0]), array("i", [0])  # of all queues, side by side
        self.scores = array("q")

    def fork(self) -> "Index":
        """An exact copy that goes its own way; only `travel` is shared."""
        other = Index(self.areas, self.slope, self.travel)
        other.now_ms, other.count, other.capacity = self.now_ms, self.count, self.capacity
        other.rows = _longer(self.rows, len(self.rows))
        other.classes, other.used = self.classes, self.used
        other.firsts, other.ends = _longer(self.firsts, self.classes), _longer(self.ends, self.classes)
        other.shifts, other.homes = _longer(self.shifts, len(self.shifts)), _longer(self.homes, len(self.homes))
        other.starts, other.sizes = _longer(self.starts, len(self.starts)), _longer(self.sizes, len(self.sizes))
        other.rooms, other.tops = _longer(self.rooms, len(self.rooms)), _longer(self.tops, len(self.tops))
        other.keys, other.items = _longer(self.keys, len(self.keys)), _longer32(self.items, len(self.items))
        return other

    def add_class(self, lo: int, hi: int) -> int:
        """A new class whose items lie in the areas [lo, hi)."""
        assert 0 <= lo < hi <= self.areas, "no such areas"
        first, cls = len(self.homes), self.classes
        end = first + hi - lo
        self.firsts, self.ends = _longer(self.firsts, cls + 1), _longer(self.ends, cls + 1)
        self.shifts, self.homes = _longer(self.shifts, cls + 1), _longer(self.homes, end)
        self.firsts[cls], self.ends[cls], self.shifts[cls] = first, end, lo - first
        self.tops = _longer(self.tops, 2 * end)
        for cell in range(first, end):
            self.homes[cell] = cls
            self.tops[2 * cell] = self.tops[2 * cell + 1] = _EMPTY
        self.starts, self.sizes = _longer(self.starts, 2 * end), _longer(self.sizes, 2 * end)
        self.rooms = _longer(self.rooms, 2 * end)
        self.classes += 1
        return cls

    def put(
        self, item: int, cls: int, area: int, number: int,
        top: int, line: int, urgent_ms: int, lost_ms: int, line2: int, urgent2_ms: int,
    ) -> None:  # fmt: skip
        """Add an item. At t it is worth the first that holds: `line + slope * t` before `urgent_ms`, `top` before
        `lost_ms`, `line2 + slope * t` before `urgent2_ms`, `top - LOST`. No piece may end below the next, nor the
        second line rise above `top`. Items are small ints; a gap costs memory.
        """
        assert 0 <= cls < self.classes, "no such class"
        cell = area - self.shifts[cls]
        assert self.firsts[cls] <= cell < self.ends[cls], "the class does not reach this area"
        assert max(abs(top), abs(line), abs(line2)) <= _REACH, "a value out of reach"
        assert line + self.slope * urgent_ms >= top, "the first line ends below the top"
        again = top - (line2 + self.slope * urgent2_ms)
        assert -self.slope <= again <= _LOST, "the second line ends above the top, or below a lost item"
        assert item >= 0, "items count from 0"
        if item >= self.capacity:
            capacity = max(2 * self.capacity, item + 1)
            self.rows = _longer(self.rows, _WIDTH * capacity)
            self.capacity = capacity
        at = item * _WIDTH
        assert not self.rows[at + _HOME], "the index holds this item already"
        self.rows[at + _NUMBER], self.rows[at + _TOP] = number, top
        self.rows[at + _LINE], self.rows[at + _URGENT], self.rows[at + _LOST_AT] = line, urgent_ms, lost_ms
        self.rows[at + _LINE2], self.rows[at + _URGENT2] = line2, urgent2_ms
        self._turn(item, cell)
        self.count += 1

    def take(self, item: int) -> None:
        """Remove an item that the index holds."""
        assert self.holds(item), "the index does not hold this item"
        self._drop(item)
        self.rows[item * _WIDTH + _HOME] = 0
        self.count -= 1

    def holds(self, item: int) -> bool:
        """Has the item been put and not been taken?"""
        return 0 <= item < self.capacity and self.rows[item * _WIDTH + _HOME] != 0

    def value(self, item: int, t: int) -> int:
        """What the item is worth at any time t, without travel."""
        assert self.holds(item), "the index does not hold this item"
        at = item * _WIDTH
        if t < self.rows[at + _URGENT]:
            return self.rows[at + _LINE] + self.slope * t
        if t < self.rows[at + _LOST_AT]:
            return self.rows[at + _TOP]
        if t < self.rows[at + _URGENT2]:
            return self.rows[at + _LINE2] + self.slope * t
        return self.rows[at + _TOP] - _LOST

    def score(self, item: int, area: int, t: int) -> int:
        """What the item is worth at any time t for somebody who stands in `area`."""
        assert 0 <= area < self.areas, "no such area"
        return self.value(item, t) - self.travel[area * self.areas + self._area(item)]

    def best(self, classes: "array[int]", count: int, area: int, t: int) -> int:
        """The item of the first `count` of these classes with the highest score at t; -1 if there is none."""
        assert 0 <= area < self.areas, "no such area"
        assert count <= len(classes), "fewer classes than `count`"
        assert self.now_ms <= t < _HORIZON_MS, "time goes forward"
        self.now_ms, gain = t, self.slope * t
        best, found = _FLOOR, 0
        for i in range(count):
            cls = classes[i]
            assert 0 <= cls < self.classes, "no such class"
            shift = area * self.areas + self.shifts[cls]
            for cell in range(self.firsts[cls], self.ends[cls]):
                score = self.tops[2 * cell] + gain
                if self.tops[2 * cell + 1] > score:
                    score = self.tops[2 * cell + 1]
                if score - self.travel[shift + cell] < best:
                    continue
                score = self._sure(cell, gain) - self.travel[shift + cell]
                if score > best or (score == best and self._earlier(self._front(cell, gain), self._front(found, gain))):
                    best, found = score, cell
        return self._front(found, gain) if found else -1

    def leaders(self, classes: "array[int]", count: int, area: int, t: int, k: int, out: "array[int]") -> int:
        """Write the k best items of these (different) classes at t into `out`, best first; how many there are.

        Costs one look at every cell and up to k * k / 4 steps: meant for k up to a hundred.
        """
        assert 0 <= area < self.areas, "no such area"
        assert count <= len(classes), "fewer classes than `count`"
        assert 0 <= k <= len(out), "`out` is too short"
        assert self.now_ms <= t < _HORIZON_MS, "time goes forward"
        self.now_ms = t
        if len(self.scores) < k:
            self.scores = array("q", [0]) * k
        while True:
            n, late = self._list(classes, count, area, k, out), 0
            for i in range(n):
                late += self._turn(out[i], self.rows[out[i] * _WIDTH + _HOME] >> 2)
            if not late:  # what is not in the list is overrated at most, so nothing of it belongs there
                return n

    def _list(self, classes: "array[int]", count: int, area: int, k: int, out: "array[int]") -> int:
        """The k best by the keys they have; how many there are."""
        n, gain = 0, self.slope * self.now_ms
        for i in range(count):
            cls = classes[i]
            assert 0 <= cls < self.classes, "no such class"
            shift = area * self.areas + self.shifts[cls]
            for cell in range(self.firsts[cls], self.ends[cls]):
                n = self._rank(2 * cell, gain - self.travel[shift + cell], n, k, out)
                n = self._rank(2 * cell + 1, -self.travel[shift + cell], n, k, out)
        return n

    def _area(self, item: int) -> int:
        cell = self.rows[item * _WIDTH + _HOME] >> 2
        return cell + self.shifts[self.homes[cell]]

    def _earlier(self, one: int, other: int) -> bool:
        number, limit = self.rows[one * _WIDTH + _NUMBER], self.rows[other * _WIDTH + _NUMBER]
        return number < limit or (number == limit and one < other)

    def _front(self, cell: int, gain: int) -> int:
        """The best item of a cell that is not empty."""
        rising, resting = self.tops[2 * cell] + gain, self.tops[2 * cell + 1]
        if rising != resting:
            return self._last(2 * cell if rising > resting else 2 * cell + 1)
        one, other = self._last(2 * cell), self._last(2 * cell + 1)
        return one if self._earlier(one, other) else other

    def _last(self, queue: int) -> int:
        """The best item of a queue that is not empty."""
        return self.items[self.starts[queue] + self.sizes[queue] - 1]

    def _rank(self, queue: int, offset: int, n: int, k: int, out: "array[int]") -> int:
        """Sort a queue into the n best so far; how many there are now."""
        start = self.starts[queue]
        for place in range(start + self.sizes[queue] - 1, start - 1, -1):
            score, item, at = self.keys[place] + offset, self.items[place], n
            while at and (
                score > self.scores[at - 1] or (score == self.scores[at - 1] and self._earlier(item, out[at - 1]))
            ):
                at -= 1
            if at == k:
                break
            n = min(n + 1, k)
            for i in range(n - 1, at, -1):
                self.scores[i], out[i] = self.scores[i - 1], out[i - 1]
            self.scores[at], out[at] = score, item
        return n

    def _sure(self, cell: int, gain: int) -> int:
        """The best value in a cell that is not empty, once the items at its top are on their present piece."""
        while True:
            rising, resting = self.tops[2 * cell] + gain, self.tops[2 * cell + 1]
            if rising >= resting and self._turn(self._last(2 * cell), cell):
                continue
            if resting >= rising and self._turn(self._last(2 * cell + 1), cell):
                continue
            return rising if rising > resting else resting

    def _turn(self, item: int, cell: int) -> bool:
        """Put the item into the queue of the piece that holds now; False if it is there already."""
        at, piece = item * _WIDTH, _GONE
        if self.now_ms < self.rows[at + _URGENT]:
            piece = _RISING
        elif self.now_ms < self.rows[at + _LOST_AT]:
            piece = _RESTING
        elif self.now_ms < self.rows[at + _URGENT2]:
            piece = _AGAIN
        was, home = self.rows[at + _HOME], 4 * cell + piece
        if was == home:
            return False
        if was:
            self._drop(item)
        self.rows[at + _HOME] = home
        self._add(item)
        return True

    def _key(self, item: int) -> int:
        """What the item's queue sorts it by."""
        at = item * _WIDTH
        piece = self.rows[at + _HOME] & 3
        if piece & 1:
            return self.rows[at + _TOP] - (_LOST if piece == _GONE else 0)
        return self.rows[at + (_LINE2 if piece == _AGAIN else _LINE)]

    def _queue(self, item: int) -> int:
        home = self.rows[item * _WIDTH + _HOME]
        return (home >> 2) * 2 + (home & 1)

    def _place(self, queue: int, key: int, item: int) -> int:
        """Before which place of the pool everything in the queue is worse than the item."""
        low = self.starts[queue]
        high = low + self.sizes[queue]
        while low < high:
            middle = (low + high) >> 1
            if self.keys[middle] < key or (self.keys[middle] == key and self._earlier(item, self.items[middle])):
                low = middle + 1
            else:
                high = middle
        return low

    def _add(self, item: int) -> None:
        queue, key = self._queue(item), self._key(item)
        if self.sizes[queue] == self.rooms[queue]:
            self._widen(queue)
        end = self.starts[queue] + self.sizes[queue]
        at = self._place(queue, key, item)
        for place in range(end, at, -1):
            self.keys[place] = self.keys[place - 1]
        for place in range(end, at, -1):
            self.items[place] = self.items[place - 1]
        self.keys[at], self.items[at] = key, item
        self.sizes[queue] += 1
        self.tops[queue] = self.keys[end]

    def _drop(self, item: int) -> None:
        queue = self._queue(item)
        last = self.starts[queue] + self.sizes[queue] - 1
        if self.items[last] != item:
            at = self._place(queue, self._key(item), item)
            for place in range(at, last):
                self.keys[place] = self.keys[place + 1]
            for place in range(at, last):
                self.items[place] = self.items[place + 1]
        self.sizes[queue] -= 1
        self.tops[queue] = self.keys[last - 1] if self.sizes[queue] else _EMPTY

    def _widen(self, queue: int) -> None:
        """Twice the room for a full queue: behind the others, or everything packed anew."""
        room = max(4, 2 * self.rooms[queue])
        if self.used + room > len(self.keys):
            self._pack(queue)
        else:
            start, self.starts[queue], self.rooms[queue] = self.starts[queue], self.used, room
            for i in range(self.sizes[queue]):
                self.keys[self.used + i], self.items[self.used + i] = self.keys[start + i], self.items[start + i]
            self.used += room

    def _pack(self, full: int) -> None:
        """Every queue with half as much room again as it needs, and as much behind them; gives back what is unused."""
        total = 4
        for queue in range(len(self.sizes)):
            total += self.sizes[queue] + (self.sizes[queue] + 1) // 2
        keys, items = self.keys, self.items
        total += total // 2
        self.keys, self.items = array("q", [0]) * total, array("i", [0]) * total
        self.used = 0
        for queue in range(len(self.sizes)):
            start, self.starts[queue] = self.starts[queue], self.used
            for i in range(self.sizes[queue]):
                self.keys[self.used + i], self.items[self.used + i] = keys[start + i], items[start + i]
            self.rooms[queue] = self.sizes[queue] + (self.sizes[queue] + 1) // 2 + (4 if queue == full else 0)
            self.used += self.rooms[queue]
