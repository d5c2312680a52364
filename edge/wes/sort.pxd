# C types for sort.py; the Python file stays the one source.
cimport cython

cdef long long _FIRST_CHOICE, _ALTERNATE, _LANES_UNAVAILABLE, _RATE_LIMIT, _MAX_RECIRC, _NO_LANE, _UNKNOWN
cdef long long _ROUTE, _RECIRC, _REJECT
cdef long long _WHY_SHIFT, _LANE_SHIFT, _ALTERNATE_SHIFT
cdef long long _DIGITS_MAX, _TEXT, _TEXT_MASK, _SLOTS_MIN, _NONE, _BEHIND, _WORD, _SPREAD

@cython.locals(number="long long", above="long long", digit="long long", character="Py_UCS4")
cpdef long long key_of(str text) noexcept

@cython.locals(number="long long", character="Py_UCS4")
cpdef long long folded(str text) noexcept

cdef long long home_of(long long key, long long mask) noexcept

@cython.locals(lane="long long", alternate="long long")
cdef long long to_hospital(long long hospital_lane, long long default_lane) noexcept


@cython.final
cdef class Barcodes:
    cdef public long long count, mask
    cdef long long[::1] slots
    cdef list texts
    cdef dict clashes

    cpdef long long find(self, str text) noexcept
    @cython.locals(slot="long long")
    cdef long long look_up(self, long long key, str text) noexcept
    @cython.locals(slot="long long", held="long long")
    cdef long long slot_of(self, long long key, str text) noexcept
    @cython.locals(key="long long", slot="long long", before="long long")
    cpdef long long bind(self, str text, long long destination)
    @cython.locals(slot="long long", before="long long")
    cpdef long long unbind(self, str text)
    @cython.locals(slot="long long")
    cdef bint is_held(self, long long key) noexcept
    @cython.locals(slot="long long")
    cdef place(self, long long key, long long destination, str text)
    @cython.locals(slot="long long", key="long long")
    cdef vacate(self, long long hole)
    @cython.locals(slots="long long[::1]", texts=list, size="long long", slot="long long")
    cdef grow(self)


@cython.final
cdef class LanePlan:
    cdef public str machine_id, lane_by
    cdef public Barcodes barcodes
    cdef public long long default_lane, hospital_lane, max_recirc
    cdef public dict first, second, position
    cdef public list pool
    cdef public bint pooled, stale
    cdef public long long width, hospital
    cdef public long long[::1] lanes, capacity, gap_ms
    cdef long long[::1] load, bound, closed, sent_ms, ranks, rows

    @cython.locals(room="bint")
    cpdef show(self, Py_ssize_t position, long long load, long long bound, long long closed, long long sent_ms)
    cpdef tuple seen(self, Py_ssize_t position)
    @cython.locals(end="long long", cell="Py_ssize_t", row="long long", position="long long", rows="long long[::1]")
    cpdef set_row(self, long long destination, list first, list second)
    @cython.locals(start="Py_ssize_t", middle="Py_ssize_t", end="Py_ssize_t", cell="Py_ssize_t")
    cpdef tuple row(self, long long destination)
    cpdef long long decide(self, str barcode, long long recirc_count, long long now_ms) noexcept
    @cython.locals(
        start="Py_ssize_t", middle="Py_ssize_t", end="Py_ssize_t", cell="Py_ssize_t", position="long long",
        late="long long", rank="long long", best="long long", other="long long", why="long long", answer="long long",
    )
    cpdef long long choose(self, long long destination, long long recirc_count, long long now_ms) noexcept
    @cython.locals(cell="Py_ssize_t", able="long long")
    cdef bint waits(self, Py_ssize_t start, Py_ssize_t end) noexcept
