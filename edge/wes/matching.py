# cython: language_level=3, annotation_typing=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=False
"""Who of the whole fleet gets which task: an assignment of least cost, kept optimal event by event.

Rows are resources, columns tasks, an edge is a task that a resource may do and its cost; a row may also idle at cost
IDLE. A dual value per row and column prices the rest of the fleet: an event costs one search for the cheapest chain of
exchanges (Dijkstra over reduced costs, which the duals keep at 0 or above), a pair that leaves together none. Shortest
augmenting paths: Jonker, Volgenant 1987; from the duals of the event before: Mills-Tettey, Stentz, Dias 2007.

Rows and columns are nodes: a row by its number, columns behind the room for rows. All edges lie in one pool, one block
of a power of two per node; an edge is two words in the block of either end: the other node above the place of the edge
in that node's block, and the cost. Ties go by distance, then index; among equal ways to one node by order of edges.
"""

from array import array

ROWS_MAX = 8192
COLS_MAX = 2**20
EDGES_PER_ROW_MAX = 2**14
COST_MAX = 2**56
"""Costs lie strictly between -COST_MAX and COST_MAX; duals then stay within 2**58, distances below 2**61."""
IDLE = 2**57
"""What a row without a column costs: more than any edge."""

_SHIFT = 20
_PLACE = 2**20 - 1
_FREE = -1
_ABSENT = -2
_IDLE = IDLE
_COST_MAX = COST_MAX
_FAR = 2**61


def _longer(old: "array[int]", count: int, fill: int, gap: int) -> "array[int]":
    """A copy of `old` with `count` words; the new ones are `fill` and come in at `gap`."""
    new = array("q", [fill]) * count
    new[:gap] = old[:gap]
    new[count - len(old) + gap :] = old[gap:]
    return new


class Matching:
    """The assignment; `scanned` counts edges the searches looked at. What is refused (ValueError) changes nothing."""

    def __init__(self, rows: int = 64, cols: int = 1024) -> None:
        """Room for that many at first; it grows up to ROWS_MAX and COLS_MAX."""
        self._clear(rows, cols)

    def _clear(self, rows: int, cols: int) -> None:
        if not (0 < rows <= ROWS_MAX and 0 < cols <= COLS_MAX):
            raise ValueError(f"room for {rows} rows and {cols} columns: 1..{ROWS_MAX} and 1..{COLS_MAX} are possible")
        self._match = self._dual = self._start = self._degree = self._size = array("q")
        self._edges, self._spare = array("q", bytes(8192)), array("q", [_FREE]) * 24
        self._rows = self._edges_end = self._heap_count = self._search = self.scanned = 0
        self._grow(rows, cols)

    def _grow(self, rows: int, cols: int) -> None:
        """Room for more rows or more columns; rows push the columns up."""
        count, more, gap = rows + cols, rows - self._rows, self._rows if rows > self._rows else len(self._match)
        for row in range(self._rows if more else 0):
            self._match[row] += more if self._match[row] >= 0 else 0
            for e in range(self._start[row], self._start[row] + 2 * self._degree[row], 2):
                self._edges[e] += more << _SHIFT
        self._rows = rows
        self._match = _longer(self._match, count, _ABSENT, gap)
        self._dual, self._start = _longer(self._dual, count, 0, gap), _longer(self._start, count, 0, gap)
        self._degree, self._size = _longer(self._degree, count, 0, gap), _longer(self._size, count, _FREE, gap)
        self._dist, self._came = array("q", bytes(8 * count)), array("q", bytes(8 * count))
        self._heap, self._where = array("q", bytes(8 * count)), array("q", bytes(8 * count))
        self._stamp, self._settled = array("q", bytes(8 * count)), array("q", bytes(8 * count))

    def has_row(self, row: int) -> bool:
        """Is this row there?"""
        return 0 <= row < self._rows and self._match[row] != _ABSENT

    def has_col(self, col: int) -> bool:
        """Is this column there?"""
        return 0 <= col < len(self._match) - self._rows and self._match[self._rows + col] != _ABSENT

    def partner(self, row: int) -> int:
        """The column of a row; -1 while it idles. ValueError: unknown row."""
        node = self._match[self._node(row, 0, self._rows, "row")]
        return node - self._rows if node >= 0 else -1

    def holder(self, col: int) -> int:
        """The row of a column; -1 while nobody has it. ValueError: unknown column."""
        return self._match[self._node(col, self._rows, len(self._match), "column")]

    def degree(self, row: int) -> int:
        """How many edges a row has. ValueError: unknown row."""
        return self._degree[self._node(row, 0, self._rows, "row")]

    def cost_of(self, row: int) -> int:
        """What a row costs now, IDLE while it idles. ValueError: unknown row."""
        node = self._match[self._node(row, 0, self._rows, "row")]
        if node < 0:
            return _IDLE
        e = self._start[node]
        while self._edges[e] >> _SHIFT != row:
            e += 2
        return self._edges[e + 1]

    def total(self) -> "tuple[int, int]":
        """(rows with a column, cost of all rows, idle ones included); the sum may need more than 64 bits."""
        matched, cost = 0, 0
        for row in range(self._rows):
            if self._match[row] != _ABSENT:
                matched += self._match[row] >= 0
                cost += self.cost_of(row)
        return matched, cost

    def violations(self) -> int:
        """In how many places the duals do not prove that no assignment is cheaper: reduced costs, slackness, pairs."""
        bad = 0
        for node in range(len(self._match)):
            other, dual = self._match[node], self._dual[node]
            if other == _ABSENT:
                continue
            own = _IDLE if node < self._rows else 0
            bad += (dual > own) if other >= 0 else (dual < own or (own == 0 and dual > 0))
            found = other < 0
            for e in range(self._start[node], self._start[node] + 2 * self._degree[node], 2):
                end = self._edges[e] >> _SHIFT
                left = self._edges[e + 1] - dual - self._dual[end]
                bad += left < 0
                if end == other:
                    found = left == 0 and self._match[end] == node
            bad += not found
        return bad

    def add_row(self, row: int, cols: "array[int]", costs: "array[int]", count: int) -> None:
        """A resource comes (back) with the first `count` edges. ValueError names what does not fit."""
        if row < 0 or row >= ROWS_MAX or self.has_row(row):
            raise ValueError(f"row {row} is there already or not one of 0..{ROWS_MAX - 1}")
        self._examine(cols, costs, count, self._rows, len(self._match), "column")
        if row >= self._rows:
            self._grow(min(max(2 * self._rows, row + 1), ROWS_MAX), len(self._match) - self._rows)
        self._make_room(row, count)
        self._settle(row, self._link(row, cols, costs, count, self._rows, _IDLE))

    def add_col(self, col: int, rows: "array[int]", costs: "array[int]", count: int) -> None:
        """A task comes with the first `count` edges. ValueError names what does not fit."""
        if col < 0 or col >= COLS_MAX or self.has_col(col):
            raise ValueError(f"column {col} is there already or not one of 0..{COLS_MAX - 1}")
        self._examine(rows, costs, count, 0, self._rows, "row")
        if self._rows + col >= len(self._match):
            self._grow(self._rows, min(max(2 * (len(self._match) - self._rows), col + 1), COLS_MAX))
        node = self._rows + col
        self._make_room(node, count)
        self._settle(node, self._link(node, rows, costs, count, 0, 0))

    def remove_row(self, row: int) -> None:
        """A resource leaves; its column goes to whom it helps most. ValueError: unknown row."""
        self._remove(self._node(row, 0, self._rows, "row"))

    def remove_col(self, col: int) -> None:
        """A task is gone; its row looks for another one. ValueError: unknown column."""
        self._remove(self._node(col, self._rows, len(self._match), "column"))

    def _remove(self, node: int) -> None:
        other = self._match[node]
        self._leave(node)
        if other >= 0:
            self._match[other] = _FREE
            self._settle(other, self._dual[other])

    def commit(self, row: int) -> int:
        """The row does its column: both leave, the rest stays optimal. The column; -1 (nothing done) if it idles."""
        col = self.partner(row)
        if col >= 0:
            self._leave(self._rows + col)
            self._leave(row)
        return col

    def _settle(self, start: int, dual: int) -> None:
        """A free node finds its place: the cheapest chain of exchanges that ends in a free node or leaves one free."""
        self._dual[start] = dual
        self._search += 1
        settled = self._heap_count = 0
        own = _IDLE if start < self._rows else 0
        near, dist, best, end, end_near = start, 0, own - dual, _FAR, start
        while near >= 0 and best > 0:
            dist -= self._dual[near]
            first, count = self._start[near], self._degree[near]
            self.scanned += count
            for e in range(first, first + 2 * count, 2):
                node = self._edges[e] >> _SHIFT
                far = dist + self._edges[e + 1] - self._dual[node]
                if far > best:
                    continue
                if self._match[node] < 0:
                    whole = dist + self._edges[e + 1] + own - _IDLE
                    if whole < best or (whole == best and node < end):
                        best, end, end_near = whole, node, near
                if far < best:
                    self._reach(far, node, near)
            near = _FREE
            while near < 0:
                node = self._nearest(best)
                if node < 0:
                    break
                self._settled[settled] = node
                settled += 1
                near, dist = self._match[node], self._dist[node]
                if near >= 0 and dist + own - self._dual[near] < best:
                    best, end, end_near = dist + own - self._dual[near], _FAR, near
        self._dual[start] += best
        for k in range(settled):
            node = self._settled[k]
            near = self._match[node]
            self._dual[node] -= best - self._dist[node]
            if near >= 0:
                self._dual[near] += best - self._dist[node]
        self._exchange(start, end_near, end)

    def _exchange(self, start: int, near: int, node: int) -> None:
        """From the end of the chain back to `start`, everybody takes what the next one lets go."""
        while True:
            before = self._match[near]
            self._match[near] = _FREE
            if node != _FAR:
                self._match[near], self._match[node] = node, near
            if near == start:
                return
            node = before
            near = self._came[node]

    def _reach(self, far: int, node: int, came: int) -> None:
        """A way to `node`: onto the heap (4-ary) or up in it, unless one as short is known."""
        at = self._heap_count
        if self._stamp[node] != self._search:
            self._stamp[node] = self._search
            self._heap_count += 1
        elif far < self._dist[node]:
            at = self._where[node]
        else:
            return
        self._dist[node], self._came[node] = far, came
        while at > 0 and self._nearer(node, self._heap[(at - 1) >> 2]):
            above = self._heap[(at - 1) >> 2]
            self._heap[at], self._where[above] = above, at
            at = (at - 1) >> 2
        self._heap[at], self._where[node] = node, at

    def _nearest(self, limit: int) -> int:
        """Takes the nearest node from the heap; -1 if none is nearer than `limit`."""
        found = self._heap[0]
        if self._heap_count == 0 or self._dist[found] >= limit:
            return _FREE
        self._heap_count -= 1
        at, count, node = 0, self._heap_count, self._heap[self._heap_count]
        while 4 * at + 1 < count:
            least = 4 * at + 1
            for k in range(least + 1, min(least + 4, count)):
                least = k if self._nearer(self._heap[k], self._heap[least]) else least
            below = self._heap[least]
            if self._nearer(node, below):
                break
            self._heap[at], self._where[below] = below, at
            at = least
        self._heap[at], self._where[node] = node, at
        return found

    def _nearer(self, node: int, other: int) -> bool:
        left = self._dist[node] - self._dist[other]
        return left < 0 or (left == 0 and node < other)

    def _node(self, number: int, first: int, last: int, what: str) -> int:
        if number < 0 or number >= last - first or self._match[first + number] == _ABSENT:
            raise ValueError(f"unknown {what} {number}")
        return first + number

    def _examine(self, ends: "array[int]", costs: "array[int]", count: int, first: int, last: int, what: str) -> None:
        """Refuses ends that are unknown (not among nodes first..last-1), repeated or full, and costs out of range."""
        most = EDGES_PER_ROW_MAX
        if count < 0 or count > most or count > len(ends) or count > len(costs):
            raise ValueError(f"{count} edges of {len(ends)} ids and {len(costs)} costs: {most} are possible")
        self._search += 1
        for k in range(count):
            node = self._node(ends[k], first, last, what)
            if self._stamp[node] == self._search:
                raise ValueError(f"two edges to {what} {ends[k]}")
            if self._degree[node] >= most:
                raise ValueError(f"{what} {ends[k]} has {most} edges already")
            if not -_COST_MAX < costs[k] < _COST_MAX:
                raise ValueError(f"cost {costs[k]} to {what} {ends[k]} is out of range")
            self._stamp[node] = self._search

    def _make_room(self, node: int, count: int) -> None:
        """A block for `count` edges, one given back before or the end of the pool; edges of the old one move there."""
        size = 0
        while 4 << size < count:
            size += 1
        start = self._spare[size]
        if start >= 0:
            self._spare[size] = self._edges[start]
        else:
            start = self._edges_end
            self._edges_end += 8 << size
            if self._edges_end > len(self._edges):
                self._edges = _longer(self._edges, 2 * self._edges_end, 0, len(self._edges))
        for k in range(2 * self._degree[node]):
            self._edges[start + k] = self._edges[self._start[node] + k]
        self._give_back(node)
        self._start[node], self._size[node] = start, size

    def _give_back(self, node: int) -> None:
        """The first word of a block nobody needs leads to the next one of its size."""
        size, start = self._size[node], self._start[node]
        if size >= 0:
            self._edges[start], self._spare[size], self._size[node] = self._spare[size], start, _FREE

    def _link(self, node: int, ends: "array[int]", costs: "array[int]", count: int, first: int, best: int) -> int:
        """Edges of a new node, last in the blocks of their ends; the least of `best` and cost less the end's dual."""
        for k in range(count):
            end, cost = first + ends[k], costs[k]
            place = self._degree[end]
            if place == 4 << self._size[end]:
                self._make_room(end, place + 1)
            self._degree[end] = place + 1
            e = self._start[node] + 2 * k
            self._edges[e], self._edges[e + 1] = end << _SHIFT | place, cost
            e = self._start[end] + 2 * place
            self._edges[e], self._edges[e + 1] = node << _SHIFT | k, cost
            best = min(best, cost - self._dual[end])
        self._degree[node], self._match[node] = count, _FREE
        return best

    def _leave(self, node: int) -> None:
        """A node goes with its edges; in the blocks of the other ends the last edge fills the gap."""
        for e in range(self._start[node], self._start[node] + 2 * self._degree[node], 2):
            end, place = self._edges[e] >> _SHIFT, self._edges[e] & _PLACE
            self._degree[end] -= 1
            gap, last = self._start[end] + 2 * place, self._start[end] + 2 * self._degree[end]
            if gap != last:
                moved = self._edges[last]
                self._edges[gap], self._edges[gap + 1] = moved, self._edges[last + 1]
                self._edges[self._start[moved >> _SHIFT] + 2 * (moved & _PLACE)] = end << _SHIFT | place
        self._give_back(node)
        self._match[node], self._degree[node] = _ABSENT, 0

    def fork(self) -> "Matching":
        """An exact copy that goes its own way."""
        other = Matching(self._rows, len(self._match) - self._rows)
        other._match, other._dual = array("q", bytes(self._match)), array("q", bytes(self._dual))
        other._start, other._degree = array("q", bytes(self._start)), array("q", bytes(self._degree))
        other._size, other._spare = array("q", bytes(self._size)), array("q", bytes(self._spare))
        other._edges, other._edges_end = array("q", bytes(self._edges)), self._edges_end
        other.scanned = self.scanned
        return other

    def save(self) -> dict[str, list[int]]:
        """Everything that decides how it goes on, the order of edges included."""
        nodes, edges = array("q"), array("q")
        for node in range(len(self._match)):
            if self._match[node] != _ABSENT:
                nodes.extend((node, self._match[node], self._dual[node], self._degree[node]))
                for e in range(self._start[node], self._start[node] + 2 * self._degree[node], 2):
                    if node < self._rows:
                        edges.extend((self._edges[e] >> _SHIFT, self._edges[e] & _PLACE, self._edges[e + 1]))
        room = [self._rows, len(self._match) - self._rows, self.scanned]
        return {"room": room, "nodes": nodes.tolist(), "edges": edges.tolist()}

    def load(self, saved: dict[str, list[int]]) -> None:
        """Goes on exactly like the one that was saved. ValueError: it does not fit together; then this one is empty."""
        rows, cols, scanned = saved["room"]
        self._clear(rows, cols)
        if not self._fill(array("q", saved["nodes"]), array("q", saved["edges"])) or self.violations():
            self._clear(rows, cols)
            raise ValueError("the saved matching does not fit together")
        self.scanned = scanned

    def _fill(self, nodes: "array[int]", edges: "array[int]") -> bool:
        """Nodes and edges as saved; False unless every edge finds its place in both blocks and fills them."""
        at, places, most = 0, 0, EDGES_PER_ROW_MAX
        for k in range(0, len(nodes) - 3, 4):
            node, other, dual, degree = nodes[k], nodes[k + 1], nodes[k + 2], nodes[k + 3]
            if not (0 <= node < len(self._match) and self._match[node] == _ABSENT and -2 * _IDLE <= dual <= 2 * _IDLE):
                return False
            if not (0 <= degree <= most and _FREE <= other < len(self._match)):
                return False
            self._make_room(node, degree)
            self._match[node], self._dual[node], self._degree[node] = other, dual, degree
            for e in range(self._start[node], self._start[node] + 2 * degree, 2):
                self._edges[e] = _FREE
            places += degree if node >= self._rows else 0
        for row in range(self._rows):
            for k in range(self._degree[row]):
                if at + 3 > len(edges):
                    return False
                end, place, cost, at = edges[at], edges[at + 1], edges[at + 2], at + 3
                if not (self._rows <= end < len(self._match) and 0 <= place < self._degree[end]):
                    return False
                e = self._start[end] + 2 * place
                if self._edges[e] != _FREE or not -_COST_MAX < cost < _COST_MAX:
                    return False
                self._edges[e], self._edges[e + 1] = row << _SHIFT | k, cost
                e = self._start[row] + 2 * k
                self._edges[e], self._edges[e + 1] = end << _SHIFT | place, cost
        return at == len(edges) == 3 * places
