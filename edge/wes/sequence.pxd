# C types for sequence.py; the Python file stays the one source. Bounds checks are off: the tests run it uncompiled too.
cimport cython

cdef long long _PATIENCE, _SWAPS, _NEAR, _KICKS, _LATER, _SOONER, _SWAP
cdef long long _FIRST_PRIME, _SECOND_PRIME, _FIRST_STEP, _SECOND_STEP

@cython.locals(
    n="Py_ssize_t", place="Py_ssize_t", at="Py_ssize_t", found="Py_ssize_t", job="long long", reach="long long",
    clock="long long", best="long long", slack="long long", value="long long",
)
cdef int _by_index(
    long long[::1] order, const long long[::1] work, const long long[::1] tops, const long long[::1] latest,
    long long slope,
) except -1


@cython.final
cdef class Search:
    cdef long long size, reach, found, room, total, looked, first_stream, second_stream
    cdef long long[::1] works, weights, dues, order, best
    cdef long long[::1] work, weight, end, late, cost, cost_before, weight_before, steepest, changed, next_changed
    cdef long long[::1] first, kind, change, chain, chains, chosen, lowest

    @cython.locals(
        at="long long", lowest="long long", patience="long long", improved_at="long long", kicks="long long",
    )
    cpdef long long run(self, long long moves)
    @cython.locals(at="long long")
    cdef void _copy(self, long long[::1] source, long long[::1] target) noexcept
    cdef long long _draw(self, long long n)
    @cython.locals(apart="long long", at="long long", _="long long")
    cdef int _kick(self) except -1
    cdef int _descend(self, long long moves) except -1
    @cython.locals(
        n="long long", clock="long long", cost="long long", tardy="long long", at="long long", job="long long",
        late="long long", steepest="long long", changed="long long",
    )
    cdef void _lay_out(self) noexcept
    @cython.locals(n="long long", at="long long", i="long long", j="long long")
    cdef int _look(self) except -1
    @cython.locals(
        n="long long", work="long long", weight="long long", first="long long", early="long long", change="long long",
        looked="long long", j="long long", late="long long", steepest="long long",
    )
    cdef int _look_later(self, long long i) except -1
    @cython.locals(
        work="long long", weight="long long", most="long long", early="long long", change="long long",
        looked="long long", i="long long", late="long long", worse="long long",
    )
    cdef int _look_sooner(self, long long j) except -1
    @cython.locals(
        n="long long", work="long long", weight="long long", cost="long long", end="long long", early="long long",
        weight_before="long long", cost_before="long long", start="long long", j="long long", more="long long",
        change="long long", late="long long", between="long long", least="long long",
    )
    cdef int _look_swaps(self, long long i) except -1
    @cython.locals(at="long long", late="long long")
    cdef long long _sum_up(self, long long i, long long j, long long more, long long change) noexcept
    @cython.locals(at="long long")
    cdef int _note(self, long long i, long long j, long long kind, long long change) except -1
    cdef int _widen(self) except -1
    @cython.locals(
        j="long long", lowest="long long", chosen="long long", at="long long", change="long long", after="long long",
    )
    cdef int _choose(self) except -1
    @cython.locals(one="long long", other="long long", at="long long")
    cdef void _make(self, long long i, long long j, long long kind) noexcept
