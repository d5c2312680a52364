# C types for chance.py; the Python file stays the one source.
cimport cython

cdef long long _FIRST_PRIME, _SECOND_PRIME, _FIRST_STEP, _SECOND_STEP, _QUANTILES

@cython.locals(square="long long")
cpdef long long fifth(long long x, long long prime)

cdef class Chance:
    cdef long long first_key, second_key, first, second

    @cython.locals(prime="long long", word="long long", x="long long")
    cpdef long long enter(self, long long purpose, long long number)
    cpdef long long draw(self)
    @cython.locals(nats_q16="long long")
    cpdef long long wait_ms(self, long long mean_ms)
    cpdef long long count(self, long long number, tuple counts)

cdef class Tables:
    cdef public long long classes, count
    cdef public long long[::1] cells, work, transit

    cpdef long long of(self, long long kind, long long cls)
    @cython.locals(total="long long", i="long long")
    cpdef long long mean_ms(self, long long table)
    @cython.locals(first="long long", last="long long")
    cpdef long long left_ms(self, long long table, long long draw, long long spent_ms, long long factor_q10)

cdef class Standstill:
    cdef public long long zones
    cdef public long long[::1] first, from_ms, to_ms

    @cython.locals(i="long long", found="bint")
    cpdef bint stands(self, long long zone, long long at_ms)
    @cython.locals(i="long long")
    cpdef long long off_machines_ms(self, long long zone, long long at_ms, long long left_ms)
    @cython.locals(i="long long", row="long long")
    cpdef long long in_lane_ms(self, long long departure, long long at_ms)
