# C types for board.py; the Python file stays the one source.
cimport cython

@cython.locals(i="Py_ssize_t", cells="long long[::1]")
cpdef object grown(const long long[::1] column, Py_ssize_t size)

@cython.locals(i="Py_ssize_t", h="long long", prime="long long")
cpdef long long mixed(const long long[::1] column, const long long[::1] names, Py_ssize_t used, long long seed)

cdef class Board:
    cdef public long long origin_ms, areas
    cdef public long long[::1] travel
    cdef public dict rows
    cdef public list class_lo, class_hi, group_classes
    cdef public long long[::1] t_number, t_kind, t_cls, t_area, t_end_area, t_weight, t_work_ms, t_due_ms, t_next_ms, t_state, t_doer, t_waits, t_unit, t_departure, t_link
    cdef public long long[::1] l_to, l_number, l_next
    cdef public long long[::1] r_number, r_group, r_area, r_state, r_ready_ms, r_task, r_factor_q10
    cdef public long long[::1] u_number, u_zone, u_state, u_rank, u_departure, u_tasks, u_since_ms, u_robot
    cdef public long long[::1] d_number, d_cutoff_ms, d_area
    cdef public long long[::1] z_number, z_room, z_inside, z_load_cls, z_area

    cpdef widen(self, str table, long long row)
    cpdef long long new_row(self, str table)
    cpdef long long add_task(self, long long row, long long number, long long kind, long long cls, long long area,
        long long end_area, long long weight, long long work_ms, long long due_ms, long long next_ms, long long unit,
        long long departure)
    @cython.locals(link="long long")
    cpdef wait_for(self, long long row, long long before)
    @cython.locals(link="long long", to="long long", gone="long long", unit="long long")
    cpdef end_task(self, long long row)
    cpdef long long add_resource(self, long long row, long long number, long long group, long long area, long long factor_q10)
    cpdef end_resource(self, long long row)
    @cython.locals(walk="long long", ready="long long")
    cpdef long long start(self, long long resource, long long task, long long now_ms)
    cpdef rest(self, long long resource, long long state, long long area, long long now_ms)
