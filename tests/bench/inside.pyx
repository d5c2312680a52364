# cython: language_level=3, boundscheck=False, wraparound=False
"""Decisions of the compiled sort.py called as C, without a Python call in between; built by lanes.py when it runs."""

from posix.time cimport CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID, clock_gettime, clockid_t, timespec

from edge.wes.sort cimport Barcodes, LanePlan


cdef enum:
    BLOCK = 64


cdef inline long long now_ns(clockid_t clock) noexcept:
    cdef timespec now
    clock_gettime(clock, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec


def by_number(LanePlan plan, const long long[::1] numbers, long long now_ms):
    """Nanoseconds of this thread for all of them, and the sum of the answers; the barcodes are numbers already.

    A block is looked up, then decided: the look-ups wait for memory together, not one after the other.
    """
    cdef Barcodes barcodes = plan.barcodes
    cdef long long[BLOCK] destinations
    cdef Py_ssize_t start, at
    cdef long long answers = 0
    cdef long long started = now_ns(CLOCK_THREAD_CPUTIME_ID)
    for start in range(0, numbers.shape[0] - BLOCK + 1, BLOCK):
        for at in range(BLOCK):
            destinations[at] = barcodes.look_up(numbers[start + at], None)
        for at in range(BLOCK):
            answers += plan.choose(destinations[at], 0, now_ms)
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - started, answers


def in_a_row(LanePlan plan, list scans, long long now_ms):
    """Nanoseconds of this thread for all of them, and the sum of the answers."""
    cdef str barcode
    cdef long long answers = 0
    cdef long long started = now_ns(CLOCK_THREAD_CPUTIME_ID)
    for barcode in scans:
        answers += plan.decide(barcode, 0, now_ms)
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - started, answers


def one_by_one(LanePlan plan, list scans, long long now_ms, long long[::1] took_ns):
    """Fills in how long each one took, with one look at the clock in it."""
    cdef str barcode
    cdef Py_ssize_t at = 0
    cdef long long answers = 0, started
    for barcode in scans:
        started = now_ns(CLOCK_MONOTONIC)
        answers += plan.decide(barcode, 0, now_ms)
        took_ns[at] = now_ns(CLOCK_MONOTONIC) - started
        at += 1
    return answers
