# C types for sort.py; the Python file stays the one source. Bounds checks stay on.
cimport cython

@cython.locals(best="long long", fewest="long long", position="long long", units="long long")
cpdef long long least_loaded(
    list candidates, list load, list bound, list capacity, list closed, long long skip,
)

cpdef str state_of(Py_ssize_t position, list load, list bound, list capacity, list closed)
