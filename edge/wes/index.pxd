# C types for index.py; the Python file stays the one source. Bounds checks are off: the tests run it uncompiled too.
cimport cython

cdef long long _LOST, _HORIZON_MS, _REACH, _EMPTY, _FLOOR
cdef long long _WIDTH, _HOME, _NUMBER, _TOP, _LINE, _URGENT, _LOST_AT, _LINE2, _URGENT2
cdef long long _RISING, _RESTING, _AGAIN, _GONE
cdef long long[::1] _TABLE

@cython.locals(
    left="long long", octave="long long", shift="long long", mantissa="long long", step="long long",
    within="long long", low="long long",
)
cpdef long long log_q32(long long n)

@cython.locals(view="int[::1]", i="Py_ssize_t")
cdef object _longer32(const int[::1] old, Py_ssize_t length)

@cython.locals(view="long long[::1]", i="Py_ssize_t")
cdef object _longer(const long long[::1] old, Py_ssize_t length)


@cython.final
cdef class Index:
    cdef readonly long long areas, slope, now_ms, count, classes
    cdef long long capacity, used
    cdef const long long[::1] travel
    cdef long long[::1] rows, firsts, ends, shifts, homes
    cdef long long[::1] tops, starts, sizes, rooms, keys, scores
    cdef int[::1] items

    @cython.locals(other="Index")
    cpdef Index fork(self)
    @cython.locals(first="long long", end="long long", cls="long long", cell="long long")
    cpdef long long add_class(self, long long lo, long long hi)
    @cython.locals(cell="long long", capacity="long long", at="long long", again="long long")
    cpdef void put(
        self, long long item, long long cls, long long area, long long number, long long top, long long line,
        long long urgent_ms, long long lost_ms, long long line2, long long urgent2_ms,
    )
    cpdef void take(self, long long item)
    cpdef bint holds(self, long long item)
    @cython.locals(at="long long")
    cpdef long long value(self, long long item, long long t)
    cpdef long long score(self, long long item, long long area, long long t)
    @cython.locals(
        gain="long long", best="long long", found="long long", i="long long", cls="long long", shift="long long",
        cell="long long", score="long long",
    )
    cpdef long long best(self, const long long[::1] classes, long long count, long long area, long long t)
    @cython.locals(n="long long", late="long long", i="long long")
    cpdef long long leaders(
        self, const long long[::1] classes, long long count, long long area, long long t, long long k,
        long long[::1] out,
    )
    @cython.locals(
        n="long long", gain="long long", i="long long", cls="long long", shift="long long", cell="long long",
    )
    cdef long long _list(
        self, const long long[::1] classes, long long count, long long area, long long k, long long[::1] out,
    )
    @cython.locals(cell="long long")
    cdef long long _area(self, long long item) noexcept
    @cython.locals(number="long long", limit="long long")
    cdef bint _earlier(self, long long one, long long other) noexcept
    @cython.locals(rising="long long", resting="long long", one="long long", other="long long")
    cdef long long _front(self, long long cell, long long gain) noexcept
    cdef long long _last(self, long long queue) noexcept
    @cython.locals(start="long long", place="long long", score="long long", item="long long", at="long long", i="long long")
    cdef long long _rank(
        self, long long queue, long long offset, long long n, long long k, long long[::1] out,
    ) noexcept
    @cython.locals(rising="long long", resting="long long")
    cdef long long _sure(self, long long cell, long long gain)
    @cython.locals(at="long long", piece="long long", was="long long", home="long long")
    cdef bint _turn(self, long long item, long long cell) except -1
    @cython.locals(at="long long", piece="long long")
    cdef long long _key(self, long long item) noexcept
    @cython.locals(home="long long")
    cdef long long _queue(self, long long item) noexcept
    @cython.locals(low="long long", high="long long", middle="long long")
    cdef long long _place(self, long long queue, long long key, long long item) noexcept
    @cython.locals(queue="long long", key="long long", end="long long", at="long long", place="long long")
    cdef int _add(self, long long item) except -1
    @cython.locals(queue="long long", last="long long", at="long long", place="long long")
    cdef void _drop(self, long long item) noexcept
    @cython.locals(room="long long", start="long long", i="long long")
    cdef int _widen(self, long long queue) except -1
    @cython.locals(
        total="long long", keys="long long[::1]", items="int[::1]", queue="long long", start="long long",
        i="long long",
    )
    cdef int _pack(self, long long full) except -1
