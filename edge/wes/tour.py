# cython: language_level=3, annotation_typing=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=False
"""In which order the picks of one trip are made (compiled with tour.pxd).

Exact where aisles lie side by side along a cross aisle: dynamic programme over the aisles from left to right (Ratliff,
Rosenthal 1983). Its classes are how often the walk crosses from one aisle to the next in front and behind, 0 to 2
times, and whether both crossings hang together; the counts may be odd where the trip starts and ends at different
spots. Elsewhere nearest insertion, then turning round (2-opt) and moving (Or-opt) parts of the trip while that helps.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from edge.wes.route import Spot, distance_mm

EXACT = "exact"
HEURISTIC = "heuristic"
MOVES_MAX = 50_000
"""Changes to a trip that are tried before it is taken as it is."""
PART_MAX = 3
"""Picks in a row that Or-opt moves together."""
INF = 1 << 61

AISLE = 0
FRONT = 1
BACK = 2
NOT_YET = -1
WHOLE = -1

SHAPES = [(f, b, j) for f in range(3) for b in range(3) for j in range(2) if (f or b) and (not j or (f and b))]
"""Edges at the front and at the back end, and whether they are joined: of an aisle, and of a cut between two aisles."""
NUMBERS = {shape: number for number, shape in enumerate(SHAPES)}
STATES = [(0, 0, 0), *SHAPES, (0, 0, 0)]
DONE = len(STATES) - 1


class Tour(NamedTuple):
    """The length of a trip, the positions of its picks in the order of visits, and whether that is EXACT."""

    length_mm: int
    order: tuple[int, ...]
    method: str


def follows(state: tuple[int, int, int], shape: tuple[int, int, int], out: tuple[int, int, int]) -> bool:
    """May an aisle walked like this stand between these two cuts? Even degrees, and nothing is left hanging."""
    front, back = state[0] + shape[0], state[1] + shape[1]
    if (front + out[0]) % 2 or (back + out[1]) % 2 or (out[0] and not front) or (out[1] and not back):
        return False
    if not front or not back:
        return True
    both = bool(out[0] and out[1])
    if shape[2] or state[2]:
        return bool(out[2]) or not both
    return both and not out[2]


ROWS = [
    (before, shape, after)
    for shape in range(len(SHAPES))
    for before in range(DONE)
    for after in range(1, DONE + 1)
    if follows(STATES[before], SHAPES[shape], STATES[after])
]
BEFORE = array("q", [row[0] for row in ROWS])
SHAPE = array("q", [row[1] for row in ROWS])
AFTER = array("q", [row[2] for row in ROWS])
FRONTS = array("q", [state[0] for state in STATES])
BACKS = array("q", [state[1] for state in STATES])
STATE_COUNT = len(STATES)
SHAPE_COUNT = len(SHAPES)


class Column:
    """The stops at one x: an aisle with its picks, or a spot in FRONT of or at the BACK of all aisles.

    `odd` has 1 for a stop where an odd number of edges must meet; `here` the positions of what is at each stop.
    """

    def __init__(self, x: int, kind: int, lo: int, hi: int) -> None:
        self.x = x
        self.kind = kind
        self.lo = lo
        self.hi = hi
        self.odd: dict[int, int] = {}
        self.here: dict[int, list[int]] = {}
        self.ways: dict[int, list[int]] = {}
        """Shape -> how often each piece between two stops is walked."""

    def stops(self) -> list[int]:
        """The y of all stops from front to back, with the ends of the aisle that can be used."""
        ys = sorted(self.here)
        if self.kind == FRONT:
            return [*ys, self.lo]
        return [self.hi, *ys] if self.kind == BACK else [self.lo, *ys, self.hi]


def upright(spots: Sequence[Spot], start: Spot, end: Spot) -> list[tuple[int, int, int, int]]:
    """(x, y, lo, hi) of all stops, turned round if the aisles share only their back; [] if no cross aisle."""
    points = [(each.x, each.y, each.lo, each.hi) for each in (*spots, start, end)]
    if not spots or any(not lo <= y <= hi for _, y, lo, hi in points) or any(each.lo == each.hi for each in spots):
        return []
    fronts = [lo for _, _, lo, hi in points if lo < hi]
    backs = [hi for _, _, lo, hi in points if lo < hi]
    if min(fronts) == max(fronts):
        return points
    return [(x, -y, -hi, -lo) for x, y, lo, hi in points] if min(backs) == max(backs) else []


def columns_of(spots: Sequence[Spot], start: Spot, end: Spot) -> list[Column]:
    """The trip as columns from left to right if the exact method holds for it, else [].

    It does where all aisles share a cross aisle and their other ends only rise or only fall from left to right: then
    every walk between two aisles runs along the columns between them.
    """
    points = upright(spots, start, end)
    found: dict[tuple[int, int, int], Column] = {}
    for number, (x, y, low, high) in enumerate(points):
        lo, hi = points[0][2:]
        kind = AISLE if low < high or lo < y < hi else FRONT if y <= lo else BACK
        key = (x, high, 0) if low < high else (x, y, 1)
        column = found.setdefault(key, Column(x, kind, lo, high if low < high else hi))
        column.here.setdefault(y, []).append(number)
        column.odd[y] = column.odd.get(y, 0) ^ (1 if number >= len(spots) else 0)
    keys = sorted(found)
    backs = [found[key].hi for key in keys if not key[2]]
    if backs and min(backs) != max(backs):
        ordered = backs in (sorted(backs), sorted(backs, reverse=True))
        if not ordered or any(key[2] and found[key].kind != FRONT for key in keys):
            return []
    for key in keys:
        if key[2]:
            found[key].hi = backs[0]
        backs[0] = found[key].hi
    return [found[key] for key in keys]


def enter_ways(column: Column, costs: "array[int]", at: int) -> None:
    """The cheapest way to walk a column in each shape, entered in `costs` from `at` on.

    All pieces between two stops are walked once or twice, as the odd stops ask; at most one may be left out.
    """
    ys = column.stops()
    last = len(ys) - 2
    for first in (1, 2):
        counts = [first]
        for piece in range(1, last + 1):
            counts.append(2 - (counts[piece - 1] + column.odd.get(ys[piece], 0)) % 2)
        length_mm = sum(count * (ys[piece + 1] - ys[piece]) for piece, count in enumerate(counts))
        gaps = [WHOLE] + [piece for piece in range(last + 1) if counts[piece] == 2]
        if column.kind != AISLE:
            gaps = [WHOLE] if (first + column.odd[min(column.here)]) % 2 == 0 else []
        for gap in gaps:
            front = 0 if gap == 0 or column.kind == BACK else first
            back = 0 if gap == last or column.kind == FRONT else counts[last]
            shape = NUMBERS[front, back, 1 if gap < 0 and front and back else 0]
            cost = length_mm - 2 * (ys[gap + 1] - ys[gap]) if gap >= 0 else length_mm
            if cost < costs[at + shape]:
                costs[at + shape] = cost
                column.ways[shape] = [0 if piece == gap else count for piece, count in enumerate(counts)]


def cheapest(columns: int, costs: "array[int]", steps: "array[int]", best: "array[int]", came: "array[int]") -> int:
    """Fill `best` and `came` (a row of ROWS) for every state after every column; the length of the shortest tour.

    `steps` has the walk to the next column in front and at the back.
    """
    before, shape, after, fronts, backs = BEFORE, SHAPE, AFTER, FRONTS, BACKS
    states, shapes, endless = STATE_COUNT, SHAPE_COUNT, INF
    best[0] = 0
    for column in range(columns):
        here, there = column * states, (column + 1) * states
        for row in range(len(before)):
            length_mm = best[here + before[row]]
            cost = costs[column * shapes + shape[row]]
            if length_mm >= endless or cost >= endless:
                continue
            out = after[row]
            length_mm += cost + fronts[out] * steps[2 * column] + backs[out] * steps[2 * column + 1]
            if length_mm < best[there + out]:
                best[there + out] = length_mm
                came[there + out] = row
    return best[(columns + 1) * states - 1]


def exact(columns: list[Column]) -> tuple[int, list[tuple[int, int]]]:
    """The length of the shortest tour and, for each column, (its shape, the state of the cut behind it)."""
    count = len(columns)
    costs = array("q", [INF]) * (count * SHAPE_COUNT)
    steps = array("q", bytes(16 * count))
    for number, column in enumerate(columns):
        enter_ways(column, costs, number * SHAPE_COUNT)
        if number + 1 < count:
            after = columns[number + 1]
            steps[2 * number] = after.x - column.x
            steps[2 * number + 1] = after.x - column.x + abs(after.hi - column.hi)
    best = array("q", [INF]) * ((count + 1) * STATE_COUNT)
    came = array("q", bytes(8 * (count + 1) * STATE_COUNT))
    length_mm = cheapest(count, costs, steps, best, came)
    state = DONE
    found: list[tuple[int, int]] = []
    for number in range(count, 0, -1):
        row = came[number * STATE_COUNT + state]
        found.append((SHAPE[row], state))
        state = BEFORE[row]
    found.reverse()
    return length_mm, found


def visits(columns: list[Column], found: list[tuple[int, int]], start: int) -> list[int]:
    """Everything that stands in the columns in the order in which a walk over all edges passes it (Hierholzer 1873)."""
    links: list[list[tuple[int, int]]] = []
    here: dict[int, list[int]] = {}
    walked: list[bool] = []
    ends, cut = (0, 0), (0, 0, 0)

    def join(a: int, b: int, times: int) -> None:
        for _ in range(times):
            links[a].append((b, len(walked)))
            links[b].append((a, len(walked)))
            walked.append(False)

    cut = (0, 0, 0)
    for column, (shape, state) in zip(columns, found, strict=True):
        base, ys = len(links), column.stops()
        links.extend([] for _ in range(len(ys) + 1))
        front = base + (0, 1, 2)[column.kind]
        back = base + (len(ys) - 1, 2, 0)[column.kind]
        for piece, count in enumerate(column.ways[shape]):
            join(base + piece, base + piece + 1, count)
        for stop, y in enumerate(sorted(column.here), start=base + (column.kind != FRONT)):
            here[stop] = column.here[y]
        if base:
            join(ends[0], front, cut[0])
            join(ends[1], back, cut[1])
        ends, cut = (front, back), STATES[state]
    stack = [next(stop for stop, numbers in here.items() if start in numbers)]
    walk: list[int] = []
    while stack:
        stop, onward = stack.pop(), NOT_YET
        while links[stop] and onward == NOT_YET:
            other, edge = links[stop].pop()
            if not walked[edge]:
                walked[edge], onward = True, other
        if onward == NOT_YET:
            walk.append(stop)
        else:
            stack += (stop, onward)
    return [number for stop in reversed(walk) for number in here.pop(stop, ())]


def along(ys: list[int], start: int, end: int) -> tuple[int, list[int]]:
    """A trip within one aisle: first to the one extreme, then to the other, then to the end."""
    low, high = min(*ys, start, end), max(*ys, start, end)
    down, up = (start - low) + (high - end), (high - start) + (end - low)
    sign = 1 if down <= up else -1
    order = sorted(range(len(ys)), key=lambda each: (sign * (ys[each] - start) > 0, abs(ys[each] - start), each))
    return min(down, up) + high - low, order


def insert(walks: "array[int]", size: int, trip: "array[int]", near: "array[int]") -> None:
    """Fill `trip` from 0 to size - 1: always the stop nearest to the trip, where the detour is least; first wins.

    `near` is work space of the same size.
    """
    trip[0], trip[1] = 0, size - 1
    for stop in range(1, size - 1):
        near[stop] = min(walks[stop], walks[stop * size + size - 1])
    for length in range(2, size):
        chosen = 0
        for stop in range(1, size - 1):
            if near[stop] >= 0 and (chosen == 0 or near[stop] < near[chosen]):
                chosen = stop
        best = INF
        place = 0
        for at in range(length - 1):
            a, b = trip[at], trip[at + 1]
            detour = walks[a * size + chosen] + walks[chosen * size + b] - walks[a * size + b]
            if detour < best:
                best, place = detour, at
        for at in range(length, place + 1, -1):
            trip[at] = trip[at - 1]
        trip[place + 1] = chosen
        near[chosen] = -1
        for stop in range(1, size - 1):
            near[stop] = min(near[stop], walks[chosen * size + stop])


def reverse(trip: "array[int]", first: int, last: int) -> None:
    while first < last:
        trip[first], trip[last] = trip[last], trip[first]
        first += 1
        last -= 1


def turned(walks: "array[int]", size: int, trip: "array[int]", i: int, j: int) -> int:
    """How much shorter the trip is with the stops i to j in the other direction; walks may differ by direction."""
    a, b = trip[i - 1] * size, trip[j + 1]
    gain = walks[a + trip[i]] + walks[trip[j] * size + b] - walks[a + trip[j]] - walks[trip[i] * size + b]
    for at in range(i, j):
        gain += walks[trip[at] * size + trip[at + 1]] - walks[trip[at + 1] * size + trip[at]]
    return gain


def improve(walks: "array[int]", size: int, trip: "array[int]", moves: int) -> int:
    """Turn and move parts of the trip while that makes it shorter; the number of moves that were left."""
    better = True
    while better:
        better = False
        for i in range(1, size - 1):
            for j in range(i, size - 1):
                if moves <= 0:
                    return 0
                moves -= 1
                if j > i and turned(walks, size, trip, i, j) > 0:
                    reverse(trip, i, j)
                    better = True
                most = size - 1 if j - i < PART_MAX else min(size - 1, j + PART_MAX + 1)
                for k in range(j + 1, most):
                    moves -= 1
                    a, b, c = trip[i - 1] * size, trip[j] * size, trip[k] * size
                    gain = walks[a + trip[i]] + walks[b + trip[j + 1]] + walks[c + trip[k + 1]]
                    gain -= walks[a + trip[j + 1]] + walks[c + trip[i]] + walks[b + trip[k + 1]]
                    if gain > 0:
                        reverse(trip, i, j)
                        reverse(trip, j + 1, k)
                        reverse(trip, i, k)
                        better = True
    return moves


def arrange(walks: "array[int]", size: int, moves: int = MOVES_MAX) -> tuple[int, tuple[int, ...]]:
    """(length, order) of a short trip from stop 0 over all others to stop size - 1, by a square table of walks."""
    trip, near = array("q", bytes(8 * size)), array("q", bytes(8 * size))
    insert(walks, size, trip, near)
    improve(walks, size, trip, moves)
    length = sum(walks[trip[at] * size + trip[at + 1]] for at in range(size - 1))
    return length, tuple(trip[1 : size - 1])


def tour(spots: Sequence[Spot], start: Spot, end: Spot, moves: int = MOVES_MAX) -> Tour:
    """The shortest trip from start over all spots to end, by the walks of `distance_mm`; nowhere is visited last."""
    columns = columns_of(spots, start, end)
    if len(columns) == 1:
        length_mm, order = along([spot.y for spot in spots], start.y, end.y)
        return Tour(length_mm, tuple(order), EXACT)
    if columns:
        length_mm, found = exact(columns)
        order = visits(columns, found, len(spots))
        return Tour(length_mm, tuple(each for each in order if each < len(spots)), EXACT)
    here: dict[tuple[int, int, int, int], list[int]] = {}
    for number, spot in enumerate(spots):
        if spot.lo <= spot.hi:
            here.setdefault((spot.x, spot.y, spot.lo, spot.hi), []).append(number)
    places = [(start.x, start.y, start.lo, start.hi), *here, (end.x, end.y, end.lo, end.hi)]
    walks = array("q", [distance_mm(*a, *b) for a in places for b in places])
    length_mm, trip = arrange(walks, len(places), moves)
    groups = list(here.values())
    lost = [number for number, spot in enumerate(spots) if spot.lo > spot.hi]
    return Tour(length_mm, tuple([number for stop in trip for number in groups[stop - 1]] + lost), HEURISTIC)


def one_block(spots: Sequence[Spot], start: Spot, end: Spot) -> list[Column]:
    """The aisles with picks from left to right if all have the same ends and the trip starts and ends in front."""
    aisles = [each for each in columns_of(spots, start, end) if each.kind == AISLE]
    level = all(each.hi == aisles[0].hi and spot.lo == spots[0].lo for each in aisles for spot in spots)
    return aisles if level and all(each.y == each.lo == each.hi <= spots[0].lo for each in (start, end)) else []


def s_shape_mm(spots: Sequence[Spot], start: Spot, end: Spot) -> int:
    """The trip through every aisle with picks, the last one there and back if they are odd; -1 without one block."""
    aisles = one_block(spots, start, end)
    if not aisles:
        return -1
    lo, hi = aisles[0].lo, aisles[0].hi
    found: list[int] = []
    left, right = aisles[0], aisles[len(aisles) - 1]
    for first, last in ((left, right), (right, left)):
        across = abs(start.x - first.x) + abs(last.x - first.x) + abs(last.x - end.x)
        odd = len(aisles) % 2
        found.append(across + (len(aisles) - odd) * (hi - lo) + odd * 2 * (max(last.here) - lo))
    return min(found) + (lo - start.y) + (lo - end.y)


def largest_gap_mm(spots: Sequence[Spot], start: Spot, end: Spot) -> int:
    """The trip through the outer aisles that enters all others from both ends up to their widest gap; -1 as above."""
    aisles = one_block(spots, start, end)
    if len(aisles) <= 1:
        return s_shape_mm(spots, start, end)
    lo, hi = aisles[0].lo, aisles[0].hi
    left, right = aisles[0], aisles[len(aisles) - 1]
    first, last = (right, left) if start.x <= end.x else (left, right)
    across = abs(start.x - first.x) + abs(last.x - first.x) + abs(last.x - end.x)
    gaps = [
        max(b - a for a, b in zip(each.stops(), each.stops()[1:], strict=False)) for each in aisles[1 : len(aisles) - 1]
    ]
    return across + 2 * (hi - lo) + sum(2 * (hi - lo - gap) for gap in gaps) + (lo - start.y) + (lo - end.y)
