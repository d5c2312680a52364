# C types for notes.py; the Python file stays the one source.
cimport cython
from edge.wes.board cimport Board
from edge.wes.chance cimport Chance

cdef class Agenda:
    cdef public long long count
    cdef public long long[::1] keys, orders, items

    @cython.locals(at="long long", up="long long")
    cpdef put(self, long long key, long long order, long long item)
    @cython.locals(found="long long", count="long long", at="long long", low="long long", key="long long",
        order="long long", item="long long")
    cpdef long long take(self)

cdef class Notes:
    cdef public long long[::1] t_ready_ms, t_fixed_ms, t_held, t_sibling
    cdef public long long[::1] u_first, u_limited, u_packed, u_weight, u_next_ms, u_transit_ms, u_load_ms, u_known, freed

    @cython.locals(departure="long long", unit="long long", count="long long", i="long long")
    cpdef guess(self, Board board, object plan, Chance chance, long long tide_q10)
    @cython.locals(unit="long long", kind="long long")
    cpdef task(self, Board board, long long task)
    cpdef load(self, Board board, long long task)
    cpdef bint packed(self, long long unit, long long kind)
    cpdef bint picked(self, long long unit)
    @cython.locals(unit="long long", kind="long long", state="long long")
    cpdef bint may_begin(self, Board board, long long task)
    @cython.locals(count="long long", link="long long")
    cpdef long long successors(self, Board board, long long task)

cdef class Tally:
    cdef public long long departures, groups, room, transit, station, lanes, slots
    cdef public long long[::1] units, open, picks, packs, missed, gone, finish_ms, pick_ms, pack_ms
    cdef public long long[::1] waited_ms, stage_ms, busy_ms, heads, absent_ms, zone_busy_ms, load_permille

    @cython.locals(row="long long")
    cpdef enter(self, long long departure, long long known)
    @cython.locals(row="long long")
    cpdef task(self, long long kind, long long departure)
    @cython.locals(row="long long")
    cpdef ended(self, long long kind, long long departure, long long now_ms)
    @cython.locals(row="long long")
    cpdef done(self, long long departure, long long now_ms)
    cpdef wait(self, long long departure, long long slot, long long stage, long long ms)
    cpdef shift(self, long long group, long long comes, long long since_ms)
    @cython.locals(group="long long", capacity="long long")
    cpdef cutoff(self, long long departure, long long since_ms)
    @cython.locals(row="long long")
    cpdef close(self, long long since_ms)
