# C types for dispatch.py; the Python file stays the one source. Bounds checks stay on.
cimport cython

cpdef long long distance_mm(
    long long ax, long long ay, long long a_lo, long long a_hi,
    long long bx, long long by, long long b_lo, long long b_hi,
)

cpdef long long urgency(int strategy, long long now_ms, long long number, long long latest_ms, long long priority)

@cython.locals(
    i="Py_ssize_t", index="long long", best="long long", best_latest="long long", best_number="long long",
)
cpdef tuple scan(
    int strategy, long long now_ms, long long weight_mm, long long x, long long y, long long lo, long long hi,
    const long long[::1] numbers, const long long[::1] latest, const long long[::1] priority,
    const long long[::1] xs, const long long[::1] ys, const long long[::1] los, const long long[::1] his,
)

@cython.locals(i="Py_ssize_t", count="Py_ssize_t")
cpdef Py_ssize_t count_before(const long long[::1] latest, long long limit_ms)
