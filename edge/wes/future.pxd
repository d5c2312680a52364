# C types for future.py; the Python file stays the one source.
cimport cython
from edge.wes.board cimport Board
from edge.wes.chance cimport Chance, Standstill, Tables
from edge.wes.dispatch cimport Dispatcher
from edge.wes.entry cimport Entry
from edge.wes.notes cimport Agenda, Notes, Tally

cdef long long _END, _STAGE, _RELEASE, _JOIN, _LEAVE, _ARRIVE, _OPEN, _CUTOFF, _TURN, _AFTER_ALL, _HERE, _LEAVING

cdef class Future:
    cdef public Board board
    cdef public Dispatcher dispatcher
    cdef public Tables tables
    cdef public Tally tally
    cdef Chance chance
    cdef Agenda agenda
    cdef Standstill standstill
    cdef Entry entry
    cdef public bint over
    cdef public long long start_ms, now_ms, until_ms, events
    cdef long long offers, order, left, number, zones, departures
    cdef Notes notes
    cdef long long[::1] r_here, u_turned

    @cython.locals(board=Board, task="long long", unit="long long", zone="long long", resource="long long",
        departure="long long")
    cdef _survey(self)
    @cython.locals(board=Board, doer="long long")
    cdef _enter_task(self, long long task)
    @cython.locals(board=Board, state="long long", zone="long long")
    cdef _enter_unit(self, long long unit)
    @cython.locals(board=Board, task="long long", began_ms="long long", spent_ms="long long", left_ms="long long")
    cdef long long _residue_ms(self, long long resource)
    @cython.locals(item="long long")
    cpdef bint step(self, long long events)
    cdef _put(self, long long at_ms, long long kind, long long row)
    @cython.locals(kind="long long", row="long long")
    cdef _happen(self, long long item)
    @cython.locals(zone="long long", i="long long")
    cdef _settle(self)
    @cython.locals(board=Board, here="bint")
    cdef _shift(self, long long resource, bint comes)
    @cython.locals(board=Board, walk_ms="long long", left_ms="long long", waited_ms="long long")
    cdef _begin(self, long long resource, long long task)
    @cython.locals(unit="long long")
    cdef _busy(self, long long resource, long long task, long long ms)
    @cython.locals(board=Board, kind="long long", factor="long long", table="long long", left_ms="long long",
        draw="long long")
    cdef long long _work_ms(self, long long resource, long long task, long long spent_ms)
    @cython.locals(board=Board, task="long long", unit="long long", kind="long long", departure="long long",
        count="long long", leaves="bint", i="long long")
    cdef _end(self, long long resource)
    @cython.locals(unit="long long")
    cdef long long _departure(self, long long task)
    cdef _release(self, long long task)
    @cython.locals(task="long long")
    cdef _release_all(self, long long unit)
    @cython.locals(unit="long long")
    cdef _admit(self, long long zone)
    @cython.locals(board=Board, zone="long long")
    cdef _let_in(self, long long unit)
    @cython.locals(board=Board)
    cdef _advance(self, long long unit, long long kind)
    @cython.locals(zone="long long")
    cdef _leave_zone(self, long long unit)
    @cython.locals(departure="long long")
    cdef _done(self, long long unit)
    cdef _send(self, long long unit)
    @cython.locals(board=Board, zone="long long", departure="long long", left_ms="long long", draw="long long",
        at_ms="long long")
    cdef _ride(self, long long unit, long long spent_ms)
    @cython.locals(board=Board, zone="long long", departure="long long", cls="long long")
    cdef _stage(self, long long unit)
    @cython.locals(board=Board, cutoff_ms="long long", table="long long", area="long long", task="long long")
    cdef long long _load(self, long long unit, long long cls, long long departure)
