# C types for dispatch.py; the Python file stays the one source.
cimport cython
from edge.wes.board cimport Board
from edge.wes.index cimport Index
from edge.wes.matching cimport Matching

cdef long long _BUSY, _IDLE, _CANDIDATES, _WIDE, _LATE_MS, _NATS

@cython.locals(count="long long")
cpdef long long doublings(long long weight)

@cython.final
cdef class Dispatcher:
    cdef public Board board
    cdef public Index index
    cdef public Matching matching
    cdef public object tuning
    cdef public int strategy
    cdef public bint rolling
    cdef public long long slope, walk_weight, wait_weight, haste_weight, nat_ms, margin_permille, tolerance_ms, class_count, staff
    cdef public long long[::1] able, open, out, costs, near, near_cost, chosen_r, chosen_t, best_t, bound, late_ms, walks

    cpdef long long room(self)
    @cython.locals(board=Board, work="long long", number="long long", top="long long", latest="long long",
        again="long long", lost="long long", line="long long", line2="long long")
    cpdef offer(self, long long task, long long now_ms)
    cpdef retract(self, long long task)
    cpdef take(self, long long task)
    cpdef hands(self, long long resource, long long now_ms)
    @cython.locals(board=Board, start="long long", walk="long long", value="long long", free="long long",
        stake="long long", left="long long", unsure="long long", in_hand="long long", later="long long", late="long long")
    cpdef long long cost(self, long long resource, long long task, long long now_ms)
    @cython.locals(board=Board, soon="long long", slack="long long", nats="long long", worth="long long")
    cpdef long long haste(self, long long task, long long start, long long now_ms)
    @cython.locals(board=Board, allowed="long long[::1]", found="long long", i="long long")
    cpdef link_resource(self, long long resource, long long now_ms, long long wide)
    cpdef unlink_resource(self, long long resource)
    @cython.locals(board=Board, cls="long long", found="long long", resource="long long")
    cpdef link_task(self, long long task, long long now_ms)
    @cython.locals(last="long long", i="long long")
    cpdef long long keep(self, long long resource, long long cost, long long found)
    cpdef long long choose(self, long long now_ms)
    @cython.locals(board=Board, used="long long", count="long long", resource="long long",
        planned="long long", before="long long")
    cpdef long long by_plan(self, long long now_ms)
    @cython.locals(allowed="long long[::1]", known="long long", count="long long", i="Py_ssize_t")
    cpdef bint sees_more(self, long long resource)
    @cython.locals(count="long long", resource="long long")
    cpdef long long matched(self, long long used)
    cpdef relink(self, long long resource, long long now_ms)
    @cython.locals(task="long long")
    cpdef long long begin(self, long long resource, long long count)
    @cython.locals(board=Board, used="long long", count="long long", resource="long long", first="long long", task="long long")
    cpdef long long by_index(self, long long now_ms)
    @cython.locals(board=Board, allowed="long long[::1]", area="long long", task="long long")
    cpdef look(self, long long resource, long long now_ms)
    @cython.locals(board=Board, walk="long long", walk2="long long", skills="long long", skills2="long long")
    cpdef bint before(self, long long one, long long other)
    cpdef long long wanted_by(self, long long task)
