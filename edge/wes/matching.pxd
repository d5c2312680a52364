# C types for matching.py; the Python file stays the one source. Bounds checks are off: the door checks every id.
cimport cython

cdef long long _SHIFT, _PLACE, _FREE, _ABSENT, _IDLE, _COST_MAX, _FAR

@cython.locals(new="long long[::1]")
cdef long long[::1] _longer(long long[::1] old, long long count, long long fill, long long gap)


@cython.final
cdef class Matching:
    cdef readonly long long scanned
    cdef long long _rows, _edges_end, _heap_count, _search
    cdef long long[::1] _match, _dual, _start, _degree, _size, _edges, _spare
    cdef long long[::1] _dist, _came, _stamp, _heap, _where, _settled

    cdef _clear(self, long long rows, long long cols)
    @cython.locals(count="long long", more="long long", gap="long long", row="long long", e="long long")
    cdef _grow(self, long long rows, long long cols)

    cpdef bint has_row(self, long long row) noexcept
    cpdef bint has_col(self, long long col) noexcept
    @cython.locals(node="long long")
    cpdef long long partner(self, long long row) except *
    cpdef long long holder(self, long long col) except *
    cpdef long long degree(self, long long row) except *
    @cython.locals(node="long long", e="long long")
    cpdef long long cost_of(self, long long row) except *
    @cython.locals(row="long long", matched="long long")
    cpdef tuple total(self)
    @cython.locals(
        node="long long", other="long long", dual="long long", own="long long", e="long long", end="long long",
        left="long long", bad="long long", found="bint",
    )
    cpdef long long violations(self) noexcept

    cpdef add_row(self, long long row, const long long[::1] cols, const long long[::1] costs, long long count)
    @cython.locals(node="long long")
    cpdef add_col(self, long long col, const long long[::1] rows, const long long[::1] costs, long long count)
    cpdef remove_row(self, long long row)
    cpdef remove_col(self, long long col)
    @cython.locals(other="long long")
    cdef _remove(self, long long node)
    @cython.locals(col="long long")
    cpdef long long commit(self, long long row) except *

    @cython.locals(
        settled="long long", own="long long", near="long long", dist="long long", best="long long", end="long long",
        end_near="long long", first="long long", count="long long", e="long long", node="long long", far="long long",
        whole="long long", k="long long",
    )
    cdef void _settle(self, long long start, long long dual) noexcept
    @cython.locals(before="long long")
    cdef void _exchange(self, long long start, long long near, long long node) noexcept
    @cython.locals(at="long long", above="long long")
    cdef void _reach(self, long long far, long long node, long long came) noexcept
    @cython.locals(
        found="long long", at="long long", count="long long", node="long long", least="long long", k="long long",
        below="long long",
    )
    cdef long long _nearest(self, long long limit) noexcept
    @cython.locals(left="long long")
    cdef bint _nearer(self, long long node, long long other) noexcept

    cdef long long _node(self, long long number, long long first, long long last, str what) except *
    @cython.locals(most="long long", k="long long", node="long long")
    cdef _examine(
        self, const long long[::1] ends, const long long[::1] costs, long long count, long long first, long long last,
        str what,
    )
    @cython.locals(size="long long", start="long long", k="long long")
    cdef int _make_room(self, long long node, long long count) except -1
    @cython.locals(size="long long", start="long long")
    cdef void _give_back(self, long long node) noexcept
    @cython.locals(k="long long", end="long long", cost="long long", place="long long", e="long long")
    cdef long long _link(
        self, long long node, const long long[::1] ends, const long long[::1] costs, long long count, long long first,
        long long best,
    ) except *
    @cython.locals(
        e="long long", end="long long", place="long long", gap="long long", last="long long", moved="long long",
    )
    cdef void _leave(self, long long node) noexcept

    @cython.locals(other="Matching")
    cpdef Matching fork(self)
    @cython.locals(node="long long", e="long long")
    cpdef dict save(self)
    cpdef load(self, dict saved)
    @cython.locals(
        at="long long", places="long long", most="long long", k="long long", node="long long", other="long long",
        dual="long long", degree="long long", e="long long", row="long long", end="long long", place="long long",
        cost="long long",
    )
    cdef bint _fill(self, const long long[::1] nodes, const long long[::1] edges) except *
