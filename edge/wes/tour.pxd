# C types for tour.py; the Python file stays the one source.
cimport cython

@cython.locals(
    before="const long long[::1]", shape="const long long[::1]", after="const long long[::1]",
    fronts="const long long[::1]", backs="const long long[::1]", column="Py_ssize_t", here="Py_ssize_t",
    there="Py_ssize_t", row="Py_ssize_t", out="Py_ssize_t", states="Py_ssize_t", shapes="Py_ssize_t",
    cost="long long", length_mm="long long", endless="long long",
)
cpdef long long cheapest(
    Py_ssize_t columns, const long long[::1] costs, const long long[::1] steps, long long[::1] best, long long[::1] came,
)

@cython.locals(
    trip="long long[::1]", near="long long[::1]", length="Py_ssize_t", chosen="Py_ssize_t", stop="Py_ssize_t",
    at="Py_ssize_t", place="Py_ssize_t", a="Py_ssize_t", b="Py_ssize_t", best="long long", detour="long long",
)
cpdef void insert(const long long[::1] walks, Py_ssize_t size, long long[::1] trip, long long[::1] near)

cpdef void reverse(long long[::1] trip, Py_ssize_t first, Py_ssize_t last)

@cython.locals(a="Py_ssize_t", b="Py_ssize_t", at="Py_ssize_t", gain="long long")
cpdef long long turned(const long long[::1] walks, Py_ssize_t size, const long long[::1] trip, Py_ssize_t i, Py_ssize_t j)

@cython.locals(
    better="bint", i="Py_ssize_t", j="Py_ssize_t", k="Py_ssize_t", a="Py_ssize_t", b="Py_ssize_t", c="Py_ssize_t",
    most="Py_ssize_t", gain="long long",
)
cpdef long long improve(const long long[::1] walks, Py_ssize_t size, long long[::1] trip, long long moves)
