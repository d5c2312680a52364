# C types for entry.py; the Python file stays the one source.
cimport cython
from edge.wes.board cimport Board
from edge.wes.notes cimport Agenda, Notes, Tally

cdef long long _ANY

cdef class Entry:
    cdef Board board
    cdef Tally tally
    cdef Notes notes
    cdef long long zones, departures, waiting
    cdef list queues, parked
    cdef public bint stale
    cdef long long[::1] most, shared, on_way, lying, loading, u_parked
    cdef long long[::1] z_station, z_most, z_kept, at_station, u_there

    @cython.locals(queue=Agenda)
    cpdef join(self, long long unit)
    @cython.locals(board=Board)
    cpdef turn(self, long long unit, long long rank)
    @cython.locals(board=Board, queue=Agenda, parked=Agenda, rank="long long", unit="long long", departure="long long")
    cpdef long long admit(self, long long zone, long long now_ms)
    @cython.locals(station="long long")
    cdef bint _station_is_full(self, long long zone)
    @cython.locals(zone="long long")
    cpdef reach_station(self, long long unit)
    cpdef leave_station(self, long long unit)
    @cython.locals(board=Board, waited_ms="long long", departure="long long")
    cdef _waited(self, long long unit, long long zone, long long now_ms)
    @cython.locals(left="long long", group="long long")
    cpdef long long room(self, long long departure)
    cdef long long _left(self, long long row)
    @cython.locals(departure="long long", state="long long", group="long long")
    cpdef count(self, long long unit, long long by)
    cpdef load(self, long long departure, long long by)
    @cython.locals(board=Board, group="long long", other="long long", parked=Agenda, queue=Agenda, room="long long",
        rank="long long", unit="long long")
    cpdef call(self, long long departure)
    @cython.locals(board=Board, unit="long long")
    cpdef close(self, long long now_ms)
