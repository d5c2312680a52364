# cython: language_level=3, annotation_typing=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=False
"""Repair of a short queue of work for one pair of hands: the least weighted tardiness (compiled with sequence.pxd).

Iterated dynasearch (Congram, Potts, van de Velde 2002) over three moves: swap two tasks, take one later, take one
sooner (Grosso, Della Croce, Tadei 2004). A pass looks at all moves and makes the best set of moves that do not touch
one another, by dynamic programming over the positions. When no move helps, a few swaps at random disturb the order and
the passes go on; after a few kicks in vain the search goes back to the best order so far. What keeps a pass near
O(n^2): taking later and sooner is summed up along the row; a swap is summed up only when the tardy weight between its
tasks says that it may help; and stretches of the queue that did not change since no move helped there are left alone.
"""

from array import array
from collections.abc import Sequence

from edge.wes.index import log_q32

QUEUE_MAX = 500
"""Tasks in a queue."""
COST_MAX = 1 << 61
"""Total weight times the farthest time, from now to the end of the work or a due date, has to be smaller."""
MOVES_PER_TASK = 400_000
_PATIENCE = 2
# A kick: so many swaps of tasks at most 2/5 of the queue apart, or 8 in a short queue.
_SWAPS = 6
_NEAR = 8
_KICKS = 4
_LATER, _SOONER, _SWAP = range(3)
_FIRST_PRIME = 2_147_483_563
_SECOND_PRIME = 2_147_483_399
_FIRST_STEP = 40_014
_SECOND_STEP = 40_692


def budget(n: int) -> int:
    """Moves that are plenty for a queue of n tasks (by the 375 weighted tardiness instances of the OR-Library)."""
    return MOVES_PER_TASK * n


def _check(order: Sequence[int], work: Sequence[int], weight: Sequence[int], due: Sequence[int]) -> None:
    n = len(work)
    if not n == len(weight) == len(due) <= QUEUE_MAX:
        raise ValueError(f"work, weight and due belong to the same tasks, at most {QUEUE_MAX}")
    if sorted(order) != list(range(n)):
        raise ValueError("the order has to name every task once")
    if n and (min(work) < 1 or min(weight) < 1):
        raise ValueError("work and weight are at least 1")
    if n and sum(weight) * (sum(work) + max(abs(each) for each in due)) >= COST_MAX:
        raise ValueError("the times or the weights are too large")


def total(order: Sequence[int], work: Sequence[int], weight: Sequence[int], due: Sequence[int]) -> int:
    """Weighted tardiness of tasks done in this order from now on, in weight times the unit of work and due."""
    _check(order, work, weight, due)
    clock = cost = 0
    for job in order:
        clock += work[job]
        cost += weight[job] * max(clock - due[job], 0)
    return cost


def atc_order(work: Sequence[int], weight: Sequence[int], due: Sequence[int], k_percent: int) -> "array[int]":
    """The queue by apparent tardiness cost (Vepsalainen, Morton 1987) in logarithms, look-ahead K = k_percent / 100.

    The index is ln(weight / work) - slack / (K * mean work), by the mean of the queue; ties to the smaller number.
    """
    _check(range(len(work)), work, weight, due)
    if k_percent < 1:
        raise ValueError("k_percent is at least 1")
    n = len(work)
    slope = (n << 32) * 100 // (k_percent * sum(work)) if n else 0
    tops = array("q", [log_q32(w) - log_q32(p) for w, p in zip(weight, work, strict=True)])
    latest = array("q", [d - p for d, p in zip(due, work, strict=True)])
    order = array("q", range(n))
    _by_index(order, array("q", work), tops, latest, slope)
    return order


def _by_index(order: "array[int]", work: "array[int]", tops: "array[int]", latest: "array[int]", slope: int) -> None:
    """Puts the task with the highest index first, then the highest of the others at its end, and so on."""
    n = len(order)
    reach = (1 << 60) // max(slope, 1)
    clock = 0
    for place in range(n):
        found = -1
        best = 0
        for at in range(place, n):
            job = order[at]
            slack = latest[job] - clock
            value = tops[job]
            if slack > 0:
                value -= slope * (slack if slack < reach else reach)
            if found < 0 or value > best or (value == best and job < order[found]):
                found = at
                best = value
        job = order[found]
        order[found] = order[place]
        order[place] = job
        clock += work[job]


def repair(
    work: Sequence[int], weight: Sequence[int], due: Sequence[int], order: Sequence[int], moves: int, seed: int
) -> "tuple[array[int], int]":
    """A queue at least as good as `order`, and its `total`; looks at `moves` moves (a last pass may go beyond).

    Stops early when nothing is late any more, or when half of the moves brought nothing better. The same arguments give
    the same queue on every machine.
    """
    _check(order, work, weight, due)
    search = Search(array("q", work), array("q", weight), array("q", due), array("q", order), seed)
    cost = search.run(min(max(moves, 0), COST_MAX))
    return array("q", search.best), cost


class Search:
    """The queue under repair: by task what it was given, by position what follows from the order as it stands."""

    def __init__(
        self, works: "array[int]", weights: "array[int]", dues: "array[int]", order: "array[int]", seed: int
    ) -> None:
        n = len(order)
        self.size = n
        self.reach = min(max(2 * n // 5, _NEAR), n - 1)
        self.works, self.weights, self.dues = works, weights, dues
        self.order, self.best = order, order[:]
        # by position
        self.work, self.weight, self.end = _zeros(n), _zeros(n), _zeros(n)
        self.late, self.cost = _zeros(n), _zeros(n)  # late: end - due, below 0 when early
        self.cost_before, self.weight_before = _zeros(n + 1), _zeros(n + 1)  # sums; of weight: only the tardy
        self.steepest = _zeros(n + 1)  # from here on: the tardy task with the most weight for its work (n: none)
        self.changed, self.next_changed = _zeros(n), _zeros(n + 1)
        # moves that help, chained by the last position they touch; what the best set of them brings up to there
        self.found = 0
        self.room = 16
        self.first, self.kind, self.change, self.chain = _zeros(16), _zeros(16), _zeros(16), _zeros(16)
        self.chains, self.chosen, self.lowest = _zeros(n), _zeros(n + 1), _zeros(n + 1)
        self.total = 0
        self.looked = 0
        self.first_stream = 1 + seed % (_FIRST_PRIME - 1)
        self.second_stream = 1 + seed // (_FIRST_PRIME - 1) % (_SECOND_PRIME - 1)

    def run(self, moves: int) -> int:
        """Searches; the cost of `best`."""
        for at in range(self.size):
            self.changed[at] = 1
        self._lay_out()
        lowest = self.total
        if self.size < 2:
            return lowest
        patience = moves // _PATIENCE
        improved_at = 0
        kicks = 0
        while lowest > 0 and self.looked < moves and self.looked - improved_at <= patience:
            self._descend(moves)
            if self.total < lowest:
                improved_at = self.looked
            if self.total <= lowest:
                lowest = self.total
                kicks = 0
                self._copy(self.order, self.best)
            elif kicks == _KICKS:
                kicks = 0
                self._copy(self.best, self.order)
            self._kick()
            kicks += 1
        return lowest

    def _copy(self, source: "array[int]", target: "array[int]") -> None:
        for at in range(self.size):
            target[at] = source[at]

    def _draw(self, n: int) -> int:
        """A number below n, by two multiplicative congruential streams (L'Ecuyer 1988)."""
        self.first_stream = _FIRST_STEP * self.first_stream % _FIRST_PRIME
        self.second_stream = _SECOND_STEP * self.second_stream % _SECOND_PRIME
        return (self.first_stream - self.second_stream) % (_FIRST_PRIME - 1) % n

    def _kick(self) -> None:
        for _ in range(_SWAPS):
            apart = 1 + self._draw(self.reach)
            at = self._draw(self.size - apart)
            self._make(at, at + apart, _SWAP)

    def _descend(self, moves: int) -> None:
        """Passes until no move helps or the moves are used up."""
        self._lay_out()
        while self.looked < moves:
            self._look()
            if self.found == 0:
                break
            self._choose()
            self._lay_out()

    def _lay_out(self) -> None:
        """What follows from the order, and where it changed since the pass before."""
        n = self.size
        clock = cost = tardy = 0
        for at in range(n):
            job = self.order[at]
            clock += self.works[job]
            late = clock - self.dues[job]
            self.work[at], self.weight[at] = self.works[job], self.weights[job]
            self.end[at], self.late[at], self.cost[at] = clock, late, 0
            self.cost_before[at], self.weight_before[at] = cost, tardy
            if late > 0:
                self.cost[at] = late * self.weights[job]
                cost += self.cost[at]
                tardy += self.weights[job]
        self.cost_before[n], self.weight_before[n] = cost, tardy
        self.total = cost
        steepest = changed = n
        self.steepest[n] = self.next_changed[n] = n
        for at in range(n - 1, -1, -1):
            if self.late[at] > 0 and (
                steepest == n or self.weight[at] * self.work[steepest] > self.weight[steepest] * self.work[at]
            ):
                steepest = at
            if self.changed[at]:
                changed = at
                self.changed[at] = 0
            self.steepest[at], self.next_changed[at] = steepest, changed

    def _look(self) -> None:
        """Finds the moves that help among those that touch what changed."""
        n = self.size
        self.found = 0
        for at in range(n):
            self.chains[at] = -1
        for i in range(n - 1):
            if self.next_changed[i] == n:
                break
            self._look_later(i)
            self._look_swaps(i)
        for j in range(self.next_changed[0] + 1, n):
            if self.cost[j] > 0:
                self._look_sooner(j)

    def _look_later(self, i: int) -> None:
        """Task i behind j, for every j after it: the tasks between come sooner by its work."""
        n, work, weight, first = self.size, self.work[i], self.weight[i], self.next_changed[i]
        early = self.late[i] - self.end[i]
        change = -self.cost[i]
        looked = n - 1 - i
        for j in range(i + 1, n):
            late = self.late[j] - work
            change -= self.cost[j]
            if late > 0:
                change += late * self.weight[j]
            late = early + self.end[j]
            if late <= 0:
                if change < 0 and j >= first:
                    self._note(i, j, _LATER, change)
            elif change + late * weight < 0:
                if j >= first:
                    self._note(i, j, _LATER, change + late * weight)
            else:
                # tardy as it is, it loses with every task that has less weight for its work
                steepest = self.steepest[j + 1]
                if steepest == n or weight * self.work[steepest] >= self.weight[steepest] * work:
                    looked = j - i
                    break
        self.looked += looked

    def _look_sooner(self, j: int) -> None:
        """Task j before i, for every i before it (not the one next to it, which is `_look_later`)."""
        work, weight, most = self.work[j], self.weight[j], self.cost[j]
        early = self.late[j] - self.end[j] + work
        change = -most
        looked = j
        for i in range(j - 1, -1, -1):
            late = self.late[i] + work
            if late > 0:
                change += late * self.weight[i] - self.cost[i]
                if change >= 0:
                    looked = j - i
                    break
            if i < j - 1 and self.next_changed[i] <= j:
                late = early + self.end[i] - self.work[i]
                worse = late * weight if late > 0 else 0
                if change + worse < 0:
                    self._note(i, j, _SOONER, change + worse)
        self.looked += looked

    def _look_swaps(self, i: int) -> None:
        """Tasks i and j for each other, for every j after i but the next: those between come later by the difference.

        Those between gain at most all their cost, and at most the difference for each tardy one (`between`, `least`).
        """
        n, work, weight, cost = self.size, self.work[i], self.weight[i], self.cost[i]
        end = self.end[i]
        early = self.late[i] - end
        weight_before, cost_before = self.weight_before[i + 1], self.cost_before[i + 1]
        start = max(i + 2, self.next_changed[i])
        for j in range(start, n):
            more = self.work[j] - work
            change = -cost - self.cost[j]
            late = early + self.end[j]
            if late > 0:
                change += late * weight
            between = more * (self.weight_before[j] - weight_before)
            least = cost_before - self.cost_before[j]
            if least < between:
                least = between
            if change + least >= 0:
                continue
            late = self.late[j] - self.end[j] + end + more
            if late > 0:
                change += late * self.weight[j]
            if change + least < 0:
                change = self._sum_up(i, j, more, change + between)
                if change < 0:
                    self._note(i, j, _SWAP, change)
        if start < n:
            self.looked += n - start

    def _sum_up(self, i: int, j: int, more: int, change: int) -> int:
        """What a swap really changes; `change` counts `more` for every tardy task between. Not below 0: not exact."""
        for at in range(i + 1, j):
            late = self.late[at] + more
            if self.late[at] > 0:
                if late < 0:
                    change -= late * self.weight[at]
            elif late > 0:
                change += late * self.weight[at]
            if change >= 0:
                break
        return change

    def _note(self, i: int, j: int, kind: int, change: int) -> None:
        if self.found == self.room:
            self._widen()
        at = self.found
        self.found = at + 1
        self.first[at], self.kind[at], self.change[at] = i, kind, change
        self.chain[at] = self.chains[j]
        self.chains[j] = at

    def _widen(self) -> None:
        more = _zeros(self.room)
        self.first, self.kind = array("q", self.first) + more, array("q", self.kind) + more
        self.change, self.chain = array("q", self.change) + more, array("q", self.chain) + more
        self.room = 2 * self.room

    def _choose(self) -> None:
        """Makes the best set of moves that do not touch one another."""
        for j in range(self.size):
            lowest = self.lowest[j]
            chosen = -1
            at = self.chains[j]
            while at >= 0:
                change = self.lowest[self.first[at]] + self.change[at]
                if change < lowest:
                    lowest = change
                    chosen = at
                at = self.chain[at]
            self.lowest[j + 1], self.chosen[j + 1] = lowest, chosen
        after = self.size
        while after > 0:
            at = self.chosen[after]
            if at < 0:
                after -= 1
            else:
                self._make(self.first[at], after - 1, self.kind[at])
                after = self.first[at]

    def _make(self, i: int, j: int, kind: int) -> None:
        one, other = self.order[i], self.order[j]
        if kind == _LATER:
            for at in range(i, j):
                self.order[at] = self.order[at + 1]
            self.order[j] = one
        elif kind == _SOONER:
            for at in range(j, i, -1):
                self.order[at] = self.order[at - 1]
            self.order[i] = other
        else:
            self.order[i], self.order[j] = other, one
        for at in range(i, j + 1):
            self.changed[at] = 1


def _zeros(n: int) -> "array[int]":
    return array("q", bytes(8 * n))
